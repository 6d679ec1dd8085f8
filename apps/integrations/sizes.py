"""How large a question could a provider answer? What one worker has learnt, all others keep to, and the next run too.

A size is forgotten a day after it was last lowered: a provider's bad day shall not slow a connection for ever.
"""

import time

from redis import Redis, RedisError

from apps.core.redis import as_text
from apps.sources.sizes import LocalSizes

LOOK_EVERY = 2.0  # seconds
KEPT_MS = 24 * 3600 * 1000

# KEYS: sizes (kind of question → size) · ARGV: kind, size, ms to keep
LOWER = """
local known = tonumber(redis.call('HGET', KEYS[1], ARGV[1]))
if not known or known > tonumber(ARGV[2]) then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
"""


class RedisSizes(LocalSizes):
    """The sizes of one connection, shared through Redis; without it each process keeps its own."""

    def __init__(self, redis_client: Redis, integration_id: int) -> None:
        super().__init__()
        self._redis = redis_client
        self._key = f"sizes:{integration_id}"
        self._lower_script = redis_client.register_script(LOWER)
        self._next_look = 0.0

    def at_most(self, what: str, size: int) -> int:
        """See :class:`~apps.sources.sizes.Sizes`."""
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOK_EVERY
            self._look()
        return super().at_most(what, size)

    def lower(self, what: str, size: int) -> None:
        """See :class:`~apps.sources.sizes.Sizes`."""
        super().lower(what, size)
        try:
            self._lower_script(keys=[self._key], args=[what, size, KEPT_MS])
        except RedisError:
            return  # it then holds in this process

    def _look(self) -> None:
        try:
            told = self._redis.hgetall(self._key)
        except RedisError:
            return
        for what, size in told.items():
            super().lower(as_text(what), int(size))
