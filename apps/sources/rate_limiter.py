"""May a request be sent now? This is the protocol of all rate limiters, and the rate limiter of one process.

``apps/integrations/rate_limiter.py`` has the rate limiters that all workers share through Redis.
"""

import random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from apps.sources import clock
from apps.sources.errors import RateLimitedError
from apps.sources.limit_headers import MAX_GUESSED_PAUSE, Pause, pause_when_used_up, quota_of

MAX_WAIT_FOR_PLACE = 60.0  # seconds
MAX_JITTER = 5.0  # seconds
UNKNOWN = float("inf")
LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Availability(NamedTuple):
    """When a token can be used: after a pause that ends at ``until``, with ``remaining`` requests, or not at all."""

    until: datetime = LONG_AGO
    reason: str = ""
    remaining: float = UNKNOWN
    is_refused: bool = False
    is_expired: bool = False

    @property
    def is_free(self) -> bool:
        """Whether a request may be sent at once."""
        return not self.is_expired and not self.is_refused and self.until <= clock.now()

    def rank(self) -> tuple[bool, bool, datetime, float]:
        """The smallest is the best: first a good token, then the shortest pause, then the most requests left."""
        pause = self.until if self.until > clock.now() else LONG_AGO
        return self.is_expired, self.is_refused, pause, -self.remaining


class RateLimiter(Protocol):
    """The limits of one provider's site for one token. All requests that share these limits share the rate limiter."""

    def place(self) -> AbstractContextManager[None]:
        """Take a place for one request; waits a little for it. Raises :class:`RateLimitedError` for a long pause."""

    def observe(self, status: int, headers: Mapping[str, str]) -> None:
        """Learn from an answer (status 0: there was none)."""

    def pause(self, pause: Pause) -> datetime:
        """Make everybody pause; gives the end (UTC). A guessed pause that did not help makes the next one longer."""

    def refuse(self, message: str) -> None:
        """Note that the provider does not accept the token. Calls then prefer other tokens."""

    def availability(self) -> Availability:
        """When the next request may be sent. It is used to choose among several tokens."""


def pause_seconds(pause: Pause, failed_pauses: int) -> float:
    """How long to pause after ``failed_pauses`` pauses that did not help. A guessed pause doubles every time.

    The jitter prevents that all workers come back at once.
    """
    guess = min(pause.seconds * 2 ** min(failed_pauses, 10), MAX_GUESSED_PAUSE)
    seconds = pause.seconds if pause.is_explicit else guess
    return seconds + random.uniform(0, min(seconds * 0.1, MAX_JITTER))  # noqa: S311 - jitter, no secret


def pause_sentence(until: datetime, reason: str, who: str = "The provider") -> str:
    """``… asks for a pause until 14:05 UTC, because …``; the minute is rounded up."""
    shown = until.astimezone(UTC) + timedelta(seconds=59)
    moment = f"{shown:%H:%M} UTC"
    if shown.date() != clock.now().date():
        moment = f"{shown:%d %b}, {moment}"
    return f"{who} asks for a pause until {moment}, because {reason}."


def wait_or_raise(until: datetime, reason: str, max_wait: float) -> None:
    """Sleep until ``until`` if that takes at most ``max_wait`` seconds, else raise :class:`RateLimitedError`."""
    seconds = (until - clock.now()).total_seconds()
    if seconds > max_wait:
        raise RateLimitedError(pause_sentence(until, reason), until, reason=reason)
    if seconds > 0:
        time.sleep(seconds)


def no_place_error() -> RateLimitedError:
    """The error of a request that got no place in time."""
    until = clock.now() + timedelta(seconds=5)
    return RateLimitedError("All places for requests to this provider are taken. The work goes on in a moment.", until)


class LocalRateLimiter:
    """A rate limiter for the threads of this process: ``max_places`` requests in flight, shared pauses."""

    def __init__(self, max_places: int = 32, max_wait: float = 5.0) -> None:
        self._places = threading.BoundedSemaphore(max_places)
        self._max_wait = max_wait
        self._lock = threading.Lock()
        self._availability = Availability()
        self._failed_pauses = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """See :class:`RateLimiter`."""
        wait_or_raise(self._availability.until, self._availability.reason, self._max_wait)
        if not self._places.acquire(timeout=MAX_WAIT_FOR_PLACE):
            raise no_place_error()
        try:
            yield
        finally:
            self._places.release()

    def observe(self, status: int, headers: Mapping[str, str]) -> None:
        """See :class:`RateLimiter`."""
        if not 0 < status < 400:
            return
        quota, pause = quota_of(headers), pause_when_used_up(headers)
        with self._lock:
            self._failed_pauses = 0
            remaining = quota.remaining if quota else UNKNOWN
            self._availability = self._availability._replace(is_refused=False, remaining=remaining)
        if pause:
            self.pause(pause)

    def pause(self, pause: Pause) -> datetime:
        """See :class:`RateLimiter`."""
        with self._lock:
            if not pause.is_explicit and self._availability.until > clock.now():
                # This request was sent before the pause began, so its refusal adds nothing.
                return self._availability.until
            until = clock.now() + timedelta(seconds=pause_seconds(pause, self._failed_pauses))
            self._failed_pauses += not pause.is_explicit
            if until > self._availability.until:
                self._availability = self._availability._replace(until=until, reason=pause.reason)
            return self._availability.until

    def refuse(self, message: str) -> None:
        """See :class:`RateLimiter`."""
        with self._lock:
            self._availability = self._availability._replace(is_refused=True)

    def availability(self) -> Availability:
        """See :class:`RateLimiter`."""
        return self._availability
