"""Who writes the visible state of a run? Only these functions: persist first, publish after the commit.

Counters of a stage are added in the transaction that settles the work. :func:`refresh` turns them into the bar; it is
throttled by the row itself, so any number of workers cause at most four stored updates a second per run.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Greatest, Now

from apps.progress.choices import STAGE_DONE, STAGE_OPEN, StageState
from apps.progress.engine.bar import Cell, Cells, bar
from apps.progress.events import MessageType, RunMessage, run_message
from apps.progress.live import publish
from apps.progress.models import RunProgress, StageProgress
from apps.sources.definition import Stage
from apps.sources.registry import definition

MIN_INTERVAL = timedelta(milliseconds=250)
FINISHED = "FINISHED"


def begin(run_id: UUID, *, tenant_id: int, job_id: int, job_type: str, overall: str) -> None:
    """Create the visible state of a new run with an idle cell for every stage."""
    row = RunProgress.across_tenants.create(
        run=run_id, tenant_id=tenant_id, job_id=job_id, job_type=job_type, overall=overall, updated_at=Now()
    )
    StageProgress.objects.bulk_create(
        StageProgress(run=row, step=step.key, stage=stage, position=position)
        for position, step in enumerate(definition(job_type).steps)
        for stage in step.stages
    )
    _announce(run_id, "job_status")


def count(run_id: UUID, step: str, stage: str, *, done: int = 0, failed: int = 0, total: int = 0) -> None:
    """Add to the counters of a stage; the first count starts it."""
    cells = StageProgress.objects.filter(run_id=run_id, step=step, stage=stage)
    cells.update(
        done=F("done") + done,
        failed=F("failed") + failed,
        total=F("total") + total,
        started_at=Coalesce("started_at", Now()),
    )
    cells.filter(state__in=(StageState.IDLE, StageState.QUEUED)).update(state=StageState.RUNNING)


def mark(run_id: UUID, stages: Sequence[tuple[str, str]], state: StageState) -> bool:
    """Set the state of stages that are still open; tells whether any changed."""
    if not stages:
        return False
    wanted = Q()
    for step, stage in stages:
        wanted |= Q(step=step, stage=stage)
    cells = StageProgress.objects.filter(wanted, run_id=run_id, state__in=STAGE_OPEN).exclude(state=state)
    if state in STAGE_DONE:
        return bool(cells.update(state=state, finished_at=Now()))
    return bool(cells.update(state=state, started_at=Coalesce("started_at", Now())))


def overall(run_id: UUID, state: str, *, message: str = "", error: str = "", new_attempt: bool = False) -> None:
    """Store and tell a new state of the job, inside the transaction of the transition itself."""
    changes: dict[str, object] = {"overall": state, "message": message, "waiting": "", "error": error}
    if new_attempt:
        changes |= {"attempt": F("attempt") + 1, "percent": 0.0}
    if state == FINISHED:
        changes |= {"percent": 100.0, "step_progress": 1.0}
    _store(run_id, changes)
    _announce(run_id, "job_status")


def wait(run_id: UUID, reason: str) -> None:
    """Say why the run waits; an empty reason ends the wait."""
    if _store(run_id, {"waiting": reason}, Q(waiting=reason), exclude=True):
        _announce(run_id, "job_status")


def refresh(run_id: UUID, *, message: str = "", status: bool = False) -> None:
    """Recompute the bar from the counters, store and tell it.

    ``status`` says that a stage changed its state: such a change is never held back, the rest at most every 250 ms.
    """
    row = RunProgress.across_tenants.filter(pk=run_id).first()
    if row is None:
        return
    now = bar(definition(row.job_type), cells_of(run_id), succeeded=row.overall == FINISHED)
    changes: dict[str, object] = {
        "percent": Greatest("percent", now.percent),
        "step_index": now.step_index,
        "step_progress": now.step_progress,
        "message": message or now.title,
    }
    due = Q() if status else Q(updated_at__lte=Now() - MIN_INTERVAL)
    if _store(run_id, changes, due):
        _announce(run_id, "job_status" if status else "progress_update")


def cells_of(run_id: UUID) -> Cells:
    """The counters of all stages of a run, for the engine."""
    return {
        (cell.step, Stage(cell.stage)): Cell(cell.done, cell.total, cell.state in STAGE_DONE)
        for cell in StageProgress.objects.filter(run_id=run_id)
    }


def snapshot(run_id: UUID, kind: MessageType = "snapshot") -> RunMessage:
    """The whole stored state of a run; ``RunProgress.DoesNotExist`` for an unknown one."""
    with transaction.atomic():
        row = RunProgress.across_tenants.get(pk=run_id)
        return run_message(kind, row, StageProgress.objects.filter(run_id=run_id))


def _store(run_id: UUID, changes: dict[str, object], condition: Q | None = None, *, exclude: bool = False) -> bool:
    rows = RunProgress.across_tenants.filter(pk=run_id)
    if condition is not None:
        rows = rows.exclude(condition) if exclude else rows.filter(condition)
    return bool(rows.update(seq=F("seq") + 1, updated_at=Now(), **changes))


def _announce(run_id: UUID, kind: MessageType) -> None:
    transaction.on_commit(lambda: publish(snapshot(run_id, kind)))
