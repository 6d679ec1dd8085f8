"""How large a query could a provider answer? All workers and the next runs use what one worker has learnt.

A size is forgotten a day after it was last lowered. So one bad day of a provider does not slow down a connection
for ever.
"""

import time

from redis import Redis, RedisError

from apps.core.redis import as_text
from apps.sources.sizes import LocalSizes

READ_EVERY = 2.0  # seconds
KEPT_MS = 24 * 3600 * 1000

# KEYS: sizes (kind of query → size) · ARGV: kind, size, ms to keep
LOWER = """
local known = tonumber(redis.call('HGET', KEYS[1], ARGV[1]))
if not known or known > tonumber(ARGV[2]) then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
"""


class RedisSizes(LocalSizes):
    """The sizes of one connection, shared through Redis. Without Redis each process remembers its own."""

    def __init__(self, redis_client: Redis, integration_id: int) -> None:
        super().__init__()
        self._redis = redis_client
        self._key = f"sizes:{integration_id}"
        self._lower_script = redis_client.register_script(LOWER)
        self._next_read = 0.0

    def at_most(self, what: str, size: int) -> int:
        """See :class:`~apps.sources.sizes.Sizes`."""
        if time.monotonic() >= self._next_read:
            self._next_read = time.monotonic() + READ_EVERY
            self._read()
        return super().at_most(what, size)

    def lower(self, what: str, size: int) -> None:
        """See :class:`~apps.sources.sizes.Sizes`."""
        super().lower(what, size)
        try:
            self._lower_script(keys=[self._key], args=[what, size, KEPT_MS])
        except RedisError:
            return  # then only this process remembers it

    def _read(self) -> None:
        try:
            sizes = self._redis.hgetall(self._key)
        except RedisError:
            return
        for what, size in sizes.items():
            super().lower(as_text(what), int(size))
