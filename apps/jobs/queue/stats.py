"""How much work waits, how fast does it go, and who does what? The database alone answers, for one tenant."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Min, Q
from django.db.models.functions import Now

from apps.jobs.choices import BatchState
from apps.jobs.models import Batch, Run
from apps.progress.choices import RunState
from apps.sources.definition import ALL_STAGES
from apps.sources.registry import definition
from apps.tenants.models import Tenant

RECENT = timedelta(minutes=5)


@dataclass(frozen=True)
class Queue:
    """The batches of one stage: how many wait, are held by workers, and were closed in the last five minutes.

    ``oldest`` is when the batch that waits longest was added.
    """

    name: str
    waiting: int = 0
    held: int = 0
    closed: int = 0
    oldest: datetime | None = None

    @property
    def per_minute(self) -> float:
        """How many batches are closed in a minute."""
        return self.closed / (RECENT.total_seconds() / 60)


@dataclass(frozen=True)
class Work:
    """What one worker holds: ``batches`` of one stage and step of a run.

    ``since`` is when workers were woken for the first of them.
    """

    worker: str
    job: str
    run: UUID
    step: str
    stage: str
    batches: int
    since: datetime


def queues(tenant: Tenant) -> list[Queue]:
    """Every queue, in the order in which a record passes through them."""
    recent = Run.objects.for_tenant(tenant).filter(Q(finished_at=None) | Q(finished_at__gte=Now() - RECENT))
    waiting = Q(state=BatchState.QUEUED)
    rows = (
        Batch.objects.for_tenant(tenant)
        .filter(run__in=recent)
        .values_list("stage")
        .annotate(
            waiting=Count("pk", filter=waiting),
            held=Count("pk", filter=Q(state=BatchState.RUNNING)),
            closed=Count("pk", filter=Q(state=BatchState.FINISHED, finished_at__gte=Now() - RECENT)),
            oldest=Min("created_at", filter=waiting),
        )
        .order_by("stage")
    )
    found = {row[0]: Queue(*row) for row in rows}
    return [found.get(stage.value, Queue(stage.value)) for stage in ALL_STAGES]


def work(tenant: Tenant) -> list[Work]:
    """What workers do now; the work that has lasted longest comes first."""
    held = Batch.objects.for_tenant(tenant).filter(
        state=BatchState.RUNNING, owner__isnull=False, lease_until__gte=Now(), run__state=RunState.RUNNING
    )
    rows = (
        held.values_list("owner", "run", "run__job__name", "run__job__job_type", "step", "stage")
        .annotate(batches=Count("pk"), since=Min("woken_at"))
        .order_by("since")
    )
    return [
        Work(str(owner)[:8], job, run, definition(job_type).step(step).title, stage, batches, since)
        for owner, run, job, job_type, step, stage, batches, since in rows
    ]
