"""How much can GitHub answer at once? Where it gives up, less is asked for: half the items, then half the children."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from apps.sources.base import Context, Fetched, Slice
from apps.sources.errors import SourceError, UntrustedError
from apps.sources.github.client import TOO_MUCH_ERRORS, Client, GraphQLAnswer, null_repository_error, owner_and_name
from apps.sources.github.extract.args import ListArgs
from apps.sources.github.extract.index import RepositoryData, RepositoryListsNode
from apps.sources.sizes import Sizes

P = TypeVar("P")
T = TypeVar("T")


class TooMuchError(Exception):
    """GitHub gave up on a question; ``fetched`` is the outcome of its slice all the same: mostly smaller slices."""

    def __init__(self, fetched: Fetched) -> None:
        super().__init__("GitHub gave up on a question.")
        self.fetched = fetched


@dataclass
class Size:
    """How much GitHub could answer so far to one kind of question: ``items``, each with ``inner`` children."""

    items: int
    inner: int
    question: str
    sizes: Sizes

    def halve(self, items: int, inner: int, error: SourceError) -> tuple[int, int]:
        """See :func:`halved`; later questions do not ask for more either."""
        items, inner = halved(items, inner, error)
        # Threads that failed with the same size lower it once.
        self.items, self.inner = min(self.items, max(items, 1)), min(self.inner, inner)
        self.sizes.lower(_items(self.question), self.items)
        self.sizes.lower(_inner(self.question), self.inner)
        return items, inner


def size_of(context: Context, question: str, items: int, inner: int) -> Size:
    """The size that the connection has come to for one kind of question; it begins with ``items`` and ``inner``."""
    sizes = context.http.sizes
    return Size(sizes.at_most(_items(question), items), sizes.at_most(_inner(question), inner), question, sizes)


def halved(items: int, inner: int, error: SourceError) -> tuple[int, int]:
    """What to ask for after ``error``: half the items, then half the children; raises ``error`` at the end."""
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
    """The answer to a question. Raises :class:`TooMuchError` with the outcome of ``ask_less`` where GitHub gives up.

    A question that can be made smaller is tried once, the smallest one as often as the client tries.
    """
    try:
        return client.graphql(query, variables, shape, attempts=None if is_smallest else 1)
    except TOO_MUCH_ERRORS as error:
        raise TooMuchError(ask_less(error)) from error


def ask_page(
    client: Client, slice_: Slice, query: str, page_of: Callable[[RepositoryListsNode], P | None]
) -> tuple[str, P]:
    """The present name of the slice's repository, and the page of its list that ``page_of`` takes from the answer.

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
    return repository.name_with_owner, page


def _items(question: str) -> str:
    return f"github {question}: items"


def _inner(question: str) -> str:
    return f"github {question}: inner"
