"""What work is outstanding, and who holds it? The rows of ``etl_job_queue`` under leases.

A batch is claimed by one conditional UPDATE and closed by another in the transaction that writes its outcome: whoever
lost the lease in between (a frozen worker that wakes up) closes nothing and so writes nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Thread
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from apps.jobs.choices import ITEM_OPEN, ItemState, RunState
from apps.jobs.models import QueueItem, Run

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


def _claimable() -> Q:
    free = Q(state=ItemState.QUEUED) | Q(state=ItemState.RUNNING, lease_until__lt=Now())
    return free & Q(Exists(Run.across_tenants.filter(pk=OuterRef("run_id"), state=RunState.RUNNING)))


def claim(owner: UUID, candidates: Q, limit: int) -> list[QueueItem]:
    """Take up to ``limit`` batches of running runs that nobody holds, the oldest first."""
    with transaction.atomic():
        rows = QueueItem.across_tenants.filter(_claimable() & candidates).order_by("id")
        claimed = list(rows.select_for_update(skip_locked=True, of=("self",))[:limit])
        QueueItem.across_tenants.filter(pk__in=[item.pk for item in claimed]).update(
            state=ItemState.RUNNING, owner=owner, lease_until=Now() + LEASE, attempts=F("attempts") + 1
        )
    for item in claimed:
        item.owner, item.attempts = owner, item.attempts + 1
    return claimed


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
    if not held.update(state=state, finished_at=Now(), owner=None, lease_until=None, error=error):
        raise LostLease(f"Batch {item.pk} was taken over.")


def give_back(items: Sequence[QueueItem], *, error: str = "") -> None:
    """Return batches undone; without an ``error`` the try does not count."""
    for item in items:
        QueueItem.across_tenants.filter(pk=item.pk, owner=item.owner, state=ItemState.RUNNING).update(
            state=ItemState.QUEUED,
            owner=None,
            lease_until=None,
            error=error,
            attempts=F("attempts") if error else F("attempts") - 1,
        )


def outstanding(run: Run) -> QuerySet[QueueItem]:
    """The batches of a run that are not closed yet."""
    return QueueItem.across_tenants.filter(run=run, state__in=ITEM_OPEN)
