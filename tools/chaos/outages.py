"""Which faults hit the services? They are emptied, purged, restarted or without space; messages come out of order."""

import time
from collections.abc import Iterator
from typing import Any

from celery import current_app, signature
from django.conf import settings
from redis import Redis

from apps.jobs.models import Batch, Run
from apps.progress.models import RunProgress
from apps.sources.definition import Stage
from apps.sources.registry import definition
from apps.stack.services.base import Service
from tools.chaos.disk import small_disk
from tools.chaos.scenario import Scenario, answered
from tools.chaos.snapshots import Snapshots
from tools.chaos.testbed import QUEUES


def flush_redis(scenario: Scenario) -> None:
    """FLUSHALL, repeated for a moment: limits, live messages and, where Redis is the broker, its messages are lost."""
    scenario.reach(0, 90)
    with Redis.from_url(settings.REDIS_URL) as client:
        for _ in _moment(scenario, "FLUSHALL"):
            client.flushall()


def purge_queues(scenario: Scenario) -> None:
    """Purge all queues, repeated for a moment, so that new messages are lost too."""
    scenario.reach(0, 90)
    lost = sum(purge() for _ in _moment(scenario, "purge"))
    scenario.note(f"{lost} messages purged")


def restart_redis(scenario: Scenario) -> None:
    """Redis ends and comes back with the data of its file."""
    _restart(scenario, scenario.testbed.services.valkey)


def restart_rabbitmq(scenario: Scenario) -> None:
    """RabbitMQ ends and comes back with its durable messages."""
    _restart(scenario, scenario.testbed.rabbitmq)


def restart_postgres(scenario: Scenario) -> None:
    """PostgreSQL ends, cleanly or by SIGKILL, and comes back."""
    _restart(scenario, scenario.testbed.services.postgres)


def restart_qdrant(scenario: Scenario) -> None:
    """The vector store ends and comes back."""
    _restart(scenario, scenario.testbed.services.qdrant)


def repeat_messages(scenario: Scenario) -> None:
    """All messages of the run arrive again, twice and in random order, also with an old epoch."""
    scenario.reach(0, 90)
    run = Run.across_tenants.select_related("job").get(pk=scenario.run.pk)
    of_run: dict[str, object] = {"run_id": str(run.pk)}
    messages = [
        ("jobs.run_step", stage, {**of_run, "step": step.key, "stage": stage, "epoch": epoch})
        for step in definition(run.job.job_type).steps
        for stage in [step.stages[0].value]
        for epoch in {run.epoch, max(run.epoch - 1, 0)}
    ]
    # A wake-up message names no batch.
    messages += [
        ("jobs.run_batch", stage, {"stage": stage})
        for stage in Batch.across_tenants.filter(run=run).values_list("stage", flat=True)
        if stage != Stage.EXTRACTION
    ]
    messages.append(("jobs.complete_run", "control", of_run))
    messages *= 2
    scenario.chance.shuffle(messages)
    for name, queue, arguments in messages:
        signature(name, kwargs=arguments, immutable=True, queue=queue).apply_async()
    scenario.note(f"{len(messages)} messages repeated")


def fill_disk(scenario: Scenario) -> None:
    """The raw store has no space left; some seconds later it has space again."""
    scenario.reach_request()
    assert scenario.testbed.services.postgres
    with small_disk(scenario.testbed.folder / "disk", Snapshots(scenario.testbed.services.postgres)) as disk:
        with disk.full():
            scenario.note(f"full: {disk.what}")
            scenario.until(lambda: _shown(scenario) or scenario.has_ended(), "a sentence about the full disk", 60)
            scenario.note(f"shown: {_shown(scenario)}")
            time.sleep(scenario.chance.uniform(0, 5))
        scenario.note("there is space again")
        scenario.until(scenario.has_ended, "the end of the run", 90)


def purge() -> int:
    """Empty the broker's queues by its own command; return how many messages were lost."""
    with current_app.connection_for_write() as connection:
        channel: Any = connection.default_channel
        return sum(channel.queue_purge(queue) or 0 for queue in QUEUES)


def _shown(scenario: Scenario) -> str:
    row = answered(lambda: RunProgress.across_tenants.get(pk=scenario.run.pk))
    return (row.waiting or row.error) if row else ""


def _moment(scenario: Scenario, what: str) -> Iterator[None]:
    """Repeat the body of the loop for up to two seconds."""
    seconds = scenario.chance.choice([0.0, scenario.chance.uniform(0.2, 2)])
    scenario.note(f"{what} for {seconds:.1f} s")
    deadline = time.monotonic() + seconds
    yield
    while time.monotonic() < deadline:
        time.sleep(0.05)
        yield
    scenario.note(f"no more {what}")


def _restart(scenario: Scenario, service: Service | None) -> None:
    assert service
    scenario.reach(0, 90)
    how = scenario.chance.choice([service.kill, service.stop])
    how()
    scenario.note(f"{service.name}: {how.__name__}")
    time.sleep(scenario.chance.uniform(0, 4))
    service.start()
    scenario.note(f"{service.name} is up again")
