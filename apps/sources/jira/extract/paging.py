"""How are Jira's lists read to their true end? Pages, and batches that shrink when Jira chokes on them."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import msgspec

from apps.sources.errors import InvalidAnswerError, ServerError, SourceError
from apps.sources.jira.client import Page
from apps.sources.sizes import Sizes

BREAKABLE = (ServerError, InvalidAnswerError)
HOPELESS = 3  # single items in a row that fail while nothing works: it is not the items

T = TypeVar("T")
Ask = Callable[[list[str]], list[str]]


def insist(ask: Callable[[], T], is_odd: Callable[[T], bool]) -> T:
    """An answer; one that may be a hiccup (empty where more was announced) is asked for once more."""
    answer = ask()
    return ask() if is_odd(answer) else answer


def walk(ask: Callable[[int], Page]) -> Iterator[msgspec.Raw]:
    """Every value of a list of page beans; ``ask(start)`` gives one page."""
    start: int | None = 0
    first = b""
    while start is not None:
        page = insist(lambda start=start: ask(start), Page.breaks_off)  # type: ignore[misc]
        if page.breaks_off():
            raise InvalidAnswerError("Jira announces more of a list and gives nothing. Try later.")
        head = bytes(page.values[0]) if page.values else b""
        if head and head == first:
            raise InvalidAnswerError("Jira gives the same page of a list again and again; it has no end. Try later.")
        first = head
        yield from page.values
        start = page.following(start)


class Batches:
    """Asks for items in batches of ``size``; one that proved too large for ``what`` stays halved."""

    def __init__(self, sizes: Sizes, what: str, size: int) -> None:
        self._sizes = sizes
        self._what = what
        self.size = sizes.at_most(what, size)

    def run(self, ids: Sequence[str], ask: Ask) -> dict[str, str]:
        """``ask`` for all ``ids``; it gives those to be asked for again. Gives why single ids failed.

        A batch is halved on 5xx, broken and too large bodies. An id that fails alone is left out when others
        work; when nothing works, it is not the ids: the error is raised.
        """
        waiting, attempt = list(ids), _Attempt(ask)
        while waiting:
            batch, waiting = waiting[: self.size], waiting[self.size :]
            failed = len(attempt.failed)
            largest = attempt.settle(batch)
            if largest < len(batch) and len(attempt.failed) == failed:
                self.size = max(1, min(self.size, largest))
                self._sizes.lower(self._what, self.size)
        if attempt.error and not attempt.worked:
            raise attempt.error
        return attempt.failed


class _Attempt:
    """One pass over some ids."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self.worked = False
        self.failed: dict[str, str] = {}
        self.error: SourceError | None = None

    def settle(self, batch: list[str]) -> int:
        """Ask for ``batch``, in halves where need be; gives the largest size that worked."""
        try:
            again = self._ask(batch)
        except BREAKABLE as error:
            self.error = error
            if len(batch) == 1:
                return self._fail(batch[0], str(error))
            again = batch
        else:
            self.worked = True
            if not again:
                return len(batch)
            if len(batch) == 1:
                return self._fail(batch[0], "Jira could not give it.")
        middle = (len(again) + 1) // 2
        halves = [half for half in (again[:middle], again[middle:]) if half]
        return max(self.settle(half) for half in halves)

    def _fail(self, item: str, why: str) -> int:
        self.failed[item] = why
        if self.error and not self.worked and len(self.failed) >= HOPELESS:
            raise self.error
        return 0
