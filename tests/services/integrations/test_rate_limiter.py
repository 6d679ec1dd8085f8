"""Do all workers share one limit per site and one pause? These tests use a real Valkey."""

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

from apps.integrations import shared_pause, shared_places
from apps.integrations.rate_limiter import RedisRateLimiter
from apps.sources.errors import RateLimitedError
from apps.sources.limit_headers import Pause
from apps.sources.rate_limiter import LocalRateLimiter
from apps.stack.services.embedded import EmbeddedServices
from apps.stack.services.valkey import Valkey

Make = Callable[..., RedisRateLimiter]
#: Seconds. A sleep may end a millisecond before the clock reaches the end of a pause; a pause that is asked for
#: within the last one does not double it.
CLEARLY_OVER = 0.05


@pytest.fixture
def redis(services: EmbeddedServices) -> Iterator[Redis]:
    with Redis.from_url(services.env["REDIS_URL"]) as client:
        yield client


@pytest.fixture
def make(redis: Redis) -> Make:
    site = uuid.uuid4().hex
    return lambda **options: RedisRateLimiter(redis, site, **options)


class Load:
    """Threads that use rate limiters, and the highest number of requests that were in flight at once."""

    def __init__(self) -> None:
        self.now = self.peak = self.done = 0
        self.errors: list[Exception] = []
        self._lock = threading.Lock()

    def run(self, rate_limiters: list[RedisRateLimiter], threads: int, requests: int, seconds: float = 0.01) -> None:
        workers = [
            threading.Thread(target=self._work, args=(rate_limiter, requests, seconds))
            for rate_limiter in rate_limiters
            for _ in range(threads)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert not self.errors

    def _work(self, rate_limiter: RedisRateLimiter, requests: int, seconds: float) -> None:
        for _ in range(requests):
            try:
                with rate_limiter.place():
                    with self._lock:
                        self.now += 1
                        self.peak = max(self.peak, self.now)
                    time.sleep(seconds)
                    with self._lock:
                        self.now -= 1
                        self.done += 1
                rate_limiter.observe(200, {})
            except Exception as error:
                self.errors.append(error)


def test_workers_together_keep_to_the_limit(make: Make) -> None:
    load = Load()
    load.run([make(max_places=4) for _ in range(3)], threads=5, requests=6)
    assert load.done == 90
    assert 2 <= load.peak <= 4


def test_one_worker_alone_may_use_the_whole_limit(make: Make) -> None:
    load = Load()
    load.run([make(max_places=8)], threads=8, requests=5, seconds=0.05)
    assert load.peak == 8


def test_more_workers_than_places_all_get_a_place(make: Make) -> None:
    load = Load()
    load.run([make(max_places=2) for _ in range(6)], threads=1, requests=3)
    assert load.done == 18


def test_far_fewer_round_trips_than_requests(make: Make, redis: Redis) -> None:
    def calls() -> int:
        return sum(stats["calls"] for name, stats in redis.info("commandstats").items() if "eval" in name)

    before = calls()
    load = Load()
    load.run([make(max_places=8)], threads=8, requests=50, seconds=0.002)
    assert calls() - before <= 40


def test_a_worker_that_finished_gives_its_places_back(make: Make) -> None:
    first, second = make(max_places=8), make(max_places=8)
    Load().run([first], threads=8, requests=3)
    load = Load()
    load.run([second], threads=8, requests=4, seconds=0.05)
    assert load.peak == 8


def test_a_killed_worker_leaks_no_places(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_places, "LEASE_MS", 400)
    never_left = make(max_places=1).place()
    never_left.__enter__()
    began = time.monotonic()
    with make(max_places=1).place():
        assert time.monotonic() - began > 0.2, "the place was taken until its lease lapsed"


def test_a_long_pause_is_obeyed_by_every_worker_and_raised(make: Make) -> None:
    until = make().pause(Pause(120, "jira-burst-based"))
    for other in (make(), make()):
        with pytest.raises(RateLimitedError, match="jira-burst-based") as caught, other.place():
            pass
        assert abs(caught.value.until - until) < timedelta(seconds=2)


def test_a_working_worker_learns_of_the_pause(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_places, "RENEW_EVERY", 0.0)
    one, other = make(), make()
    with one.place():
        pass
    other.pause(Pause(60, "rate limit"))
    with pytest.raises(RateLimitedError), one.place():
        pass


def test_a_short_pause_is_slept_through(make: Make) -> None:
    rate_limiter = make()
    until = rate_limiter.pause(Pause(0.3, "rate limit"))
    with rate_limiter.place():
        assert datetime.now(UTC) >= until - timedelta(milliseconds=5)


def test_guessed_pauses_double_over_all_workers_until_something_works(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_places, "RENEW_EVERY", 0.0)

    def seconds() -> float:
        until = make().pause(Pause(0.2, "secondary rate limit", is_explicit=False))
        left = (until - datetime.now(UTC)).total_seconds()
        time.sleep(max(left, 0.0) + CLEARLY_OVER)
        return left

    first, second, third = seconds(), seconds(), seconds()
    assert first < second < third
    assert third > 0.75
    worked = make()
    with worked.place():
        pass
    worked.observe(200, {})
    with worked.place():
        pass
    assert seconds() < 0.4


def test_refusals_of_requests_that_were_under_way_do_not_lengthen_a_guess(make: Make) -> None:
    guess = Pause(5, "rate limit", is_explicit=False)
    first = make().pause(guess)
    assert all(abs(make().pause(guess) - first) < timedelta(seconds=0.5) for _ in range(11))
    alone = LocalRateLimiter()
    assert len({alone.pause(guess) for _ in range(12)}) == 1


def test_explicit_pauses_do_not_grow_and_never_shorten(make: Make) -> None:
    long = make().pause(Pause(100, "rate limit"))
    assert abs(make().pause(Pause(1, "rate limit")) - long) < timedelta(seconds=1)


def keys_of(rate_limiter: RedisRateLimiter) -> dict[str, str]:
    return {part: f"rate_limit:{{{rate_limiter.name}}}:{part}" for part in ("leases", "held", "state")}


def limit_of(redis: Redis, rate_limiter: RedisRateLimiter) -> float:
    return float(redis.hget(keys_of(rate_limiter)["state"], "limit") or 0)


@pytest.mark.parametrize(
    ("status", "headers"),
    [(429, {}), (503, {}), (0, {}), (200, {"x-ratelimit-nearlimit": "true"})],
    ids=["429", "5xx", "no answer", "near the limit"],
)
def test_distress_halves_the_limit_and_health_restores_it(
    make: Make, redis: Redis, monkeypatch: pytest.MonkeyPatch, status: int, headers: dict[str, str]
) -> None:
    monkeypatch.setattr(shared_places, "RENEW_EVERY", 0.0)
    rate_limiter = make(max_places=8)
    with rate_limiter.place():
        pass
    rate_limiter.observe(status, headers)
    with rate_limiter.place():
        pass
    assert limit_of(redis, rate_limiter) == 4
    for _ in range(200):
        rate_limiter.observe(200, {})
    with rate_limiter.place():
        pass
    assert limit_of(redis, rate_limiter) == 8


def test_an_answer_that_uses_up_the_quota_starts_the_pause(make: Make) -> None:
    now = datetime.now(UTC)
    headers = {
        "date": format_datetime(now, usegmt=True),
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": str(int(now.timestamp()) + 300),
    }
    make().observe(200, headers)
    with pytest.raises(RateLimitedError, match="used up"), make().place():
        pass


def test_without_redis_a_process_keeps_to_a_few_requests() -> None:
    away = Redis(port=1, retry=Retry(NoBackoff(), 1))
    rate_limiter = RedisRateLimiter(away, "site")
    load = Load()
    load.run([rate_limiter], threads=12, requests=2)
    assert load.done == 24
    assert load.peak <= shared_places.MAX_PLACES_ALONE
    rate_limiter.pause(Pause(60, "rate limit"))
    with pytest.raises(RateLimitedError), rate_limiter.place():
        pass
    away.close()


def test_a_secondary_limit_lowers_the_concurrency_as_well_though_its_status_is_403(make: Make, redis: Redis) -> None:
    rate_limiter = make(max_places=8)
    with rate_limiter.place():
        pass
    rate_limiter.observe(403, {})
    rate_limiter.pause(Pause(0.05, "its secondary rate limit is reached"))
    with rate_limiter.place():
        pass
    assert limit_of(redis, rate_limiter) == 4


def test_the_concurrency_never_falls_below_one(make: Make, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    rate_limiter = make(max_places=2)
    for _ in range(4):
        rate_limiter.observe(503, {})
        with rate_limiter.place():
            pass
        redis.hdel(keys_of(rate_limiter)["state"], "lowered")  # as if a second had passed
    assert limit_of(redis, rate_limiter) == 1


def test_every_worker_knows_how_many_requests_are_left(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_pause, "PEEK_EVERY", 0.0)
    headers = {
        "x-ratelimit-limit": "5000",
        "x-ratelimit-remaining": "4711",
        "x-ratelimit-reset": str(int(datetime.now(UTC).timestamp()) + 300),
    }
    one, other = make(), make()
    assert one.availability().remaining == float("inf")
    one.observe(200, headers)
    assert one.availability().remaining == 4711
    assert other.availability().remaining == 4711
    other.pause(Pause(100, "its rate limit is reached"))
    assert not make().availability().is_free


@pytest.fixture
def own_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """A Valkey that a test may stop."""
    valkey = Valkey(tmp_path_factory.mktemp("valkey"), is_durable=False)
    valkey.start()
    yield valkey
    valkey.kill()


def client_of(valkey: Valkey) -> Redis:
    return Redis.from_url(valkey.url(0), socket_timeout=0.3, socket_connect_timeout=0.3, retry=Retry(NoBackoff(), 0))


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "hanging"])
def test_redis_goes_away_in_the_middle_and_comes_back(
    own_valkey: Valkey, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    monkeypatch.setattr(shared_pause, "TRY_REDIS_AGAIN", 0.2)
    monkeypatch.setattr(shared_places, "RENEW_EVERY", 0.05)
    with client_of(own_valkey) as redis:
        rate_limiter = RedisRateLimiter(redis, "site", max_places=16)
        busy = Load()
        busy.run([rate_limiter], threads=12, requests=3, seconds=0.02)
        assert busy.peak > shared_places.MAX_PLACES_ALONE
        pid = own_valkey.pid
        assert pid
        own_valkey.kill() if killed else os.kill(pid, signal.SIGSTOP)
        time.sleep(0.1)
        with rate_limiter.place():  # notices it
            pass
        alone = Load()
        alone.run([rate_limiter], threads=12, requests=3, seconds=0.02)
        assert alone.done == 36
        assert alone.peak <= shared_places.MAX_PLACES_ALONE
        rate_limiter.pause(Pause(3, "its rate limit is reached"))  # a pause holds in this process meanwhile
        assert not rate_limiter.availability().is_free
        own_valkey.start() if killed else os.kill(pid, signal.SIGCONT)
        time.sleep(3.1)
        again = Load()
        again.run([rate_limiter], threads=12, requests=6, seconds=0.05)
        assert again.done == 72
        assert again.peak > shared_places.MAX_PLACES_ALONE
        assert redis.exists(keys_of(rate_limiter)["leases"], keys_of(rate_limiter)["held"]) == 2


def test_without_redis_distress_lowers_the_few_places_and_guesses_still_double() -> None:
    with Redis(port=1, retry=Retry(NoBackoff(), 0)) as away:
        rate_limiter = RedisRateLimiter(away, "site")
        for _ in range(2):
            rate_limiter.observe(502, {})
            with rate_limiter.place():
                pass
        load = Load()
        load.run([rate_limiter], threads=6, requests=1, seconds=0.05)
        assert load.peak <= 2
        waits: list[timedelta] = []
        for _ in range(3):
            waits.append(rate_limiter.pause(Pause(0.2, "x", is_explicit=False)) - datetime.now(UTC))
            time.sleep(max(waits[-1].total_seconds(), 0.0) + CLEARLY_OVER)
        assert waits[2] > waits[1] > waits[0] > timedelta(seconds=0.19)
