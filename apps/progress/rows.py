"""How is the visible state of runs read? The run and its stages in one plain SQL statement.

Every batch of every run and every web process reads the state with it. Django would use three statements, which takes
longer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection
from django.db.models import JSONField

from apps.progress.models import RunProgress
from apps.progress.plan import StageRow

MIN_INTERVAL = timedelta(milliseconds=500)  # between two stored updates of progress
SELECT = """
    SELECT shown.*, statement_timestamp() AS now, (
        SELECT jsonb_agg(cell ORDER BY position) FROM progress_stageprogress AS cell WHERE run_id = shown.run
    ) AS stages
    FROM progress_runprogress AS shown
    WHERE """
ONE = SELECT + "run = %s"
MAY_BE_STORED = ONE + (
    " AND (flushed_at IS NULL OR flushed_at <= statement_timestamp()"
    f" - make_interval(secs => {MIN_INTERVAL.total_seconds()}))"
)
JSON_COLUMNS = frozenset(field.attname for field in RunProgress._meta.fields if isinstance(field, JSONField))


@dataclass(frozen=True)
class StoredState:
    """The state of a run as it was stored at ``now``, by the database's clock."""

    row: RunProgress
    stages: list[StageRow]
    now: datetime


def stored_state(run_id: UUID, *, with_throttle: bool = False) -> StoredState | None:
    """The state of a run; ``None`` if it is unknown or if, ``with_throttle``, it was stored just now."""
    return next(iter(_read(MAY_BE_STORED if with_throttle else ONE, run_id)), None)


def states_by_id(run_ids: list[UUID]) -> list[StoredState]:
    """The states of these runs, of any tenant."""
    return _read(SELECT + "run = ANY(%s)", run_ids)


def state_of_tenant(tenant_id: int, run_id: UUID) -> list[StoredState]:
    """The state of a run; empty when the tenant has no such run."""
    return _read(ONE + " AND tenant_id = %s", run_id, tenant_id)


def current_states(tenant_id: int) -> list[StoredState]:
    """The state of the newest run of every job of the tenant, in the order of the jobs."""
    return _read(SELECT + "current AND tenant_id = %s ORDER BY job_id", tenant_id)


def current_state(job_id: int) -> list[StoredState]:
    """The state of the newest run of a job; empty when the job has never run."""
    return _read(SELECT + "current AND job_id = %s", job_id)


def _read(statement: str, *values: UUID | int | list[UUID]) -> list[StoredState]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        names = [column.name for column in cursor.description]
        return [_state(dict(zip(names, found, strict=True))) for found in cursor.fetchall()]


def _state(values: dict[str, Any]) -> StoredState:
    stages = msgspec.json.decode(values.pop("stages") or "[]", type=list[StageRow])
    now = values.pop("now")
    for name in JSON_COLUMNS:
        values[name] = msgspec.json.decode(values[name])
    return StoredState(RunProgress(**values), stages, now)
