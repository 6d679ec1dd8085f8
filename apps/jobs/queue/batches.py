"""What work is outstanding, and who holds it? The rows of ``etl_job_queue`` under leases.

A batch is claimed by one conditional UPDATE and closed by another in the transaction that writes its outcome: whoever
lost the lease in between (a frozen worker that wakes up) closes nothing and so writes nothing.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from operator import or_
from threading import Event, Thread
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Now

from apps.jobs.choices import ITEM_OPEN, ItemState
from apps.jobs.models import QueueItem, Run
from apps.progress.choices import RunState
from apps.sources.registry import definition

LEASE = timedelta(seconds=30)
MAX_ATTEMPTS = 5


class LostLease(Exception):
    """Somebody else has taken over: whatever was done since must not be written."""


@dataclass(frozen=True)
class NewItem:
    """A batch to be: its step and stage, what it covers, and how many records that is."""

    step: str
    stage: str
    covers: dict[str, Any]
    size: int = 0


def add(run: Run, items: Iterable[NewItem]) -> list[QueueItem]:
    """Put batches into the ledger, inside the caller's transaction."""
    return QueueItem.across_tenants.bulk_create(
        QueueItem(
            tenant_id=run.tenant_id, run=run, step=item.step, stage=item.stage, covers=item.covers, size=item.size
        )
        for item in items
    )


def inherit(run: Run) -> Counter[tuple[str, str]]:
    """Take over the batches that ended runs of the job have left undone beside their chains.

    What they cover is stored already: nobody would bring it again, because it is no change any more. Whatever was not
    fetched is asked for again anyway. Returns their sizes by step and stage.
    """
    steps = definition(run.job.job_type).steps
    beside = reduce(or_, (Q(step=step.key, stage__in=step.stages[1:]) for step in steps))
    ended = Q(run__job=run.job_id, run__state__in=(RunState.CANCELLED, RunState.FAILED)) & ~Q(run=run.pk)
    left = QueueItem.across_tenants.filter(beside, ended).exclude(state=ItemState.FINISHED)
    found = list(left.select_for_update(of=("self",)).values_list("pk", "step", "stage", "size"))
    given_up = QueueItem.across_tenants.filter(ended, state__in=ITEM_OPEN).exclude(pk__in=[pk for pk, *_ in found])
    given_up.update(state=ItemState.FAILED, error="A newer run asks for it again.")
    QueueItem.across_tenants.filter(pk__in=[pk for pk, *_ in found]).update(
        run=run, state=ItemState.QUEUED, attempts=0, owner=None, lease_until=None, task="", error="", finished_at=None
    )
    sizes = Counter[tuple[str, str]]()
    for _, step, stage, size in found:
        sizes[step, stage] += size
    return sizes


def free() -> Q:
    """Batches that nobody holds and that need not wait: a queued one has a time only where it shall be tried later."""
    return Q(state__in=ITEM_OPEN) & (Q(lease_until=None) | Q(lease_until__lt=Now()))


def claim(owner: UUID, candidates: Q, limit: int, *, task: str = "") -> list[QueueItem]:
    """Take up to ``limit`` free batches of running runs, the oldest first, each with its run.

    ``task`` is the broker's id of the task that will work on them: by it a worker that does not let go is ended.
    """
    running = Q(Exists(Run.across_tenants.filter(pk=OuterRef("run_id"), state=RunState.RUNNING)))
    with transaction.atomic():
        rows = QueueItem.across_tenants.filter(free() & running & candidates).order_by("id")
        rows = rows.select_related("run__job", "run__integration", "run__tenant")
        claimed = list(rows.select_for_update(skip_locked=True, of=("self",))[:limit])
        QueueItem.across_tenants.filter(pk__in=[item.pk for item in claimed]).update(
            state=ItemState.RUNNING, owner=owner, lease_until=Now() + LEASE, attempts=F("attempts") + 1, task=task
        )
    for item in claimed:
        item.owner, item.attempts, item.task = owner, item.attempts + 1, task
    return claimed


def take_back(task: str) -> None:
    """Free what a task holds whose message has come again: whoever worked on it has given up."""
    QueueItem.across_tenants.filter(task=task, state=ItemState.RUNNING).update(
        state=ItemState.QUEUED, owner=None, lease_until=None, task=""
    )


def renew(owner: UUID) -> None:
    """Keep everything that ``owner`` holds for another lease."""
    QueueItem.across_tenants.filter(owner=owner, state=ItemState.RUNNING).update(lease_until=Now() + LEASE)


@contextmanager
def kept(owner: UUID) -> Iterator[None]:
    """Renew what ``owner`` holds for as long as the block lasts, however slow the work in it is."""
    done = Event()

    def renew_until_done() -> None:
        try:
            while not done.wait(LEASE.total_seconds() / 3):
                renew(owner)
        finally:
            connection.close()

    thread = Thread(target=renew_until_done, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def close(item: QueueItem, *, state: ItemState = ItemState.FINISHED, error: str = "") -> None:
    """End a batch as its owner, first thing in the transaction that writes its outcome; :class:`LostLease` if not."""
    held = QueueItem.across_tenants.filter(pk=item.pk, owner=item.owner, state=ItemState.RUNNING)
    if not held.update(state=state, finished_at=Now(), owner=None, lease_until=None, task="", error=error):
        raise LostLease(f"Batch {item.pk} was taken over.")


def give_back(items: Sequence[QueueItem], *, error: str = "", pause: timedelta = timedelta()) -> int:
    """Return batches undone, not to be taken again before a ``pause``; without an ``error`` the try does not count.

    Returns how many of them were still held.
    """
    returned = 0
    for item in items:
        returned += QueueItem.across_tenants.filter(pk=item.pk, owner=item.owner, state=ItemState.RUNNING).update(
            state=ItemState.QUEUED,
            owner=None,
            lease_until=Now() + pause if pause else None,
            task="",
            error=error,
            attempts=F("attempts") if error else F("attempts") - 1,
        )
    return returned


def count_try(run: Run, step: str, stage: str) -> int:
    """A stage has just failed: how often it was tried, by its worst batch, or by its plan where it has none yet."""
    batches = outstanding(run).filter(step=step, stage=stage).order_by("-attempts")
    worst = batches.values_list("attempts", flat=True).first()
    if worst is not None:
        return max(worst, 1)
    Run.across_tenants.filter(pk=run.pk).update(plan_tries=F("plan_tries") + 1)
    return Run.across_tenants.values_list("plan_tries", flat=True).get(pk=run.pk)


def take_away(run: Run) -> None:
    """Whoever works on a batch of this run can write nothing of it any more; the batches are free again."""
    QueueItem.across_tenants.filter(run=run, state=ItemState.RUNNING).update(
        state=ItemState.QUEUED, owner=None, lease_until=None, task=""
    )


def cut_off(run: Run) -> None:
    """Close everything that is outstanding: nothing of it can be written any more.

    A task that may still work on a batch stays named in it until it lets go.
    """
    # The second time for the batches that somebody added who was closing one of the others at this moment.
    for _ in range(2):
        outstanding(run).update(
            state=ItemState.FAILED,
            error="The run was stopped.",
            task=Case(When(lease_until__gt=Now(), owner__isnull=False, then=F("task")), default=Value("")),
            owner=None,
            lease_until=None,
        )


def outstanding(run: Run) -> QuerySet[QueueItem]:
    """The batches of a run that are not closed yet."""
    return QueueItem.across_tenants.filter(run=run, state__in=ITEM_OPEN)
