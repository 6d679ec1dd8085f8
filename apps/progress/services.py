"""Who writes the visible state of a run? Only these functions and those of ``compat``.

Counters are updated in the transaction that closes the batch, so the bar is recomputed only between batches. The module
``stored`` says what is stored and when.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Greatest, Now

from apps.progress import notices, timeline
from apps.progress.choices import STAGE_DONE, STAGE_OPEN, JobState, RunState, StageState
from apps.progress.engine.eta import interrupted
from apps.progress.events import MessageType
from apps.progress.models import RunProgress, StageProgress
from apps.progress.movement import moved
from apps.progress.plan import learn, stored_pace
from apps.progress.rows import stored_state
from apps.progress.stored import quick_commit, row_of, snapshot, store, store_if_unchanged
from apps.sources.registry import definition

__all__ = ["begin", "count", "ensure_begun", "mark", "refresh", "set_job_state", "set_waiting", "snapshot"]

# How an attempt has ended, by the new state of its job. A job becomes READY when its run was stopped.
ENDS: dict[str, RunState] = {
    JobState.FINISHED: RunState.FINISHED,
    JobState.FAILED: RunState.FAILED,
    JobState.READY: RunState.CANCELLED,
}
# In the other states, the state itself says why the run does not go on.
MAY_WAIT = (JobState.PENDING, JobState.RUNNING)
NOT_BEGUN = (StageState.IDLE, StageState.QUEUED)
AT_WORK = (StageState.QUEUED, StageState.RUNNING)
# The new state of the stages at work, by the new state of their job.
CUT_SHORT: dict[str, StageState] = {JobState.FAILED: StageState.FAILED, JobState.READY: StageState.IDLE}


def begin(run_id: UUID, *, tenant_id: int, job_id: int, job_name: str, job_type: str, mode: str, overall: str) -> None:
    """Create the visible state of a new run, which becomes its job's current one, with an idle cell for every stage.

    The run is compared only with earlier runs of the same ``mode``. The pages hear of
    the run with its first transition, which is in the same transaction.
    """
    for earlier in RunProgress.across_tenants.filter(job_id=job_id, current=True).values_list("run", flat=True):
        store(earlier, "job_status", {"current": False})
    job = definition(job_type)
    row = RunProgress(
        run=run_id,
        tenant_id=tenant_id,
        job_id=job_id,
        job_name=job_name,
        job_type=job_type,
        mode=mode,
        overall=overall,
        total_steps=len(job.progress_steps),
        step_title=job.progress_steps[0].title,
        updated_at=Now(),
    )
    learn(row)
    row.save(force_insert=True)
    StageProgress.objects.bulk_create(
        StageProgress(run=row, step=step.key, stage=stage, position=position)
        for position, step in enumerate(job.steps)
        for stage in step.stages
    )


def count(
    run_id: UUID, step: str, stage: str, *, done: int = 0, failed: int = 0, total: int = 0, open_lists: int = 0
) -> None:
    """Add to the counters of a stage; the first count starts it.

    ``open_lists`` is how many batches that may add to the total are new, minus those that are closed.
    """
    cell = StageProgress.objects.filter(run_id=run_id, step=step, stage=stage)
    more: dict[str, Any] = {"done": F("done") + done, "failed": F("failed") + failed, "total": F("total") + total}
    if open_lists:
        # Batches of a version that did not count them may close after an upgrade.
        more["open_lists"] = Greatest(F("open_lists") + open_lists, 0)
    if not cell.exclude(state__in=NOT_BEGUN).update(**more):
        mark(run_id, [(step, stage)], StageState.RUNNING)
        cell.update(**more)


def ensure_begun(run_id: UUID, step: str, stage: str) -> bool:
    """Mark a stage as running unless it has begun; says whether it has. A message that is too late begins no stage."""
    if not StageProgress.objects.filter(run_id=run_id, step=step, stage=stage, state__in=NOT_BEGUN).exists():
        return True
    with quick_commit():
        is_running = row_of(run_id).filter(overall=JobState.RUNNING).select_for_update(no_key=True).exists()
        if is_running and mark(run_id, [(step, stage)], StageState.RUNNING):
            refresh(run_id, is_state_change=True)
    return is_running


def mark(run_id: UUID, stages: Sequence[tuple[str, str]], state: StageState) -> bool:
    """Set the state of stages that are still open; says whether any changed."""
    if not stages:
        return False
    wanted = Q()
    for step, stage in stages:
        wanted |= Q(step=step, stage=stage)
    cells = StageProgress.objects.filter(wanted, run_id=run_id, state__in=STAGE_OPEN).exclude(state=state)
    with transaction.atomic(savepoint=False):
        if state in STAGE_DONE:
            changed = bool(cells.update(state=state, finished_at=Now()))
            if changed:
                timeline.end_stages(run_id, stages, state)
        else:
            # Lock the run before its stages, as the transitions do.
            may_begin = state == StageState.RUNNING and timeline.lock_for_stages(run_id)
            changed = bool(cells.update(state=state, started_at=Coalesce("started_at", Now())))
            if changed and may_begin:
                timeline.begin_stages(run_id, stages)
    return changed


def set_job_state(
    run_id: UUID,
    state: str,
    *,
    message: str = "",
    error: str = "",
    waiting: str = "",
    ended: str = "",
    is_new_attempt: bool = False,
) -> None:
    """Store and announce a new state of the job, in the transaction of its transition.

    ``waiting`` says why the run does not go on in the new state. ``ended`` says how the run ended. The pace starts
    again, because it measures only the time in which the run works.
    """
    changes: dict[str, object] = {"overall": state, "message": message, "waiting": waiting, "error": error, "pace": {}}
    if is_new_attempt:
        changes |= {"attempt": F("attempt") + 1, "percent": 0.0}
    if state == JobState.FINISHED:
        changes |= {"percent": 100.0, "step_progress": 1.0}
    store(run_id, "job_status", changes)
    if state in CUT_SHORT:
        StageProgress.objects.filter(run_id=run_id, state__in=AT_WORK).update(state=CUT_SHORT[state])
    timeline.wait(run_id, waiting)
    if state == JobState.PENDING:
        timeline.begin_attempt(run_id)
    elif state in ENDS:
        timeline.end_attempt(run_id, ENDS[state], ended)
        notices.make_due(run_id, ENDS[state], error or ended or message)


def set_waiting(run_id: UUID, reason: str) -> None:
    """Store why the run waits; an empty reason ends the wait. The pace leaves out the time of the wait."""
    changed = row_of(run_id).filter(overall__in=MAY_WAIT).exclude(waiting=reason)
    if not changed.exists():
        return
    with transaction.atomic():
        row = changed.select_for_update(no_key=True).first()
        if row is not None:
            pace = stored_pace(row)
            interrupted_pace = msgspec.to_builtins(interrupted(pace)) if pace else {}
            store(run_id, "job_status", {"waiting": reason, "pace": interrupted_pace})
            timeline.wait(run_id, reason)


def refresh(run_id: UUID, *, message: str = "", is_state_change: bool = False) -> None:
    """Recompute the bar from the counters, store it and announce it.

    ``is_state_change`` says that a stage has a new state. It is stored at once; mere progress at most every 500 ms.
    """
    kind: MessageType = "job_status" if is_state_change else "progress_update"
    # If another process has stored a newer state, skip this progress update.
    while (seen := stored_state(run_id, with_throttle=not is_state_change)) is not None:
        changes = moved(seen.row, seen.stages, seen.now) | ({"message": message} if message else {})
        if not is_state_change:
            changes["flushed_at"] = seen.now
        if store_if_unchanged(seen, kind, changes) or not is_state_change:
            return
