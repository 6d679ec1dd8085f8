"""Do all workers keep to one limit per site, and to one pause? Against a real Valkey."""

import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from apps.integrations import governor as module
from apps.integrations.governor import RedisGovernor
from apps.sources.errors import RateLimitedError
from apps.sources.governors import LocalGovernor
from apps.sources.limits import Limit
from apps.stack.services.embedded import EmbeddedServices
from apps.stack.services.valkey import Valkey

Make = Callable[..., RedisGovernor]


@pytest.fixture
def redis(services: EmbeddedServices) -> Iterator[Redis]:
    with Redis.from_url(services.env["REDIS_URL"]) as client:
        yield client


@pytest.fixture
def make(redis: Redis) -> Make:
    site = uuid.uuid4().hex
    return lambda **options: RedisGovernor(redis, site, **options)


class Load:
    """Threads that use governors, and the highest number of requests that were in flight at once."""

    def __init__(self) -> None:
        self.now = self.peak = self.done = 0
        self.errors: list[Exception] = []
        self._lock = threading.Lock()

    def run(self, governors: list[RedisGovernor], threads: int, requests: int, seconds: float = 0.01) -> None:
        workers = [
            threading.Thread(target=self._work, args=(governor, requests, seconds))
            for governor in governors
            for _ in range(threads)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert not self.errors

    def _work(self, governor: RedisGovernor, requests: int, seconds: float) -> None:
        for _ in range(requests):
            try:
                with governor.slot():
                    with self._lock:
                        self.now += 1
                        self.peak = max(self.peak, self.now)
                    time.sleep(seconds)
                    with self._lock:
                        self.now -= 1
                        self.done += 1
                governor.observe(200, {})
            except Exception as error:
                self.errors.append(error)


def test_workers_together_keep_to_the_limit(make: Make) -> None:
    load = Load()
    load.run([make(most=4) for _ in range(3)], threads=5, requests=6)
    assert load.done == 90
    assert 2 <= load.peak <= 4


def test_one_worker_alone_may_use_the_whole_limit(make: Make) -> None:
    load = Load()
    load.run([make(most=8)], threads=8, requests=5, seconds=0.05)
    assert load.peak == 8


def test_more_workers_than_places_all_get_their_turn(make: Make) -> None:
    load = Load()
    load.run([make(most=2) for _ in range(6)], threads=1, requests=3)
    assert load.done == 18


def test_far_fewer_round_trips_than_requests(make: Make, redis: Redis) -> None:
    def calls() -> int:
        return sum(stats["calls"] for name, stats in redis.info("commandstats").items() if "eval" in name)

    before = calls()
    load = Load()
    load.run([make(most=8)], threads=8, requests=50, seconds=0.002)
    assert calls() - before <= 40


def test_a_worker_that_finished_gives_its_places_back(make: Make) -> None:
    first, second = make(most=8), make(most=8)
    Load().run([first], threads=8, requests=3)
    load = Load()
    load.run([second], threads=8, requests=4, seconds=0.05)
    assert load.peak == 8


def test_a_killed_worker_leaks_no_places(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEASE_MS", 400)
    never_left = make(most=1).slot()
    never_left.__enter__()
    began = time.monotonic()
    with make(most=1).slot():
        assert time.monotonic() - began > 0.2, "the place was taken until its lease lapsed"


def test_a_long_pause_is_obeyed_by_every_worker_and_raised(make: Make) -> None:
    until = make().limited(Limit(120, "jira-burst-based"))
    for other in (make(), make()):
        with pytest.raises(RateLimitedError, match="jira-burst-based") as caught, other.slot():
            pass
        assert abs(caught.value.until - until) < timedelta(seconds=2)


def test_a_worker_at_work_hears_of_the_pause(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RENEW_EVERY", 0.0)
    one, other = make(), make()
    with one.slot():
        pass
    other.limited(Limit(60, "rate limit"))
    with pytest.raises(RateLimitedError), one.slot():
        pass


def test_a_short_pause_is_slept_through(make: Make) -> None:
    governor = make()
    until = governor.limited(Limit(0.3, "rate limit"))
    with governor.slot():
        assert datetime.now(UTC) >= until - timedelta(milliseconds=5)


def test_guessed_pauses_double_over_all_workers_until_something_works(make: Make) -> None:
    def seconds() -> float:
        until = make().limited(Limit(0.2, "secondary rate limit", told=False))
        left = (until - datetime.now(UTC)).total_seconds()
        time.sleep(max(left, 0.0))
        return left

    first, second, third = seconds(), seconds(), seconds()
    assert first < second < third
    assert third > 0.75
    worked = make()
    with worked.slot():
        pass
    worked.observe(200, {})
    with worked.slot():
        pass
    with make().slot():
        pass
    worked._next_look = 0.0
    with worked.slot():
        pass
    assert seconds() < 0.4


def test_refusals_of_requests_that_were_under_way_make_a_guess_no_longer(make: Make) -> None:
    guess = Limit(5, "rate limit", told=False)
    first = make().limited(guess)
    assert all(abs(make().limited(guess) - first) < timedelta(seconds=0.5) for _ in range(11))
    alone = LocalGovernor()
    assert len({alone.limited(guess) for _ in range(12)}) == 1


def test_told_pauses_do_not_grow_and_never_shorten(make: Make) -> None:
    long = make().limited(Limit(100, "rate limit"))
    assert abs(make().limited(Limit(1, "rate limit")) - long) < timedelta(seconds=1)


def limit_of(redis: Redis, governor: RedisGovernor) -> float:
    return float(redis.hget(governor._keys[3], "limit") or 0)


@pytest.mark.parametrize(
    ("status", "headers"),
    [(429, {}), (503, {}), (0, {}), (200, {"x-ratelimit-nearlimit": "true"})],
    ids=["429", "5xx", "no answer", "near the limit"],
)
def test_distress_halves_the_limit_and_health_restores_it(
    make: Make, redis: Redis, status: int, headers: dict[str, str]
) -> None:
    governor = make(most=8)
    with governor.slot():
        pass
    governor.observe(status, headers)
    with governor.slot():
        pass
    assert limit_of(redis, governor) == 4
    for _ in range(200):
        governor.observe(200, {})
    governor._next_look = 0.0
    with governor.slot():
        pass
    assert limit_of(redis, governor) == 8


def test_an_answer_that_uses_up_the_allowance_starts_the_pause(make: Make) -> None:
    now = datetime.now(UTC)
    headers = {
        "date": format_datetime(now, usegmt=True),
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": str(int(now.timestamp()) + 300),
    }
    make().observe(200, headers)
    with pytest.raises(RateLimitedError, match="used up"), make().slot():
        pass


def test_without_redis_a_process_keeps_to_a_few_requests() -> None:
    away = Redis(port=1, retry=Retry(NoBackoff(), 1))
    governor = RedisGovernor(away, "site")
    load = Load()
    load.run([governor], threads=12, requests=2)
    assert load.done == 24
    assert load.peak <= module.CONCURRENCY_ALONE
    governor.limited(Limit(60, "rate limit"))
    with pytest.raises(RateLimitedError), governor.slot():
        pass
    away.close()


def test_a_secondary_limit_lowers_the_concurrency_as_well_though_its_status_is_403(make: Make, redis: Redis) -> None:
    governor = make(most=8)
    with governor.slot():
        pass
    governor.observe(403, {})
    governor.limited(Limit(0.05, "its secondary rate limit is reached"))
    with governor.slot():
        pass
    assert limit_of(redis, governor) == 4


def test_the_concurrency_never_falls_below_one(make: Make, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    governor = make(most=2)
    for _ in range(4):
        governor.observe(503, {})
        with governor.slot():
            pass
        redis.hdel(governor._keys[3], "lowered")  # as if a second had passed
    assert limit_of(redis, governor) == 1


def test_what_is_left_is_told_to_whoever_asks(make: Make) -> None:
    headers = {
        "x-ratelimit-limit": "5000",
        "x-ratelimit-remaining": "4711",
        "x-ratelimit-reset": str(int(datetime.now(UTC).timestamp()) + 300),
    }
    told, other = make(), make()
    assert told.outlook().left == float("inf")
    told._next_glance = 0.0
    told.observe(200, headers)
    assert told.outlook().left == 4711
    assert other.outlook().left == 4711
    other.limited(Limit(100, "its rate limit is reached"))
    assert not make().outlook().is_free


@pytest.fixture
def own_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """A Valkey that a test may stop."""
    valkey = Valkey(tmp_path_factory.mktemp("valkey"), durable=False)
    valkey.start()
    yield valkey
    valkey.kill()


def client_of(valkey: Valkey) -> Redis:
    return Redis.from_url(valkey.url(0), socket_timeout=0.3, socket_connect_timeout=0.3, retry=Retry(NoBackoff(), 0))


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "hanging"])
def test_redis_goes_away_in_the_middle_and_comes_back(
    own_valkey: Valkey, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    monkeypatch.setattr(module, "TRY_REDIS_AGAIN", 0.2)
    monkeypatch.setattr(module, "RENEW_EVERY", 0.05)
    with client_of(own_valkey) as redis:
        governor = RedisGovernor(redis, "site", most=16)
        busy = Load()
        busy.run([governor], threads=12, requests=3, seconds=0.02)
        assert busy.peak > module.CONCURRENCY_ALONE
        pid = own_valkey.pid
        assert pid
        own_valkey.kill() if killed else os.kill(pid, signal.SIGSTOP)
        time.sleep(0.1)
        with governor.slot():  # notices it
            pass
        alone = Load()
        alone.run([governor], threads=12, requests=3, seconds=0.02)
        assert alone.done == 36
        assert alone.peak <= module.CONCURRENCY_ALONE
        governor.limited(Limit(3, "its rate limit is reached"))  # a pause holds in this process meanwhile
        assert not governor.outlook().is_free
        own_valkey.start() if killed else os.kill(pid, signal.SIGCONT)
        time.sleep(3.1)
        again = Load()
        again.run([governor], threads=12, requests=6, seconds=0.05)
        assert again.done == 72
        assert again.peak > module.CONCURRENCY_ALONE
        assert redis.exists(*governor._keys[:2]) == 2


def test_without_redis_distress_lowers_the_few_places_and_guesses_still_double() -> None:
    with Redis(port=1, retry=Retry(NoBackoff(), 0)) as away:
        governor = RedisGovernor(away, "site")
        for _ in range(2):
            governor.observe(502, {})
            with governor.slot():
                pass
        load = Load()
        load.run([governor], threads=6, requests=1, seconds=0.05)
        assert load.peak <= 2
        waits: list[timedelta] = []
        for _ in range(3):
            waits.append(governor.limited(Limit(0.2, "x", told=False)) - datetime.now(UTC))
            time.sleep(max(waits[-1].total_seconds(), 0.0))
        assert waits[2] > waits[1] > waits[0] > timedelta(seconds=0.19)
