"""How do the web processes learn of a stored change? By a hint on a Redis channel: which run, and its new number.

The rows are the truth: a process that receives a hint reads the run. So a lost hint costs a few seconds and no state.
Nothing of a tenant's data travels in Redis. Why it is so: docs/decisions/0008-live-channel.md.
"""

import asyncio
import logging
from collections.abc import AsyncIterator

import msgspec
from redis.exceptions import RedisError

from apps.core.redis import async_redis_client, redis_client
from apps.progress.events import MessageType

logger = logging.getLogger(__name__)

CHANNEL = "etl.live"


class Change(msgspec.Struct, frozen=True):
    """A stored change of a run: the new ``seq``, and the type of the message that reports it."""

    tenant: int
    run: str
    seq: int
    kind: MessageType


DECODER = msgspec.json.Decoder(Change)


def announce(change: Change) -> None:
    """Tell the web processes that a run has changed. Call this after the commit."""
    try:
        redis_client().publish(CHANNEL, msgspec.json.encode(change))
    except RedisError as error:
        logger.warning("Redis did not take a live hint, so pages show the change later: %s", error)


async def changes(is_listening: asyncio.Event) -> AsyncIterator[Change]:
    """All changes from now on; ``is_listening`` is set once the subscription is active. Raises ``RedisError``."""
    async with async_redis_client() as client, client.pubsub() as channel:
        await channel.subscribe(CHANNEL)
        async for message in channel.listen():
            if message["type"] == "subscribe":
                is_listening.set()
            else:
                yield DECODER.decode(message["data"])
