"""Which faults are there of the services: emptied, purged, restarted, without space, with messages out of order?"""

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
from tools.chaos.scene import Scene, answered
from tools.chaos.snapshots import Snapshots
from tools.chaos.stand import QUEUES


def flush_redis(scene: Scene) -> None:
    """FLUSHALL, again and again for a moment: broker (where it is that), limits and live messages."""
    scene.reach(0, 90)
    with Redis.from_url(settings.REDIS_URL) as client:
        for _ in _moment(scene, "FLUSHALL"):
            client.flushall()


def purge_queues(scene: Scene) -> None:
    """All messages of all queues are gone, and those that come for a moment."""
    scene.reach(0, 90)
    lost = sum(purge() for _ in _moment(scene, "purge"))
    scene.note(f"{lost} messages purged")


def restart_redis(scene: Scene) -> None:
    """Redis ends and comes back with what was in its file."""
    _restart(scene, scene.stand.services.valkey)


def restart_rabbitmq(scene: Scene) -> None:
    """RabbitMQ ends and comes back with its durable messages."""
    _restart(scene, scene.stand.rabbitmq)


def restart_postgres(scene: Scene) -> None:
    """PostgreSQL ends, cleanly or by SIGKILL, and comes back."""
    _restart(scene, scene.stand.services.postgres)


def restart_qdrant(scene: Scene) -> None:
    """The vector store ends and comes back."""
    _restart(scene, scene.stand.services.qdrant)


def repeat_messages(scene: Scene) -> None:
    """Everything that was or will be sent for the run arrives again, twice and in any order, old epochs too."""
    scene.reach(0, 90)
    run = Run.across_tenants.select_related("job").get(pk=scene.run.pk)
    of_run: dict[str, object] = {"run_id": str(run.pk)}
    messages = [
        ("jobs.run_step", stage, {**of_run, "step": step.key, "stage": stage, "epoch": epoch})
        for step in definition(run.job.job_type).steps
        for stage in [step.stages[0].value]
        for epoch in {run.epoch, max(run.epoch - 1, 0)}
    ]
    # A message beside the chain is a bell: it names no batch.
    messages += [
        ("jobs.run_batch", stage, {"stage": stage})
        for stage in Batch.across_tenants.filter(run=run).values_list("stage", flat=True)
        if stage != Stage.EXTRACTION
    ]
    messages.append(("jobs.complete_run", "control", of_run))
    messages *= 2
    scene.chance.shuffle(messages)
    for name, queue, arguments in messages:
        signature(name, kwargs=arguments, immutable=True, queue=queue).apply_async()
    scene.note(f"{len(messages)} messages repeated")


def fill_disk(scene: Scene) -> None:
    """The raw store has no space left; some seconds later it has."""
    scene.reach_request()
    assert scene.stand.services.postgres
    with small_disk(scene.stand.folder / "disk", Snapshots(scene.stand.services.postgres)) as disk:
        with disk.full():
            scene.note(f"full: {disk.what}")
            scene.until(lambda: _told(scene) or scene.has_ended(), "a sentence about the full disk", 60)
            scene.note(f"told: {_told(scene)}")
            time.sleep(scene.chance.uniform(0, 5))
        scene.note("there is space again")
        scene.until(scene.has_ended, "the end of the run", 90)


def purge() -> int:
    """Empty the broker's queues by its own command; gives how many messages there were."""
    with current_app.connection_for_write() as connection:
        channel: Any = connection.default_channel
        return sum(channel.queue_purge(queue) or 0 for queue in QUEUES)


def _told(scene: Scene) -> str:
    row = answered(lambda: RunProgress.across_tenants.get(pk=scene.run.pk))
    return (row.waiting or row.error) if row else ""


def _moment(scene: Scene, what: str) -> Iterator[None]:
    """Again and again for up to two seconds."""
    seconds = scene.chance.choice([0.0, scene.chance.uniform(0.2, 2)])
    scene.note(f"{what} for {seconds:.1f} s")
    deadline = time.monotonic() + seconds
    yield
    while time.monotonic() < deadline:
        time.sleep(0.05)
        yield
    scene.note(f"no more {what}")


def _restart(scene: Scene, service: Service | None) -> None:
    assert service
    scene.reach(0, 90)
    how = scene.chance.choice([service.kill, service.stop])
    how()
    scene.note(f"{service.name}: {how.__name__}")
    time.sleep(scene.chance.uniform(0, 4))
    service.start()
    scene.note(f"{service.name} is up again")
