"""May a request go out now? What a client asks before each one, and the answer for the threads of one process."""

import random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from apps.sources import clock
from apps.sources.errors import RateLimitedError
from apps.sources.limits import LONGEST_GUESS, Limit, allowance, allowance_used_up

LONGEST_QUEUE = 60.0
MOST_JITTER = 5.0
UNKNOWN = float("inf")
LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Outlook(NamedTuple):
    """What a request with one token may expect: a pause until ``until``, ``left`` requests, a refusal."""

    until: datetime = LONG_AGO
    reason: str = ""
    left: float = UNKNOWN
    refused: bool = False
    expired: bool = False

    @property
    def is_free(self) -> bool:
        """Whether a request may go out at once."""
        return not self.expired and not self.refused and self.until <= clock.now()

    def rank(self) -> tuple[bool, bool, datetime, float]:
        """Smallest is best: a good token, the one that waits the shortest, the one with most left."""
        pause = self.until if self.until > clock.now() else LONG_AGO
        return self.expired, self.refused, pause, -self.left


class Governor(Protocol):
    """The limits of one provider site for one token, obeyed by everybody who shares the governor."""

    def slot(self) -> AbstractContextManager[None]:
        """A place among those in flight; waits a little for it. :class:`RateLimitedError` for a pause."""

    def observe(self, status: int, headers: Mapping[str, str]) -> None:
        """Learn from an answer (status 0: there was none)."""

    def limited(self, limit: Limit) -> datetime:
        """Everybody pauses; gives the end (UTC), later each time where the provider does not say how long."""

    def refused(self, sentence: str) -> None:
        """The provider does not accept the token: others are preferred."""

    def outlook(self) -> Outlook:
        """What a request may expect; asked for where there are several tokens to choose from."""


def pause_seconds(limit: Limit, strikes: int) -> float:
    """How long to pause when ``strikes`` pauses before this one did not help: a guess doubles every time.

    The jitter keeps workers from coming back all at once.
    """
    seconds = limit.seconds if limit.told else min(limit.seconds * 2 ** min(strikes, 10), LONGEST_GUESS)
    return seconds + random.uniform(0, min(seconds * 0.1, MOST_JITTER))  # noqa: S311 - jitter, no secret


def pause_sentence(until: datetime, reason: str, who: str = "The provider") -> str:
    """``… asks for a pause until 14:05 UTC, because …``; the minute that is named is never too early."""
    shown = until.astimezone(UTC) + timedelta(seconds=59)
    told = f"{shown:%H:%M} UTC"
    if shown.date() != clock.now().date():
        told = f"{shown:%d %b}, {told}"
    return f"{who} asks for a pause until {told}, because {reason}."


def wait_or_raise(until: datetime, reason: str, patience: float) -> None:
    """Sleep until ``until`` if that takes no more than ``patience`` seconds, else :class:`RateLimitedError`."""
    seconds = (until - clock.now()).total_seconds()
    if seconds > patience:
        raise RateLimitedError(pause_sentence(until, reason), until)
    if seconds > 0:
        time.sleep(seconds)


def queue_is_full() -> RateLimitedError:
    """The error of a request that found no free place in time."""
    until = clock.now() + timedelta(seconds=5)
    return RateLimitedError("All places for requests to this provider are taken; the work goes on in a moment.", until)


class LocalGovernor:
    """A governor for the threads of this process: ``concurrency`` requests in flight, shared pauses."""

    def __init__(self, concurrency: int = 32, patience: float = 5.0) -> None:
        self._places = threading.BoundedSemaphore(concurrency)
        self._patience = patience
        self._lock = threading.Lock()
        self._outlook = Outlook()
        self._strikes = 0

    @contextmanager
    def slot(self) -> Iterator[None]:
        """See :class:`Governor`."""
        wait_or_raise(self._outlook.until, self._outlook.reason, self._patience)
        if not self._places.acquire(timeout=LONGEST_QUEUE):
            raise queue_is_full()
        try:
            yield
        finally:
            self._places.release()

    def observe(self, status: int, headers: Mapping[str, str]) -> None:
        """See :class:`Governor`."""
        if not 0 < status < 400:
            return
        told, limit = allowance(headers), allowance_used_up(headers)
        with self._lock:
            self._strikes = 0
            self._outlook = self._outlook._replace(refused=False, left=told.remaining if told else UNKNOWN)
        if limit:
            self.limited(limit)

    def limited(self, limit: Limit) -> datetime:
        """See :class:`Governor`."""
        with self._lock:
            if not limit.told and self._outlook.until > clock.now():
                return self._outlook.until  # refused while it was under way: no news
            until = clock.now() + timedelta(seconds=pause_seconds(limit, self._strikes))
            self._strikes += not limit.told
            if until > self._outlook.until:
                self._outlook = self._outlook._replace(until=until, reason=limit.reason)
            return self._outlook.until

    def refused(self, sentence: str) -> None:
        """See :class:`Governor`."""
        with self._lock:
            self._outlook = self._outlook._replace(refused=True)

    def outlook(self) -> Outlook:
        """See :class:`Governor`."""
        return self._outlook
