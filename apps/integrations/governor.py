"""How many requests may all workers have in flight at one provider site, and when must all of them pause?

Redis holds the truth of a site: a concurrency limit that falls when the provider suffers and recovers slowly,
who holds how much of it, and a pause that everybody obeys. A process asks for its share about once a second,
not per request; a share lapses with its lease, so that a killed worker leaks nothing. Without Redis each process
keeps to a few requests.
"""

import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from redis import Redis, RedisError

from apps.sources.limits import (
    LONGEST_GUESS,
    LONGEST_QUEUE,
    Limit,
    allowance_used_up,
    near_limit,
    pause_seconds,
    queue_is_full,
    wait_or_raise,
)

RENEW_EVERY = 1.0  # seconds between two looks at Redis when there are places left
ASK_EVERY = 0.05  # the same when threads wait for a place
LEASE_MS = 15_000  # after which the share of a silent process lapses
SLOW = 20.0  # an answer that takes longer (seconds) counts as a sign of distress
CONCURRENCY_ALONE = 4  # requests in flight per process while Redis is away
TRY_REDIS_AGAIN = 5.0  # seconds

# KEYS: leases (holder → expiry), held (holder → places), wants (holder → places), state
# ARGV: holder, wanted places, places in use, answers that came well, signs of distress, most places, lease ms
SHARE = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local holder, want, used = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local good, bad, most = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)) do
  redis.call('ZREM', KEYS[1], dead)
  redis.call('HDEL', KEYS[2], dead)
  redis.call('HDEL', KEYS[3], dead)
end
local state = redis.call('HMGET', KEYS[4], 'limit', 'lowered', 'until', 'reason')
local limit = math.min(tonumber(state[1]) or most, most)
if bad > 0 then
  if now - (tonumber(state[2]) or 0) > 1000 then
    limit = math.max(1, limit / 2)
    redis.call('HSET', KEYS[4], 'lowered', now)
  end
elseif good > 0 then
  limit = math.min(most, limit + good / (5 * limit))
end
if good > 0 and now > (tonumber(state[3]) or 0) then redis.call('HDEL', KEYS[4], 'strikes') end
redis.call('HSET', KEYS[4], 'limit', limit)
redis.call('PEXPIRE', KEYS[4], 86400000)
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[7]), holder)
redis.call('HSET', KEYS[3], holder, want)
local places = math.floor(limit)
local fair = math.max(1, math.floor(places / redis.call('ZCARD', KEYS[1])))
local taken, claimed = 0, 0
for _, other in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if other ~= holder then
    taken = taken + tonumber(redis.call('HGET', KEYS[2], other) or 0)
    claimed = claimed + math.min(fair, tonumber(redis.call('HGET', KEYS[3], other) or 0))
  end
end
local share = math.max(used, math.min(want, math.max(fair, places - claimed), places - taken))
redis.call('HSET', KEYS[2], holder, share)
for i = 1, 3 do redis.call('PEXPIRE', KEYS[i], 3600000) end
local crowded = 2 * redis.call('ZCARD', KEYS[1]) + 4 > places
return {share, math.max(0, (tonumber(state[3]) or 0) - now), state[4] or '', crowded and 1 or 0}
"""

# KEYS: state · ARGV: seconds for the first time and what each of 10 strikes makes of them, told (0/1), reason
PAUSE = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local strikes = tonumber(redis.call('HGET', KEYS[1], 'strikes') or 0)
local told = tonumber(ARGV[3]) == 1
local seconds = tonumber(ARGV[1])
if not told then
  seconds = math.min(seconds * 2 ^ math.min(strikes, 10), tonumber(ARGV[2]))
  redis.call('HSET', KEYS[1], 'strikes', strikes + 1)
end
local finish = math.floor(now + seconds * 1000)
if finish > (tonumber(redis.call('HGET', KEYS[1], 'until')) or 0) then
  redis.call('HSET', KEYS[1], 'until', finish, 'reason', ARGV[4])
end
redis.call('PEXPIRE', KEYS[1], 86400000)
return tonumber(redis.call('HGET', KEYS[1], 'until')) - now
"""


class RedisGovernor:
    """Implements :class:`apps.sources.limits.Governor` for one ``site``, shared through Redis.

    ``most`` is the highest concurrency of the whole site; ``patience`` the longest pause (seconds) that is
    slept through, for a longer one :class:`~apps.sources.errors.RateLimited` is raised. Thread-safe.
    """

    def __init__(self, redis_client: Redis, site: str, *, most: int = 32, patience: float = 5.0) -> None:
        self._keys = [f"governor:{{{site}}}:{part}" for part in ("leases", "held", "wants", "state")]
        self._share_script = redis_client.register_script(SHARE)
        self._pause_script = redis_client.register_script(PAUSE)
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
        self._until = datetime.min.replace(tzinfo=UTC)
        self._reason = ""

    @contextmanager
    def slot(self) -> Iterator[None]:
        """See :class:`~apps.sources.limits.Governor`."""
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
        """See :class:`~apps.sources.limits.Governor`."""
        distress = status == 0 or status == 429 or status >= 500 or near_limit(headers)
        with self._changed:
            self._good += not distress
            self._bad += distress
            if distress:
                self._next_look = 0.0
        limit = allowance_used_up(headers) if 0 < status < 400 else None
        if limit:
            self.limited(limit)

    def limited(self, limit: Limit) -> datetime:
        """See :class:`~apps.sources.limits.Governor`."""
        seconds = pause_seconds(limit, 0)
        try:
            left = self._pause_script(keys=self._keys[3:], args=[seconds, LONGEST_GUESS, int(limit.told), limit.reason])
            seconds = int(left) / 1000
        except RedisError:
            pass  # the pause then holds in this process
        with self._changed:
            self._until = max(self._until, datetime.now(UTC) + timedelta(seconds=seconds))
            self._reason = limit.reason
            return self._until

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
        if now < self._redis_is_away_until:
            return
        self._wanted = min(self._used + self._waiting, self._most)
        good, bad, self._good, self._bad = self._good, self._bad, 0, 0
        args: list[str | int] = [self._holder, self._wanted, self._used, good, bad, self._most, LEASE_MS]
        try:
            share, left, reason, crowded = self._share_script(keys=self._keys, args=args)
        except RedisError:
            self._share, self._redis_is_away_until = CONCURRENCY_ALONE, time.monotonic() + TRY_REDIS_AGAIN
            return
        self._share, self._crowded, self._next_look = int(share), bool(crowded), now + RENEW_EVERY
        if int(left) > 0:
            self._until = datetime.now(UTC) + timedelta(milliseconds=int(left))
            self._reason = reason.decode() if isinstance(reason, bytes) else str(reason)
