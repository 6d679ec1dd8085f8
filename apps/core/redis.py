"""How does code reach Redis? Synchronous code through one client per process, which gives up quickly."""

from functools import lru_cache

from django.conf import settings
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry


@lru_cache(maxsize=1)
def redis_client() -> Redis:
    """The shared client. Every command fails within a second when Redis cannot be reached."""
    client: Redis = Redis.from_url(
        settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 1)
    )
    return client


def as_text(value: object) -> str:
    """A text of Redis: depending on its settings, a client gives it as bytes or as a string."""
    return value.decode() if isinstance(value, bytes) else str(value)


def async_redis_client() -> AsyncRedis:
    """A new client for code that listens: it waits for messages without a limit."""
    client: AsyncRedis = AsyncRedis.from_url(settings.REDIS_URL, retry=AsyncRetry(NoBackoff(), 1))
    return client
