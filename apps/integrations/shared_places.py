"""How many requests may all workers have in flight under one limit?

Redis knows how many places there are (fewer when the provider has trouble, slowly more when it recovers) and which
process holds how many of them. A process asks for its share about once a second, not once per request. A share expires
with its lease, so the places of a killed worker become free again. Without Redis each process sends only a few
requests at once.
"""

import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from redis import Redis, RedisError

from apps.core.redis import as_text
from apps.integrations.shared_pause import RedisOutage, SharedPause
from apps.sources.rate_limiter import MAX_WAIT_FOR_PLACE, no_place_error

RENEW_EVERY = 1.0  # seconds between two calls to Redis while there are free places
ASK_EVERY = 0.05  # the same while threads wait for a place
LEASE_MS = 15_000  # then the share of a silent process expires
SLOW_ANSWER = 20.0  # seconds after which an answer counts as a sign of distress
MAX_PLACES_ALONE = 4  # requests in flight per process while Redis is away

# KEYS: leases (holder → expiry), held (holder → places), wants (holder → places), state
# ARGV: holder, wanted places, places in use, good answers, signs of distress, most places, lease ms,
#       requests left, ms until the reset (-1: nothing new)
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
if good > 0 and now > (tonumber(state[3]) or 0) then redis.call('HDEL', KEYS[4], 'failed_pauses') end
redis.call('HSET', KEYS[4], 'limit', limit)
if tonumber(ARGV[9]) >= 0 then redis.call('HSET', KEYS[4], 'remaining', ARGV[8], 'resets', now + ARGV[9]) end
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


class SharedPlaces:
    """The places for requests under one limit, at most ``max_places``, in the Redis ``keys``. Thread-safe.

    Each call to Redis also reports changes of the quota and reads whether there is a ``pause``.
    """

    def __init__(
        self, redis_client: Redis, keys: Sequence[str], pause: SharedPause, outage: RedisOutage, max_places: int
    ) -> None:
        self._keys = keys
        self._script = redis_client.register_script(SHARE)
        self._holder = uuid.uuid4().hex
        self._pause = pause
        self._outage = outage
        self._max_places = max_places
        self._changed = threading.Condition()
        self._share = 0
        self._wanted = 0
        self._used = 0
        self._waiting = 0
        self._good = 0
        self._bad = 0
        self._next_renewal = 0.0
        self._is_crowded = False
        self._alone = float(MAX_PLACES_ALONE)

    @contextmanager
    def take(self, max_wait: float) -> Iterator[None]:
        """Take a place for one request; waits for pauses of at most ``max_wait`` seconds."""
        self._enter(max_wait)
        began = time.monotonic()
        try:
            yield
        finally:
            with self._changed:
                now = time.monotonic()
                self._used -= 1
                self._bad += now - began > SLOW_ANSWER
                self._release(now)
                self._changed.notify()

    def note(self, *, is_distress: bool) -> None:
        """Note a good answer, or a sign that the provider has trouble."""
        with self._changed:
            self._good += not is_distress
            self._bad += is_distress
            if is_distress:
                self._next_renewal = 0.0

    def _enter(self, max_wait: float) -> None:
        deadline = time.monotonic() + MAX_WAIT_FOR_PLACE
        with self._changed:
            self._waiting += 1
        try:
            while not self._take_free(max_wait):
                if time.monotonic() > deadline:
                    raise no_place_error()
        finally:
            with self._changed:
                self._waiting -= 1

    def _take_free(self, max_wait: float) -> bool:
        """Take a free place of the share. If there is none, wait a moment. Sleeps or raises while a pause lasts."""
        with self._changed:
            now = time.monotonic()
            if now >= self._next_renewal:
                self._renew(now)
        self._pause.wait(max_wait)
        with self._changed:
            if self._used < self._share:
                self._used += 1
                return True
            has_all_wanted = self._share >= self._wanted and not self._outage.is_going_on()
            self._next_renewal = min(self._next_renewal, now + (0.0 if has_all_wanted else ASK_EVERY))
            if not has_all_wanted:
                self._changed.wait(ASK_EVERY)
            return False

    def _release(self, now: float) -> None:
        """Give unneeded places to other processes. A single place is kept, unless the places are crowded."""
        needed = self._used + self._waiting
        is_due = needed == 0 or now >= self._next_renewal
        if is_due and needed < self._share and (self._share > 1 or self._is_crowded):
            self._renew(now)

    def _renew(self, now: float) -> None:
        """Tell Redis the results and the wanted places; read the new share, and whether there is a pause."""
        self._wanted = min(self._used + self._waiting, self._max_places)
        good, bad, self._good, self._bad = self._good, self._bad, 0, 0
        if self._outage.is_going_on():
            self._share_alone(good, bad)
            return
        args: list[str | int] = [self._holder, self._wanted, self._used, good, bad, self._max_places, LEASE_MS]
        args += self._pause.take_news()
        try:
            share, pause, reason, crowded = self._script(keys=self._keys, args=args)
        except RedisError:
            self._outage.begin()
            self._share_alone(good, bad)
            return
        self._share, self._is_crowded, self._next_renewal = int(share), bool(crowded), now + RENEW_EVERY
        self._alone = float(MAX_PLACES_ALONE)
        self._pause.forget_failed()  # from now on Redis counts them
        if int(pause) > 0:
            self._pause.learn(int(pause) / 1000, as_text(reason))

    def _share_alone(self, good: int, bad: int) -> None:
        """Without Redis the process has a few places, and fewer while the provider has trouble."""
        if bad:
            self._alone = max(1.0, self._alone / 2)
        elif good:
            self._pause.forget_failed()
            self._alone = min(MAX_PLACES_ALONE, self._alone + good / (5 * self._alone))
        self._share = min(int(self._alone), self._max_places)
