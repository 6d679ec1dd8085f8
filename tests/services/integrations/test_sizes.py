"""Do all workers and the next run use the size that one worker has found to work?"""

import os
import uuid
from collections.abc import Iterator

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from apps.integrations import sizes as module
from apps.integrations.sizes import RedisSizes
from apps.stack.services.embedded import EmbeddedServices


@pytest.fixture
def redis(services: EmbeddedServices) -> Iterator[Redis]:
    with Redis.from_url(os.environ["REDIS_URL"]) as client:
        yield client


def test_a_size_holds_for_all_workers_of_the_connection_and_only_falls(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READ_EVERY", 0.0)
    connection = uuid.uuid4().int % 10**9
    one, other, elsewhere = (RedisSizes(redis, number) for number in (connection, connection, connection + 1))
    assert other.at_most("issues", 100) == 100
    one.lower("issues", 50)
    one.lower("issues", 80)
    assert [each.at_most("issues", 100) for each in (one, other, elsewhere)] == [50, 50, 100]
    assert other.at_most("issues", 20) == 20
    assert RedisSizes(redis, connection).at_most("issues", 100) == 50, "the next run begins there"
    assert other.at_most("changelogs", 200) == 200
    assert 0 < redis.pttl(f"sizes:{connection}") <= module.KEPT_MS


def test_without_redis_a_process_keeps_its_own_sizes() -> None:
    with Redis(port=1, retry=Retry(NoBackoff(), 0)) as away:
        sizes = RedisSizes(away, 1)
        sizes.lower("issues", 25)
        assert sizes.at_most("issues", 100) == 25
