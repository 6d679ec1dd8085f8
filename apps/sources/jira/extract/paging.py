"""How are Jira's lists read completely? In pages, and in batches that become smaller if Jira cannot answer them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple, TypeVar

import msgspec

from apps.sources.base import Fetched, Skip, Slice, SourceRecord
from apps.sources.errors import (
    OF_ALL_REQUESTS,
    OF_THE_CONNECTION,
    InvalidAnswerError,
    NotFoundError,
    RateLimitedError,
    SourceError,
)
from apps.sources.jira.client import JiraPagePayload, RecordIdPayload
from apps.sources.jira.extract.args import PagedListArgs
from apps.sources.reading import read_quietly
from apps.sources.sizes import Sizes
from apps.sources.text import clean

MAX_FAILED_ITEMS = 3  # single items that fail before anything works; then the items are not the reason
MAX_RESTARTS = 1  # of a list within a run
# The arguments of a slice that say how far its list was read.
CURSOR_ARGS = frozenset({"token", "visited", "empty", "restarts", "start", "seen", "total", "shown", "first"})

T = TypeVar("T")
Ask = Callable[[list[str]], list[str]]


def ask_twice(ask: Callable[[], T], is_suspicious: Callable[[T], bool]) -> T:
    """Call `ask`. If the answer looks wrong, call it once more."""
    answer = ask()
    return ask() if is_suspicious(answer) else answer


# --- lists with offsets -----------------------------------------------------------------------------------------------


class ListPage(NamedTuple):
    """A page of a list: its values, the slice of the next page if there is one, and why the list ends too early."""

    values: list[msgspec.Raw]
    following: Slice | None = None
    problem: str = ""

    @property
    def is_end(self) -> bool:
        """Whether the list was read completely."""
        return self.following is None and not self.problem


def read_page(slice_: Slice, ask: Callable[[int], JiraPagePayload]) -> ListPage:
    """The page that a slice names; ``ask(start)`` gives it. A list is complete if it has all values that it announced.

    A page that follows is a slice of its own, so that its refusal loses nothing of the pages before it.
    """
    args = slice_.read(PagedListArgs)

    def is_cut(page: JiraPagePayload) -> bool:
        return not page.values and page.is_followed(args.start, max(args.total, page.total or 0))

    page = ask_twice(lambda: ask(args.start), is_cut)
    total, end = max(args.total, page.total or 0), args.start + len(page.values)
    seen = list(dict.fromkeys([*args.seen, *map(id_of, page.values)]))
    if page.values and len(seen) == len(args.seen):
        return ListPage(page.values, problem="Jira repeats the same page of the list.")
    if page.values and page.is_followed(end, total):
        return ListPage(page.values, slice_.replace_args(start=end, seen=seen, total=total))
    if is_cut(page) or len(seen) < total:
        announced = f"{total:,}" if total > len(seen) else "more"
        return ListPage(page.values, problem=f"Jira announced {announced} and sent {len(seen):,}.")
    return ListPage(page.values)


def fetched_page(slice_: Slice, page: ListPage, what: str, records: list[SourceRecord]) -> Fetched:
    """The records of a page with the page that follows; ``what`` names the list if it ends too early."""
    follow_ups = [page.following] if page.following else []
    skips = [Skip(slice_.scope, f"{what}: {page.problem}", again=from_the_start(slice_))] if page.problem else []
    return Fetched(records, follow_ups, skips=skips)


def id_of(value: msgspec.Raw) -> str:
    """The id of an object; one without an id has the digest of its content."""
    try:
        found = read_quietly(bytes(value), RecordIdPayload)
    except msgspec.DecodeError:
        found = RecordIdPayload()
    name = found.id if found.id is not None else found.account_id
    return clean(name) if name is not None else blake2b(bytes(value), digest_size=8).hexdigest()


def walk(ask: Callable[[int], JiraPagePayload]) -> Iterator[msgspec.Raw]:
    """Every value of a list with pages; raises :class:`InvalidAnswerError` if it ends too early."""
    slice_: Slice | None = Slice("")
    while slice_:
        page = read_page(slice_, ask)
        yield from page.values
        if page.problem:
            raise InvalidAnswerError(f"{page.problem} Try again later.")
        slice_ = page.following


# --- lists that are begun anew ----------------------------------------------------------------------------------------


def from_the_start(slice_: Slice) -> Slice:
    """The slice that asks for a list from its first page on."""
    args = {name: value for name, value in slice_.args.items() if name not in CURSOR_ARGS}
    return msgspec.structs.replace(slice_, args=args, announced=None)


def begin_anew(slice_: Slice, what: str, why: str) -> Fetched:
    """Begin a list anew, because its cursor is of no use any more; if that does not help, the next run does it."""
    restarts = slice_.args.get("restarts", 0)
    first = from_the_start(slice_)
    if isinstance(restarts, int) and restarts < MAX_RESTARTS:
        return Fetched(follow_ups=[first.replace_args(restarts=restarts + 1)])
    return Fetched(skips=[Skip(slice_.scope, f"{what} cannot be read completely. {why}", again=first)])


# --- single objects and batches ---------------------------------------------------------------------------------------


def each(names: Iterable[str], ask: Callable[[str], None]) -> dict[str, SourceError]:
    """Call ``ask`` for each name; gives the refusals. What is about all requests is raised.

    If the first names are all refused, the names are not the reason, and the others are refused without being asked.
    A pause is obeyed before anything has worked; later it is the refusal of its name.
    """
    refused: dict[str, SourceError] = {}
    has_worked, latest = False, SourceError("")
    for name in names:
        if not has_worked and len(refused) >= MAX_FAILED_ITEMS:
            refused[name] = latest
            continue
        try:
            ask(name)
        except OF_THE_CONNECTION:
            raise
        except SourceError as error:
            if isinstance(error, RateLimitedError) and not has_worked:
                raise
            refused[name] = latest = error
            has_worked = has_worked or isinstance(error, NotFoundError)
        else:
            has_worked = True
    return refused


def paused(refused: Mapping[str, SourceError]) -> list[str]:
    """The names that were refused only because the provider asks for a pause."""
    return [name for name, error in refused.items() if isinstance(error, RateLimitedError)]


class Batches:
    """Asks for items in batches of ``size``. After a batch of ``what`` was too large, the size stays halved."""

    def __init__(self, sizes: Sizes, what: str, size: int) -> None:
        self._sizes = sizes
        self._what = what
        self.size = sizes.at_most(what, size)

    def run(self, ids: Sequence[str], ask: Ask) -> dict[str, str]:
        """Ask for all ``ids``; gives the reasons of the ids that failed. ``ask`` returns the ids to be asked for again.

        A batch that is refused is halved. An id that fails alone is left out if others work. If nothing works, the ids
        are not the reason, and the error is raised.
        """
        waiting, attempt = list(ids), _Pass(ask)
        while waiting:
            batch, waiting = waiting[: self.size], waiting[self.size :]
            failed = len(attempt.failed)
            largest = attempt.run(batch)
            if largest < len(batch) and len(attempt.failed) == failed:
                self.size = max(1, min(self.size, largest))
                self._sizes.lower(self._what, self.size)
        if attempt.error and not attempt.has_worked:
            raise attempt.error
        return attempt.failed


class _Pass:
    """One pass over some ids."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self.has_worked = False
        self.failed: dict[str, str] = {}
        self.error: SourceError | None = None

    def run(self, batch: list[str]) -> int:
        """Ask for ``batch``, in halves where necessary; gives the largest size that worked."""
        try:
            again = self._ask(batch)
        except OF_ALL_REQUESTS:
            raise
        except SourceError as error:
            self.error = error
            if len(batch) == 1:
                return self._fail(batch[0], str(error))
            again = batch
        else:
            self.has_worked = True
            if not again:
                return len(batch)
            if len(batch) == 1:
                return self._fail(batch[0], "Jira could not give it.")
        middle = (len(again) + 1) // 2
        halves = [half for half in (again[:middle], again[middle:]) if half]
        return max(self.run(half) for half in halves)

    def _fail(self, item: str, why: str) -> int:
        self.failed[item] = why
        if self.error and not self.has_worked and len(self.failed) >= MAX_FAILED_ITEMS:
            raise self.error
        return 0
