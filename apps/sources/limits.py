"""Does the provider ask for a pause, and for how long? What headers and messages say about limits."""

import random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple, Protocol

from apps.sources.errors import RateLimited
from apps.sources.text import parse_time

LONGEST_PAUSE = 24 * 3600.0
LONGEST_GUESS = 3600.0
SECONDARY_PAUSE = 60.0
FIRST_PAUSE = 1.0
LONGEST_QUEUE = 60.0


class Limit(NamedTuple):
    """A pause of ``seconds`` is asked for; ``told`` is false where that length is our own first guess."""

    seconds: float
    reason: str
    told: bool = True


class Governor(Protocol):
    """The limits of one provider site, obeyed by everybody who shares the governor."""

    def slot(self) -> AbstractContextManager[None]:
        """A place among those in flight; waits a little for it. :class:`RateLimited` for a pause."""

    def observe(self, status: int, headers: Mapping[str, str]) -> None:
        """Learn from an answer (status 0: there was none)."""

    def limited(self, limit: Limit) -> datetime:
        """Everybody pauses; gives the end (UTC), later each time where the provider does not say how long."""


def limit_of(status: int, headers: Mapping[str, str], message: str = "") -> Limit | None:
    """The pause that a refusal asks for, ``None`` when it is none (a 403 may just be a missing right)."""
    told = retry_after(headers)
    if status == 503:
        return None if told is None else Limit(told, "the provider is unavailable for a while")
    lowered = message.lower()
    secondary = "secondary rate limit" in lowered or "abuse detection" in lowered
    exhausted = headers.get("x-ratelimit-remaining", "").strip() == "0"
    hinted = told is not None or exhausted or secondary or "rate limit" in lowered
    if status != 429 and not (status == 403 and hinted):
        return None
    reason = headers.get("ratelimit-reason", "") or ("secondary rate limit" if secondary else "rate limit")
    if told is None and (exhausted or not secondary):
        told = seconds_to_reset(headers)
    if told is not None:
        return Limit(told, reason)
    return Limit(SECONDARY_PAUSE if secondary or status == 403 else FIRST_PAUSE, reason, told=False)


def allowance_used_up(headers: Mapping[str, str]) -> Limit | None:
    """The pause until the reset when an answer was the last one allowed (searches have their own count)."""
    if headers.get("x-ratelimit-remaining", "").strip() != "0" or "search" in headers.get("x-ratelimit-resource", ""):
        return None
    seconds = seconds_to_reset(headers)
    return None if seconds is None else Limit(seconds, "the allowance is used up")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from Retry-After, which holds seconds or an HTTP date; ``None`` when absent or unreadable."""
    value = headers.get("retry-after", "").strip()
    try:
        return _bounded(float(value))
    except ValueError:
        pass
    moment = _http_date(value)
    return None if moment is None else _bounded((moment - _provider_now(headers)).total_seconds())


def seconds_to_reset(headers: Mapping[str, str]) -> float | None:
    """Seconds until X-RateLimit-Reset (epoch seconds or ISO time) by the provider's own clock."""
    value = headers.get("x-ratelimit-reset", "").strip()
    moment = parse_time(int(value) if value.isdecimal() else value)
    return None if moment is None else _bounded((moment - _provider_now(headers)).total_seconds())


def near_limit(headers: Mapping[str, str]) -> bool:
    """Whether little of the allowance is left: Jira says so itself, else less than a tenth remains."""
    if headers.get("x-ratelimit-nearlimit", "").lower() == "true":
        return True
    try:
        remaining, allowed = int(headers["x-ratelimit-remaining"]), int(headers["x-ratelimit-limit"])
    except (KeyError, ValueError):
        return False
    return remaining * 10 < allowed


def backoff(attempt: int, base: float = 0.5, longest: float = 30.0) -> float:
    """Seconds before try ``attempt`` + 1 (from 0): exponential with full jitter."""
    return random.uniform(0, min(longest, base * 2**attempt))  # noqa: S311 - jitter, no secret


def _http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _provider_now(headers: Mapping[str, str]) -> datetime:
    return _http_date(headers.get("date", "")) or datetime.now(UTC)


def _bounded(seconds: float) -> float:
    if seconds != seconds:  # NaN
        raise ValueError("not a number of seconds")
    return min(max(seconds, 0.0), LONGEST_PAUSE)


def pause_seconds(limit: Limit, strikes: int) -> float:
    """How long to pause when ``strikes`` pauses before this one did not help: a guess doubles every time.

    The jitter keeps workers from coming back all at once.
    """
    seconds = limit.seconds if limit.told else min(limit.seconds * 2 ** min(strikes, 10), LONGEST_GUESS)
    return seconds * random.uniform(1, 1.1)  # noqa: S311 - jitter, no secret


def wait_or_raise(until: datetime, reason: str, patience: float) -> None:
    """Sleep until ``until`` if that takes no more than ``patience`` seconds, else :class:`RateLimited`."""
    seconds = (until - datetime.now(UTC)).total_seconds()
    if seconds > patience:
        raise RateLimited(f"The provider asks for a pause until {until:%Y-%m-%d %H:%M:%S} UTC ({reason}).", until)
    if seconds > 0:
        time.sleep(seconds)


class LocalGovernor:
    """A governor for the threads of this process: ``concurrency`` requests in flight, shared pauses."""

    def __init__(self, concurrency: int = 32, patience: float = 5.0) -> None:
        self._places = threading.BoundedSemaphore(concurrency)
        self._patience = patience
        self._lock = threading.Lock()
        self._until = datetime.min.replace(tzinfo=UTC)
        self._reason = ""
        self._strikes = 0

    @contextmanager
    def slot(self) -> Iterator[None]:
        """See :class:`Governor`."""
        wait_or_raise(self._until, self._reason, self._patience)
        if not self._places.acquire(timeout=LONGEST_QUEUE):
            raise queue_is_full()
        try:
            yield
        finally:
            self._places.release()

    def observe(self, status: int, headers: Mapping[str, str]) -> None:
        """See :class:`Governor`."""
        if 0 < status < 400:
            self._strikes = 0
            limit = allowance_used_up(headers)
            if limit:
                self.limited(limit)

    def limited(self, limit: Limit) -> datetime:
        """See :class:`Governor`."""
        with self._lock:
            until = datetime.now(UTC) + timedelta(seconds=pause_seconds(limit, self._strikes))
            self._strikes += not limit.told
            if until > self._until:
                self._until, self._reason = until, limit.reason
            return self._until


def queue_is_full() -> RateLimited:
    """The error of a request that found no free place in time."""
    until = datetime.now(UTC) + timedelta(seconds=5)
    return RateLimited("All places for requests to this provider are taken; the work goes on in a moment.", until)
