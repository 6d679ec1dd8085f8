"""How much can GitHub answer at once? If it gives up, we ask for half the items, then for half the children."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from apps.sources.base import Context, Fetched, Slice
from apps.sources.errors import SourceError, UntrustedError
from apps.sources.github.client import (
    TOO_MUCH_ERRORS,
    Client,
    ErrorNode,
    GraphQLAnswer,
    null_repository_error,
    owner_and_name,
)
from apps.sources.github.extract.args import ListArgs
from apps.sources.github.extract.index import RepositoryData, RepositoryListsNode
from apps.sources.sizes import Sizes

P = TypeVar("P")
T = TypeVar("T")


class TooMuchError(Exception):
    """GitHub gave up on a query. ``fetched`` is still the outcome of its slice: usually smaller slices."""

    def __init__(self, fetched: Fetched) -> None:
        super().__init__("GitHub gave up on a query.")
        self.fetched = fetched


@dataclass
class Size:
    """How much GitHub could answer so far to one kind of query: ``items``, each with ``inner`` children."""

    items: int
    inner: int
    query_kind: str
    sizes: Sizes

    def halve(self, items: int, inner: int, error: SourceError) -> tuple[int, int]:
        """See :func:`halved`. Later queries do not ask for more either."""
        items, inner = halved(items, inner, error)
        # Threads that failed with the same size lower it once.
        self.items, self.inner = min(self.items, max(items, 1)), min(self.inner, inner)
        self.sizes.lower(_items(self.query_kind), self.items)
        self.sizes.lower(_inner(self.query_kind), self.inner)
        return items, inner


def size_of(context: Context, query_kind: str, items: int, inner: int) -> Size:
    """The present size for one kind of query. Without a stored size it is ``items`` and ``inner``."""
    sizes = context.http.sizes
    return Size(sizes.at_most(_items(query_kind), items), sizes.at_most(_inner(query_kind), inner), query_kind, sizes)


def halved(items: int, inner: int, error: SourceError) -> tuple[int, int]:
    """The smaller size after ``error``: half the items, then half the children. The smallest size raises ``error``."""
    if isinstance(error, UntrustedError) or (items <= 1 and inner <= 1):
        raise error
    return (items // 2, inner) if items > 1 else (items, inner // 2)


def ask(
    client: Client,
    query: str,
    variables: Mapping[str, Any],
    shape: type[T],
    *,
    is_smallest: bool,
    ask_less: Callable[[SourceError], Fetched],
) -> GraphQLAnswer[T]:
    """The answer to a query. If GitHub gives up, raises :class:`TooMuchError` with the outcome of ``ask_less``.

    A query that can be made smaller is tried once. The smallest one gets all tries of the client.
    """
    try:
        return client.graphql(query, variables, shape, attempts=None if is_smallest else 1)
    except TOO_MUCH_ERRORS as error:
        raise TooMuchError(ask_less(error)) from error


def ask_page(
    client: Client, slice_: Slice, query: str, page_of: Callable[[RepositoryListsNode], P | None]
) -> tuple[str, P, list[ErrorNode]]:
    """The present name of the slice's repository, the page of its list that ``page_of`` takes, and the errors.

    Raises :class:`TooMuchError`, or the reason why GitHub gives no repository or no list.
    """
    args = slice_.read(ListArgs)
    variables = {**owner_and_name(slice_.scope), "first": args.first, "after": args.after}

    def ask_less(error: SourceError) -> Fetched:
        half, _ = halved(args.first, 1, error)
        return Fetched(follow_ups=[slice_.replace_args(first=half)])

    answer = ask(client, query, variables, RepositoryData, is_smallest=args.first <= 1, ask_less=ask_less)
    repository = answer.data.repository
    page = page_of(repository) if repository else None
    if repository is None or page is None:
        raise null_repository_error(answer.errors, slice_.scope)
    return repository.name_with_owner, page, answer.errors


def _items(query_kind: str) -> str:
    return f"github {query_kind}: items"


def _inner(query_kind: str) -> str:
    return f"github {query_kind}: inner"
