"""How many requests may all workers have in flight under one limit, and when must all of them pause?

Redis holds the truth of a limit: a concurrency that falls when the provider suffers and recovers slowly, who holds
how much of it, a pause that everybody obeys, and how many requests are left. A process asks for its share about once
a second, not per request; a share lapses with its lease, so that a killed worker leaks nothing. Without Redis each
process keeps to a few requests, and looks for Redis again every few seconds.
"""

import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta

from redis import Redis, RedisError

from apps.integrations.governor_scripts import GLANCE, PAUSE, SHARE
from apps.sources import clock
from apps.sources.governors import (
    LONG_AGO,
    LONGEST_QUEUE,
    UNKNOWN,
    Outlook,
    pause_seconds,
    queue_is_full,
    wait_or_raise,
)
from apps.sources.limits import LONGEST_GUESS, Limit, allowance, allowance_used_up, near_limit

RENEW_EVERY = 1.0  # seconds between two looks at Redis when there are places left
ASK_EVERY = 0.05  # the same when threads wait for a place
LEASE_MS = 15_000  # after which the share of a silent process lapses
SLOW = 20.0  # an answer that takes longer (seconds) counts as a sign of distress
CONCURRENCY_ALONE = 4  # requests in flight per process while Redis is away
TRY_REDIS_AGAIN = 5.0  # seconds


