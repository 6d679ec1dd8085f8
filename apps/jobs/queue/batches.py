"""Which batches are outstanding, and who owns them? The rows of ``etl_job_queue`` and their leases.

To claim a batch, a worker locks it (SELECT … FOR UPDATE SKIP LOCKED) and stores itself as its owner in the same
transaction. One conditional UPDATE closes the batch, in the transaction that writes its result. A worker that lost its
lease in between (a frozen worker that wakes up) closes nothing, so it writes nothing.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Now

from apps.jobs.choices import BATCH_OPEN, BatchState
from apps.jobs.models import Batch, Run
from apps.jobs.queue.covers import Coverage, encode
from apps.progress.choices import RunState
from apps.sources.registry import definition

LEASE = timedelta(seconds=30)
HEARTBEAT_SECONDS = 5.0  # how often an owner renews its lease
MAX_ATTEMPTS = 5
_QUEUED: dict[str, Any] = {"state": BatchState.QUEUED, "owner": None, "lease_until": None, "task": ""}


class LeaseLostError(Exception):
    """Another worker owns the batch or the run by now. The worker that lost it must store nothing."""


@dataclass(frozen=True)
class NewBatch:
    """A batch that is not stored yet: its step and stage, what it covers, and how many records that is."""

    step: str
    stage: str
    covers: Coverage
    size: int = 0


def add(run: Run, new_batches: Iterable[NewBatch]) -> list[Batch]:
    """Store batches of a run, inside the caller's transaction."""
    return Batch.across_tenants.bulk_create(
        Batch(
            tenant_id=run.tenant_id, run=run, step=new.step, stage=new.stage, covers=encode(new.covers), size=new.size
        )
        for new in new_batches
    )


def adopt(run: Run) -> Counter[tuple[str, str]]:
    """Take over the batches beside the chain that ended runs of the job left undone; gives sizes by step and stage.

    Their records are stored, so no provider reports them again as changed. The batches of the chain itself are not
    adopted: the new run asks the provider for the same records again.
    """
    steps = definition(run.job.job_type).steps
    beside_chain = reduce(or_, (Q(step=step.key, stage__in=step.stages[1:]) for step in steps))
    of_ended_run = Q(run__job=run.job_id, run__state__in=(RunState.CANCELLED, RunState.FAILED)) & ~Q(run=run.pk)
    undone = Batch.across_tenants.filter(beside_chain, of_ended_run).exclude(state=BatchState.FINISHED)
    found = list(undone.select_for_update(of=("self",)).values_list("pk", "step", "stage", "size"))
    adopted = [pk for pk, *_ in found]
    others = Batch.across_tenants.filter(of_ended_run, state__in=BATCH_OPEN).exclude(pk__in=adopted)
    others.update(state=BatchState.FAILED, error="A newer run asks for it again.")
    Batch.across_tenants.filter(pk__in=adopted).update(run=run, **_QUEUED, attempts=0, error="", finished_at=None)
    sizes = Counter[tuple[str, str]]()
    for _, step, stage, size in found:
        sizes[step, stage] += size
    return sizes


def claimable() -> Q:
    """Batches that nobody owns and that need not wait.

    A queued batch has ``lease_until`` only if it must wait before its next attempt.
    """
    return Q(state__in=BATCH_OPEN) & (Q(lease_until=None) | Q(lease_until__lt=Now()))


def claim(owner: UUID, candidates: Q, limit: int, *, task: str = "") -> list[Batch]:
    """Claim up to ``limit`` claimable batches of running runs, the oldest first, each with its run.

    Batches for which the provider asked for a pause come last, so that they do not hold up the others.
    ``task`` is the broker's id of the task that will work on them. It tells which process a stop must kill.
    """
    is_running = Q(Exists(Run.across_tenants.filter(pk=OuterRef("run_id"), state=RunState.RUNNING)))
    with transaction.atomic():
        rows = Batch.across_tenants.filter(claimable() & is_running & candidates).order_by("pauses", "id")
        rows = rows.select_related("run__job", "run__integration", "run__tenant")
        claimed = list(rows.select_for_update(skip_locked=True, of=("self",))[:limit])
        Batch.across_tenants.filter(pk__in=[batch.pk for batch in claimed]).update(
            state=BatchState.RUNNING, owner=owner, lease_until=Now() + LEASE, attempts=F("attempts") + 1, task=task
        )
    for batch in claimed:
        batch.owner, batch.attempts, batch.task = owner, batch.attempts + 1, task
    return claimed


