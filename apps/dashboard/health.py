"""Are all services healthy? Each one is checked with a short time-out, and the result is a state and a sentence."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

import requests
from celery import current_app
from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.models import Count, Min
from django.utils import timezone
from django.utils.timesince import timesince
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from apps.core.redis import redis_client
from apps.integrations.selectors import clock_warning, integrations_of, token_warnings
from apps.jobs.choices import BatchState
from apps.jobs.models import Batch
from apps.progress.choices import RunState
from apps.sources.definition import Stage
from apps.tenants.models import Tenant

CACHE_SECONDS = 5
TIMEOUT = 1.0  # seconds
SLOW = 0.25  # seconds; a slower answer is a warning
LONG_WAIT = timedelta(minutes=5)
QUEUES = frozenset({*(stage.value for stage in Stage), "control"})


class Health(StrEnum):
    """The state of a service, from good to bad."""

    HEALTHY = "healthy"
    WARNING = "warning"
    DOWN = "down"


@dataclass(frozen=True)
class Check:
    """The result of one check: ``state`` is a :class:`Health`, ``sentence`` explains it to a person."""

    key: str
    title: str
    state: str
    sentence: str


def checks(tenant: Tenant) -> list[Check]:
    """All checks, as a member of ``tenant`` may see them. They are cached for a few seconds."""
    known = cache.get(_key(tenant))
    if known is None:
        with ThreadPoolExecutor(max_workers=3) as pool:
            asked = [pool.submit(part) for part in (_redis, _broker_and_workers, _qdrant)]
            own = [_database(), _queues(tenant), _integrations(tenant)]
            redis, broker, qdrant = (answer.result() for answer in asked)
        known = [own[0], *redis, *broker, own[1], *qdrant, own[2]]
        cache.set(_key(tenant), known, CACHE_SECONDS)
    return list(known)


def known_checks(tenant: Tenant) -> list[Check]:
    """The cached checks; empty if there are none."""
    return list(cache.get(_key(tenant)) or [])


def as_message(found: list[Check]) -> dict[str, object]:
    """The ``system_health`` message: the state of every service by its key, and the sentences."""
    states: dict[str, object] = {check.key: check.state for check in found}
    return {"v": 1, "type": "system_health"} | states | {"checks": [asdict(check) for check in found]}


def is_database_up() -> bool:
    """Whether the database responds."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _key(tenant: Tenant) -> str:
    return f"health:{tenant.pk}"


def _answered(key: str, title: str, ask: Callable[[], object]) -> Check:
    begin = time.monotonic()
    ask()
    took = time.monotonic() - begin
    if took > SLOW:
        return Check(key, title, Health.WARNING, f"Slow response: {took * 1000:.0f} ms.")
    return Check(key, title, Health.HEALTHY, f"Responds in {max(took * 1000, 1):.0f} ms.")


def _database() -> Check:
    try:
        return _answered("database", "Database", lambda: connection.cursor().execute("SELECT 1"))
    except DatabaseError:
        return Check("database", "Database", Health.DOWN, "Not reachable. Is PostgreSQL running? Check DATABASE_URL.")


def _redis() -> list[Check]:
    try:
        return [_answered("redis", "Redis", redis_client().ping)]
    except RedisError:
        return [Check("redis", "Redis", Health.DOWN, "Not reachable: pages poll for updates. Check REDIS_URL.")]


def _broker_and_workers() -> list[Check]:
    options = {} if settings.CELERY_BROKER_URL.startswith("amqp") else {"socket_connect_timeout": TIMEOUT}
    try:
        with current_app.connection_for_read(connect_timeout=TIMEOUT, transport_options=options) as broker:
            found = _answered("broker", "Broker", lambda: _connect(broker))
            return [found, _workers(broker)]
    except (OperationalError, OSError):
        broken = Check("broker", "Broker", Health.DOWN, "Not reachable: no work can start. Check CELERY_BROKER_URL.")
        return [broken, Check("workers", "Workers", Health.WARNING, "Unknown while the broker is not reachable.")]


def _connect(broker: Any) -> None:
    ensured = broker.ensure_connection(max_retries=1, interval_start=0, interval_step=0, timeout=TIMEOUT)
    ensured.default_channel  # noqa: B018  # opening a channel proves that the broker accepts the log-in


def _workers(broker: Any) -> Check:
    answers = current_app.control.inspect(timeout=TIMEOUT, connection=broker).active_queues() or {}
    if not answers:
        return Check("workers", "Workers", Health.DOWN, "No worker responds. Jobs wait until a worker is started.")
    served = {queue["name"] for queues in answers.values() for queue in queues}
    count = f"{len(answers)} worker{'s' if len(answers) > 1 else ''}"
    if missing := sorted(QUEUES - served):
        return Check("workers", "Workers", Health.WARNING, f"{count}, but no worker serves {', '.join(missing)}.")
    return Check("workers", "Workers", Health.HEALTHY, f"{count} for all queues.")


def _queues(tenant: Tenant) -> Check:
    waiting = (
        Batch.objects.for_tenant(tenant)
        .filter(state=BatchState.QUEUED, run__state=RunState.RUNNING)
        .values_list("stage")
        .annotate(Count("pk"), Min("created_at"))
        .order_by("stage")
    )
    found = list(waiting)
    if not found:
        return Check("queues", "Queues", Health.HEALTHY, "No batches are waiting.")
    depth = ", ".join(f"{number:,} in {stage}" for stage, number, _ in found)
    oldest = min(begin for _, _, begin in found)
    state = Health.WARNING if timezone.now() - oldest > LONG_WAIT else Health.HEALTHY
    waited = timesince(oldest, depth=1)
    return Check("queues", "Queues", state, f"Waiting batches: {depth}. The oldest has waited for {waited}.")


def _qdrant() -> list[Check]:
    try:
        return [_answered("qdrant", "Qdrant", _ask_qdrant)]
    except requests.RequestException:
        return [Check("qdrant", "Qdrant", Health.DOWN, "Not reachable: embedding and search wait. Check QDRANT_URL.")]


def _ask_qdrant() -> None:
    key = {"api-key": settings.QDRANT_API_KEY} if settings.QDRANT_API_KEY else {}
    address = f"{settings.QDRANT_URL.rstrip('/')}/readyz"
    _http().get(address, headers=key, timeout=TIMEOUT).raise_for_status()


@lru_cache(maxsize=1)
def _http() -> requests.Session:
    # One session for all checks, so that the connection stays open.
    return requests.Session()


def _integrations(tenant: Tenant) -> Check:
    active = list(integrations_of(tenant).filter(is_active=True))
    broken = [f"{each.name}: {each.problem}" for each in active if each.problem]
    broken += filter(None, map(clock_warning, active))
    broken += [warning.sentence for warning in token_warnings(tenant) if not warning.integration.problem]
    if broken:
        return Check("integrations", "Integrations", Health.WARNING, " ".join(broken))
    if not active:
        return Check("integrations", "Integrations", Health.WARNING, "There is no active integration.")
    return Check("integrations", "Integrations", Health.HEALTHY, f"{len(active)} active, no known problems.")
