"""How does a stored change reach the open pages? One plain publish to the channel layer's Redis, after the commit.

``async_to_sync(group_send)`` would open a Redis connection per message (docs/decisions/0003-celery.md); the pub/sub
layer's wire format is a msgpack map published to ``asgi__group__<group>``, so a synchronous publish is enough. A lost
message costs nothing: the rows are the truth, and pages repair gaps.
"""

import logging

import msgspec
from redis.exceptions import RedisError

from apps.core.redis import redis_client
from apps.progress.events import RunMessage

logger = logging.getLogger(__name__)


def tenant_group(tenant_id: int) -> str:
    """The channel group that the members of a tenant listen to."""
    return f"tenant.{tenant_id}"


def publish(message: RunMessage) -> None:
    """Tell the tenant's open pages."""
    event = {
        "type": "run.message",
        "run": message.run,
        "seq": message.seq,
        "body": msgspec.json.encode(message).decode(),
    }
    try:
        redis_client().publish(f"asgi__group__{tenant_group(message.tenant)}", msgspec.msgpack.encode(event))
    except RedisError as error:
        logger.warning("A live message was not delivered (pages will poll): %s", error)