def claim_lists_first(owner: UUID, candidates: Q, limit: int, *, task: str = "") -> list[Batch]:
    """The same, but batches of unknown size come first: lists say how much there is to do."""
    lists = claim(owner, candidates & Q(size=0), limit, task=task)
    return lists + claim(owner, candidates & Q(size__gt=0), limit - len(lists), task=task)


def renew(owners: Collection[UUID]) -> None:
    """Extend the leases of everything that these owners hold."""
    Batch.across_tenants.filter(owner__in=owners, state=BatchState.RUNNING).update(lease_until=Now() + LEASE)


def close(batch: Batch, *, state: BatchState = BatchState.FINISHED, error: str = "") -> None:
    """End a batch as its owner. This must be the first statement of the transaction that writes the batch's result.

    Raises :class:`LeaseLostError` when another worker owns the batch by now.
    """
    own = Batch.across_tenants.filter(pk=batch.pk, owner=batch.owner, state=BatchState.RUNNING)
    if not own.update(state=state, finished_at=Now(), owner=None, lease_until=None, task="", error=error):
        raise LeaseLostError(f"Another worker took over batch {batch.pk}.")


def requeue(own: Iterable[Batch], *, error: str = "", delay: timedelta = timedelta(), is_paused: bool = False) -> int:
    """Return batches undone as their owner, to be claimed again after ``delay``; gives how many were still owned.

    Without an ``error`` the attempt does not count. ``is_paused``: the provider asked for a pause.
    """
    requeued = 0
    for batch in own:
        requeued += Batch.across_tenants.filter(pk=batch.pk, owner=batch.owner, state=BatchState.RUNNING).update(
            **_QUEUED | {"lease_until": Now() + delay if delay else None},
            error=error,
            attempts=F("attempts") if error else F("attempts") - 1,
            pauses=F("pauses") + int(is_paused),
        )
    return requeued


def requeue_task(task: str) -> None:
    """Return what a task holds, because the broker delivered its message again: the first receiver has given up."""
    Batch.across_tenants.filter(task=task, state=BatchState.RUNNING).update(**_QUEUED)


def requeue_run(run: Run) -> None:
    """Return all batches of a run: no worker can store their results any more."""
    Batch.across_tenants.filter(run=run, state=BatchState.RUNNING).update(**_QUEUED)


def close_all(run: Run) -> None:
    """Close all outstanding batches of a run that was stopped: no worker can store their results any more.

    A batch keeps the id of a task that may still work on it, until that task has noticed.
    """
    # Twice, because another worker may be closing a batch at this moment, and add the batches that follow.
    for _ in range(2):
        outstanding(run).update(
            state=BatchState.FAILED,
            error="The run was stopped.",
            task=Case(When(lease_until__gt=Now(), owner__isnull=False, then=F("task")), default=Value("")),
            owner=None,
            lease_until=None,
        )


def outstanding(run: Run) -> QuerySet[Batch]:
    """The batches of a run that are not closed yet."""
    return Batch.across_tenants.filter(run=run, state__in=BATCH_OPEN)


def record_failed_attempt(run: Run, step: str, stage: str) -> int:
    """The attempts of the batch that was tried most often.

    If the stage has no open batch yet, adds one failed plan and returns their number.
    """
    attempts = outstanding(run).filter(step=step, stage=stage).order_by("-attempts").values_list("attempts", flat=True)
    most = attempts.first()
    if most is not None:
        return max(most, 1)
    Run.across_tenants.filter(pk=run.pk).update(plan_tries=F("plan_tries") + 1)
    return Run.across_tenants.values_list("plan_tries", flat=True).get(pk=run.pk)
