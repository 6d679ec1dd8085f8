"""How is a change of a run's visible state stored? Numbered in the same statement, and announced after the commit.

The row itself, which all workers share, limits updates of progress: at most two a second are stored per run, however
many workers and records there are. A change of state is never held back, and the end of a run is one.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from apps.progress.events import MessageType, RunMessage, run_message
from apps.progress.live import Change, announce
from apps.progress.models import RunProgress
from apps.progress.rows import JSON_COLUMNS, StoredState, stored_state

UPDATE = "UPDATE progress_runprogress SET {} WHERE run = %s AND seq = %s"
# Always true; sets for the commit of this one statement what `quick_commit` sets for a transaction.
COMMITS_QUICKLY = " AND set_config('synchronous_commit', 'off', true) = 'off'"


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


def store(run_id: UUID, kind: MessageType, changes: Mapping[str, Any]) -> None:
    """Store ``changes`` as the next ``seq``, and announce them after the commit."""
    row_of(run_id).update(**changes, seq=F("seq") + 1, updated_at=Now())
    tenant_id, seq = row_of(run_id).values_list("tenant_id", "seq").get()
    transaction.on_commit(lambda: announce(Change(tenant_id, str(run_id), seq, kind)))


def store_if_unchanged(seen: StoredState, kind: MessageType, changes: Mapping[str, Any]) -> bool:
    """Do the same unless another change was stored after ``seen`` was read; returns whether it was stored."""
    row = seen.row
    new = {**changes, "seq": row.seq + 1, "updated_at": seen.now}
    columns = ", ".join(f"{name} = %s" for name in new)
    values = [msgspec.json.encode(value).decode() if name in JSON_COLUMNS else value for name, value in new.items()]
    statement = UPDATE.format(columns) + ("" if connection.in_atomic_block else COMMITS_QUICKLY)
    with connection.cursor() as cursor:
        cursor.execute(statement, [*values, row.run, row.seq])
        if not cursor.rowcount:
            return False
    change = Change(row.tenant_id, str(row.run), row.seq + 1, kind)
    transaction.on_commit(lambda: announce(change))
    return True


def snapshot(run_id: UUID) -> RunMessage:
    """The whole stored state of a run; ``RunProgress.DoesNotExist`` for an unknown one."""
    state = stored_state(run_id)
    if state is None:
        raise RunProgress.DoesNotExist(f"There is no run {run_id}.")
    return run_message("snapshot", state.row, state.stages)
