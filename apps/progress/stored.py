"""How is a change of a run's visible state stored and told? Numbered in the same statement, published after the commit.

Mere progress is throttled by the row itself, which all workers share: at most four stored updates a second per run,
whatever the number of workers and items. State changes, final ones among them, are never held back.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from apps.progress.events import MessageType, RunMessage, run_message
from apps.progress.live import publish
from apps.progress.models import RunProgress, StageProgress

MIN_INTERVAL = timedelta(milliseconds=250)


@contextmanager
def quick_commit() -> Iterator[None]:
    """A transaction whose commit does not wait for the disk: a crash of the database may cost the newest progress.

    Only for what can be computed again from the counters.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        if not connection.savepoint_ids:
            cursor.execute("SET LOCAL synchronous_commit = off")
        yield


def row_of(run_id: UUID) -> QuerySet[RunProgress]:
    """The row of a run."""
    return RunProgress.across_tenants.filter(pk=run_id)


def due(run_id: UUID) -> QuerySet[RunProgress]:
    """The row of a run where mere progress may be stored again, else nothing."""
    return row_of(run_id).filter(Q(flushed_at=None) | Q(flushed_at__lte=Now() - MIN_INTERVAL))


def store(run_id: UUID, kind: MessageType, changes: Mapping[str, Any]) -> None:
    """Store ``changes`` as the next ``seq``, and tell the pages as soon as that is committed."""
    row_of(run_id).update(**changes, seq=F("seq") + 1, updated_at=Now())
    transaction.on_commit(lambda: publish(snapshot(run_id, kind)))


def store_locked(
    row: RunProgress, stages: Sequence[StageProgress], kind: MessageType, changes: Mapping[str, Any]
) -> None:
    """The same for a row that is locked, with the stages as read since then: for the pages nothing is read again."""
    row_of(row.run).update(**changes, seq=row.seq + 1, updated_at=Now())
    for name, value in changes.items():
        setattr(row, name, value)
    row.seq += 1
    transaction.on_commit(lambda: publish(run_message(kind, row, stages)))


def snapshot(run_id: UUID, kind: MessageType = "snapshot") -> RunMessage:
    """The whole stored state of a run; ``RunProgress.DoesNotExist`` for an unknown one."""
    return run_message(kind, row_of(run_id).get(), StageProgress.objects.filter(run_id=run_id))
