"""How is a change of a run's visible state stored and told? Numbered in the same statement, published after the commit.

Mere progress is throttled by the row itself, which all workers share: at most two stored updates a second per run,
whatever the number of workers and items. State changes, final ones among them, are never held back.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection, transaction
from django.db.models import F, JSONField, QuerySet
from django.db.models.functions import Now

from apps.progress.events import MessageType, RunMessage, run_message
from apps.progress.live import publish
from apps.progress.models import RunProgress
from apps.progress.plan import StageRow

MIN_INTERVAL = timedelta(milliseconds=500)
# Asked with every batch of every run: one plain statement, as Django's composing of three takes longer than they do.
LOOK = """
    SELECT shown.*, statement_timestamp() AS now, (
        SELECT jsonb_agg(cell ORDER BY position) FROM progress_stageprogress AS cell WHERE run_id = shown.run
    ) AS stages
    FROM progress_runprogress AS shown
    WHERE run = %s
        AND (%s OR flushed_at IS NULL OR flushed_at <= statement_timestamp() - make_interval(secs => %s))
"""
UPDATE = "UPDATE progress_runprogress SET {} WHERE run = %s AND seq = %s"
# Always true. The commit of this statement alone is then one of `quick_commit`.
COMMITS_QUICKLY = " AND set_config('synchronous_commit', 'off', true) = 'off'"
JSON_COLUMNS = frozenset(field.attname for field in RunProgress._meta.fields if isinstance(field, JSONField))


@dataclass(frozen=True)
class Seen:
    """The state of a run as it was stored at ``now``, by the database's clock."""

    row: RunProgress
    stages: list[StageRow]
    now: datetime


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
    """Store ``changes`` as the next ``seq``, and tell the pages as soon as that is committed."""
    row_of(run_id).update(**changes, seq=F("seq") + 1, updated_at=Now())
    transaction.on_commit(lambda: publish(snapshot(run_id, kind)))


def look(run_id: UUID, *, always: bool) -> Seen | None:
    """The stored state of a run; ``None`` for an unknown one and, unless ``always``, where it was stored just now."""
    with connection.cursor() as cursor:
        cursor.execute(LOOK, [run_id, always, MIN_INTERVAL.total_seconds()])
        found = cursor.fetchone()
        if found is None:
            return None
        values = dict(zip((column.name for column in cursor.description), found, strict=True))
    stages = msgspec.json.decode(values.pop("stages") or "[]", type=list[StageRow])
    now = values.pop("now")
    for name in JSON_COLUMNS:
        values[name] = msgspec.json.decode(values[name])
    return Seen(RunProgress(**values), stages, now)


def store_if_unchanged(seen: Seen, kind: MessageType, changes: Mapping[str, Any]) -> bool:
    """Store ``changes`` as the next ``seq`` and tell them, unless another one was stored since; says whether it did."""
    row = seen.row
    new = {**changes, "seq": row.seq + 1, "updated_at": seen.now}
    columns = ", ".join(f"{name} = %s" for name in new)
    values = [msgspec.json.encode(value).decode() if name in JSON_COLUMNS else value for name, value in new.items()]
    statement = UPDATE.format(columns) + ("" if connection.in_atomic_block else COMMITS_QUICKLY)
    with connection.cursor() as cursor:
        cursor.execute(statement, [*values, row.run, row.seq])
        if not cursor.rowcount:
            return False
    for name, value in new.items():
        setattr(row, name, value)
    transaction.on_commit(lambda: publish(run_message(kind, row, seen.stages)))
    return True


def snapshot(run_id: UUID, kind: MessageType = "snapshot") -> RunMessage:
    """The whole stored state of a run; ``RunProgress.DoesNotExist`` for an unknown one."""
    seen = look(run_id, always=True)
    if seen is None:
        raise RunProgress.DoesNotExist(f"There is no run {run_id}.")
    return run_message(kind, seen.row, seen.stages)
