"""How are Jira's lists read completely? In pages, and in batches that become smaller if Jira cannot answer them."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import msgspec

from apps.sources.errors import InvalidAnswerError, ServerError, SourceError
from apps.sources.jira.client import JiraPagePayload
from apps.sources.sizes import Sizes

TOO_MUCH = (ServerError, InvalidAnswerError)
MAX_FAILED_ITEMS = 3  # single items that fail before anything works; then the items are not the reason

T = TypeVar("T")
Ask = Callable[[list[str]], list[str]]


def ask_twice(ask: Callable[[], T], is_suspicious: Callable[[T], bool]) -> T:
    """Call `ask`. If the answer looks wrong, call it once more."""
    answer = ask()
    return ask() if is_suspicious(answer) else answer


def walk(ask: Callable[[int], JiraPagePayload]) -> Iterator[msgspec.Raw]:
    """Every value of a list with pages; ``ask(start)`` gives one page."""
    start: int | None = 0
    first = b""
    while start is not None:
        page = ask_twice(lambda start=start: ask(start), JiraPagePayload.is_broken_off)  # type: ignore[misc]
        if page.is_broken_off():
            raise InvalidAnswerError("Jira announced more of a list and sent nothing. Try again later.")
        newest = bytes(page.values[0]) if page.values else b""
        if newest and newest == first:
            raise InvalidAnswerError("Jira repeats the same page of a list. Try again later.")
        first = newest
        yield from page.values
        start = page.following(start)


class Batches:
    """Asks for items in batches of ``size``. After a batch of ``what`` was too large, the size stays halved."""

    def __init__(self, sizes: Sizes, what: str, size: int) -> None:
        self._sizes = sizes
        self._what = what
        self.size = sizes.at_most(what, size)

    def run(self, ids: Sequence[str], ask: Ask) -> dict[str, str]:
        """Ask for all ``ids``; gives the reasons of the ids that failed. ``ask`` returns the ids to be asked for again.

        A batch is halved on 5xx, and on broken or too large bodies. An id that fails alone is left out if others work.
        If nothing works, the ids are not the reason, and the error is raised.
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
        except TOO_MUCH as error:
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