class RedisGovernor:
    """The limit called ``name``, shared through Redis: one of the limits behind a :class:`~.access.TokenGovernor`.

    ``most`` is the highest concurrency under this limit; ``patience`` the longest pause (seconds) that is
    slept through, for a longer one :class:`~apps.sources.errors.RateLimitedError` is raised. Thread-safe.
    """

    def __init__(self, redis_client: Redis, name: str, *, most: int = 32, patience: float = 5.0) -> None:
        self.name = name
        self._keys = [f"governor:{{{name}}}:{part}" for part in ("leases", "held", "wants", "state")]
        self._share_script = redis_client.register_script(SHARE)
        self._pause_script = redis_client.register_script(PAUSE)
        self._glance_script = redis_client.register_script(GLANCE)
        self._holder = uuid.uuid4().hex
        self._most = most
        self._patience = patience
        self._changed = threading.Condition()
        self._share = 0
        self._wanted = 0
        self._used = 0
        self._waiting = 0
        self._good = 0
        self._bad = 0
        self._next_look = 0.0
        self._redis_is_away_until = 0.0
        self._crowded = False
        self._alone = float(CONCURRENCY_ALONE)
        self._strikes = 0
        self._until = LONG_AGO
        self._reason = ""
        self._left = UNKNOWN
        self._renewal = LONG_AGO
        self._has_news = False
        self._next_glance = 0.0

    @contextmanager
    def slot(self) -> Iterator[None]:
        """See :class:`~apps.sources.governors.Governor`."""
        self._enter()
        began = time.monotonic()
        try:
            yield
        finally:
            with self._changed:
                now = time.monotonic()
                self._used -= 1
                self._bad += now - began > SLOW
                self._give_back(now)
                self._changed.notify()

    def observe(self, status: int, headers: Mapping[str, str]) -> None:
        """See :class:`~apps.sources.governors.Governor`."""
        distress = status == 0 or status == 429 or status >= 500 or near_limit(headers)
        told = allowance(headers)
        with self._changed:
            self._good += not distress
            self._bad += distress
            if distress:
                self._next_look = 0.0
            if told:
                self._left, self._renewal = told.remaining, clock.now() + timedelta(seconds=told.seconds)
                self._has_news = True
        limit = allowance_used_up(headers) if 0 < status < 400 else None
        if limit:
            self._pause(limit)

    def limited(self, limit: Limit) -> datetime:
        """See :class:`~apps.sources.governors.Governor`. It is a sign of distress as well, whatever the status."""
        with self._changed:
            self._bad += 1
            self._next_look = 0.0
        return self._pause(limit)

    def outlook(self) -> Outlook:
        """See :class:`~apps.sources.governors.Governor`."""
        with self._changed:
            now = time.monotonic()
            if now >= max(self._next_glance, self._redis_is_away_until):
                self._glance(now)
            known = self._renewal > clock.now()
            return Outlook(self._until, self._reason, self._left if known else UNKNOWN)

    def _pause(self, limit: Limit) -> datetime:
        with self._changed:
            if not limit.told and self._until > clock.now():
                return self._until
        args: list[str | float] = [pause_seconds(limit, 0), LONGEST_GUESS, int(limit.told), limit.reason]
        try:
            seconds = int(self._pause_script(keys=self._keys[3:], args=args)) / 1000
        except RedisError:  # the pause then holds in this process
            seconds = pause_seconds(limit, self._strikes)
        with self._changed:
            self._strikes += not limit.told
            self._paused_for(seconds, limit.reason)
            return self._until

    def _paused_for(self, seconds: float, reason: str) -> None:
        until = clock.now() + timedelta(seconds=seconds)
        if until > self._until:
            self._until, self._reason = until, reason

    def _enter(self) -> None:
        deadline = time.monotonic() + LONGEST_QUEUE
        with self._changed:
            self._waiting += 1
        try:
            while not self._take_place():
                if time.monotonic() > deadline:
                    raise queue_is_full()
        finally:
            with self._changed:
                self._waiting -= 1

    def _take_place(self) -> bool:
        """Take a free place of the share; without one wait a moment. Sleeps or raises while a pause lasts."""
        with self._changed:
            now = time.monotonic()
            if now >= self._next_look:
                self._look(now)
            until, reason = self._until, self._reason
        wait_or_raise(until, reason, self._patience)
        with self._changed:
            if self._used < self._share:
                self._used += 1
                return True
            given = self._share >= self._wanted and now >= self._redis_is_away_until
            self._next_look = min(self._next_look, now + (0.0 if given else ASK_EVERY))
            if not given:
                self._changed.wait(ASK_EVERY)
            return False

    def _give_back(self, now: float) -> None:
        """Let others have what is not needed any more; one place of many is not worth the question."""
        needed = self._used + self._waiting
        due = needed == 0 or now >= self._next_look
        if due and needed < self._share and (self._share > 1 or self._crowded):
            self._look(now)

    def _look(self, now: float) -> None:
        """Tell Redis how it went and what is wanted; learn the share and whether there is a pause."""
        self._wanted = min(self._used + self._waiting, self._most)
        good, bad, self._good, self._bad = self._good, self._bad, 0, 0
        if now < self._redis_is_away_until:
            self._share_alone(good, bad)
            return
        args: list[str | int] = [self._holder, self._wanted, self._used, good, bad, self._most, LEASE_MS]
        args += self._news()
        try:
            share, left, reason, crowded = self._share_script(keys=self._keys, args=args)
        except RedisError:
            self._redis_is_away_until = time.monotonic() + TRY_REDIS_AGAIN
            self._share_alone(good, bad)
            return
        self._share, self._crowded, self._next_look = int(share), bool(crowded), now + RENEW_EVERY
        self._alone, self._strikes = float(CONCURRENCY_ALONE), 0
        if int(left) > 0:
            self._paused_for(int(left) / 1000, as_text(reason))

    def _share_alone(self, good: int, bad: int) -> None:
        """Without Redis: a few places, fewer while the provider suffers."""
        if bad:
            self._alone = max(1.0, self._alone / 2)
        elif good:
            self._strikes = 0
            self._alone = min(CONCURRENCY_ALONE, self._alone + good / (5 * self._alone))
        self._share = min(int(self._alone), self._most)

    def _glance(self, now: float) -> None:
        """Learn of a pause and of what is left, without wanting a place."""
        try:
            pause, reason, left, renewal = self._glance_script(keys=self._keys[3:], args=self._news())
        except RedisError:
            self._redis_is_away_until = time.monotonic() + TRY_REDIS_AGAIN
            return
        self._next_glance = now + RENEW_EVERY
        if int(pause) > 0:
            self._paused_for(int(pause) / 1000, as_text(reason))
        if int(left) >= 0:
            self._left, self._renewal = int(left), clock.now() + timedelta(milliseconds=int(renewal))

    def _news(self) -> list[int]:
        """What is left and the ms until the renewal, where answers have told something since it was last passed on."""
        renewal = int((self._renewal - clock.now()).total_seconds() * 1000)
        if not self._has_news or renewal < 0:
            return [-1, -1]
        self._has_news = False
        return [int(self._left), renewal]


def as_text(value: object) -> str:
    """A text of Redis, whichever way the client gives it."""
    return value.decode() if isinstance(value, bytes) else str(value)
