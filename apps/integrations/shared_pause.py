"""Until when must all workers pause under one limit, and how many requests are left? Redis knows both.

Without Redis a pause is known only in its own process.
"""

import threading
import time
from datetime import datetime, timedelta

from redis import Redis, RedisError

from apps.core.redis import as_text
from apps.sources import clock
from apps.sources.limit_headers import MAX_GUESSED_PAUSE, Pause, Quota
from apps.sources.rate_limiter import LONG_AGO, UNKNOWN, Availability, pause_seconds, wait_or_raise

PEEK_EVERY = 1.0  # seconds
TRY_REDIS_AGAIN = 5.0  # seconds

# KEYS: state · ARGV: seconds of the first pause, the longest guess, whether it is explicit (0/1), reason
# Requests sent before a pause began are refused, too. Only a refusal after the pause shows that the pause failed.
PAUSE = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local failed = tonumber(redis.call('HGET', KEYS[1], 'failed_pauses') or 0)
local ends = tonumber(redis.call('HGET', KEYS[1], 'until')) or 0
local is_explicit = tonumber(ARGV[3]) == 1
local seconds = tonumber(ARGV[1])
if not is_explicit then
  if now < ends then return ends - now end
  seconds = math.min(seconds * 2 ^ math.min(failed, 10), tonumber(ARGV[2]))
  redis.call('HSET', KEYS[1], 'failed_pauses', failed + 1)
end
local finish = math.floor(now + seconds * 1000)
if finish > ends then redis.call('HSET', KEYS[1], 'until', finish, 'reason', ARGV[4]) end
redis.call('PEXPIRE', KEYS[1], 86400000)
return math.max(finish, ends) - now
"""

# KEYS: state · ARGV: requests left, ms until the reset (-1: nothing new)
# Gives the ms of the pause, its reason, the requests left (-1: not known) and the ms until the reset.
PEEK = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if tonumber(ARGV[2]) >= 0 then
  redis.call('HSET', KEYS[1], 'remaining', ARGV[1], 'resets', now + ARGV[2])
  redis.call('PEXPIRE', KEYS[1], 86400000)
end
local state = redis.call('HMGET', KEYS[1], 'until', 'reason', 'remaining', 'resets')
local pause, reset = (tonumber(state[1]) or 0) - now, (tonumber(state[4]) or 0) - now
return {math.max(0, pause), state[2] or '', reset > 0 and tonumber(state[3]) or -1, math.max(0, reset)}
"""


class RedisOutage:
    """Whether Redis is away. During an outage it is tried again only every few seconds."""

    def __init__(self) -> None:
        self._until = 0.0

    def begin(self) -> None:
        """Note that Redis has not answered."""
        self._until = time.monotonic() + TRY_REDIS_AGAIN

    def is_going_on(self) -> bool:
        """Whether it is too early to try Redis again."""
        return time.monotonic() < self._until


class SharedPause:
    """The pause of one limit and what is left of its quota, in the Redis hash ``state_key``. Thread-safe."""

    def __init__(self, redis_client: Redis, state_key: str, outage: RedisOutage) -> None:
        self._keys = [state_key]
        self._pause_script = redis_client.register_script(PAUSE)
        self._peek_script = redis_client.register_script(PEEK)
        self._outage = outage
        self._lock = threading.RLock()
        self._until = LONG_AGO
        self._reason = ""
        self._failed_pauses = 0
        self._remaining = UNKNOWN
        self._resets_at = LONG_AGO
        self._has_news = False
        self._next_peek = 0.0

    def announce(self, pause: Pause) -> datetime:
        """Make everybody pause; gives the end of the pause."""
        with self._lock:
            if not pause.is_explicit and self._until > clock.now():
                return self._until
        args: list[str | float] = [pause_seconds(pause, 0), MAX_GUESSED_PAUSE, int(pause.is_explicit), pause.reason]
        try:
            seconds = int(self._pause_script(keys=self._keys, args=args)) / 1000
        except RedisError:
            seconds = pause_seconds(pause, self._failed_pauses)
        with self._lock:
            self._failed_pauses += not pause.is_explicit
            self.learn(seconds, pause.reason)
            return self._until

    def learn(self, seconds: float, reason: str) -> None:
        """Note a pause that another process has announced; it lasts ``seconds`` more."""
        until = clock.now() + timedelta(seconds=seconds)
        with self._lock:
            if until > self._until:
                self._until, self._reason = until, reason

    def forget_failed(self) -> None:
        """The last pause has helped in this process, so the next guess is short again."""
        with self._lock:
            self._failed_pauses = 0

    def wait(self, max_wait: float) -> None:
        """Wait for a pause of at most ``max_wait`` seconds; a longer one raises ``RateLimitedError``."""
        with self._lock:
            until, reason = self._until, self._reason
        wait_or_raise(until, reason, max_wait)

    def note(self, quota: Quota) -> None:
        """Note what an answer has said about the quota."""
        with self._lock:
            self._remaining, self._resets_at = quota.remaining, clock.now() + timedelta(seconds=quota.seconds)
            self._has_news = True

    def take_news(self) -> list[int]:
        """The requests left and the ms until the reset, for Redis; ``[-1, -1]`` if answers said nothing new."""
        with self._lock:
            reset = int((self._resets_at - clock.now()).total_seconds() * 1000)
            if not self._has_news or reset < 0:
                return [-1, -1]
            self._has_news = False
            return [int(self._remaining), reset]

    def availability(self) -> Availability:
        """When the next request may be sent, and how many are left."""
        with self._lock:
            now = time.monotonic()
            if now >= self._next_peek and not self._outage.is_going_on():
                self._peek(now)
            is_known = self._resets_at > clock.now()
            return Availability(self._until, self._reason, self._remaining if is_known else UNKNOWN)

    def _peek(self, now: float) -> None:
        try:
            pause, reason, remaining, reset = self._peek_script(keys=self._keys, args=self.take_news())
        except RedisError:
            self._outage.begin()
            return
        self._next_peek = now + PEEK_EVERY
        if int(pause) > 0:
            self.learn(int(pause) / 1000, as_text(reason))
        if int(remaining) >= 0:
            self._remaining, self._resets_at = int(remaining), clock.now() + timedelta(milliseconds=int(reset))
