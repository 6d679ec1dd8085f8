"""How is a slice asked for again? In parts, from its beginning in the same run, or by a later run.

A later run has other marks, so a list takes the beginning of its range with it.
"""

from collections.abc import Iterable, Sequence

from apps.sources.base import Context, Slice
from apps.sources.errors import (
    BadRequestError,
    ConflictError,
    EndpointRemovedError,
    NotFoundError,
    SourceError,
)
from apps.sources.github.extract.args import (
    ChildPage,
    ChildPagesArgs,
    IdsArgs,
    ListArgs,
    NumberedId,
    RepositoryListArgs,
)
from apps.sources.github.extract.index import RawPullRequestNode, read_part
from apps.sources.github.extract.window import list_window

MAX_FRESH_STARTS = 2  # of one list in one run
# The arguments that name the objects of a slice.
OBJECTS = {
    "overview": ("repositories",),
    "pull_request_heads": ("repositories", "known"),
    "pull_request_details": ("ids",),
    "deployment_details": ("ids",),
    "pull_request_pages": ("pages",),
    "rest_pull_request_details": ("numbers",),
}
# A refused cursor or address of a further page.
_CURSOR_ERRORS = (BadRequestError, NotFoundError, ConflictError, EndpointRemovedError)


def parts(slice_: Slice) -> list[Slice]:
    """The same in two slices; none if it asks for a single object."""
    filled = [name for name in OBJECTS.get(slice_.kind, ()) if slice_.args.get(name)]
    if len(filled) == 2:
        return [slice_.replace_args(**{name: []}) for name in filled]
    objects = slice_.args[filled[0]] if filled else []
    if not isinstance(objects, list) or len(objects) < 2:
        return []
    middle = len(objects) // 2
    return [slice_.replace_args(**{filled[0]: some}) for some in (objects[:middle], objects[middle:])]


def fresh_start(slice_: Slice, error: SourceError, context: Context) -> list[Slice]:
    """The list from its beginning, if ``error`` may be about the place where it continues; none after some times."""
    begun = slice_.args.get("begun", 0)
    if not isinstance(error, _CURSOR_ERRORS) or not isinstance(begun, int) or begun >= MAX_FRESH_STARTS:
        return []
    if not is_further(slice_):
        return []
    return [one.replace_args(begun=begun + 1) for one in from_beginning(slice_, context)]


def is_further(slice_: Slice) -> bool:
    """Whether a slice continues a list."""
    if slice_.kind == "repositories":
        args = slice_.read(RepositoryListArgs)
        return args.url != args.first_url
    return any(slice_.args.get(name) for name in ("url", "after", "pages"))


def from_beginning(slice_: Slice, context: Context) -> list[Slice]:
    """The same without a cursor. Pages of children are asked for with their pull requests."""
    if slice_.kind == "pull_request_pages":
        return details_again(slice_.read(ChildPagesArgs).pages, slice_.scope, context)
    if slice_.kind == "repositories":
        return [slice_.replace_args(url=slice_.read(RepositoryListArgs).first_url)]
    return [list_again(slice_, context)]


def list_again(slice_: Slice, context: Context) -> Slice:
    """A list of a repository from its beginning, for any later run.

    If all pull requests are wanted, those that are stored by then are left out.
    """
    args, window = slice_.read(ListArgs), list_window(context, slice_)
    if slice_.kind == "pull_requests" and window.is_open:
        return Slice.of(slice_.kind, ListArgs(with_sweep=True), slice_.scope)
    return Slice.of(slice_.kind, ListArgs(with_sweep=args.with_sweep, since=window.since), slice_.scope)


def details_again(pages: Iterable[ChildPage], scope: str, context: Context) -> list[Slice]:
    """The pull requests of further pages, each by its id."""
    ids: list[NumberedId] = []
    for external_id in dict.fromkeys(page.pull_request for page in pages):
        record = context.find("pull_request", external_id)
        node = read_part(record.payload, RawPullRequestNode) if record else None
        if node:
            ids.append(NumberedId(node.id, scope, node.number))
    return one_by_one("pull_request_details", ids, scope)


def one_by_one(kind: str, ids: Sequence[NumberedId], scope: str = "") -> list[Slice]:
    """A slice for each id."""
    return [Slice.of(kind, IdsArgs([one]), scope) for one in ids]
