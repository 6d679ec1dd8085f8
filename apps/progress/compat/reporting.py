"""How does code report progress that it measures itself? By the name of the job, with a percentage or a fraction.

Both functions store first, publish after the commit, and return what is stored then. A job that counts its records
needs neither: its bar is computed from the counters.
"""

from channels.db import database_sync_to_async

from apps.progress.choices import JobState
from apps.progress.compat.equal_shares import check_number, overall_percent
from apps.progress.engine.bar import MAX_UNFINISHED_PERCENT
from apps.progress.events import RunMessage
from apps.progress.models import RunProgress
from apps.progress.plan import steps_of
from apps.progress.rows import stored_state
from apps.progress.stored import snapshot, store_if_unchanged
from apps.sources.text import clean
from apps.tenants.models import Tenant


class NotRunningError(Exception):
    """No job with that name has a running run; the sentence names the jobs that have one."""


def send_progress_update(job_name: str, percentage: float, message: str, *, tenant: Tenant | int) -> RunMessage:
    """The current run of the job is at ``percentage`` (0..100); 100 stays for its success.

    Raises :class:`NotRunningError`; ``TypeError`` or ``ValueError`` for a value that is no percentage. Of more than two
    updates a second the rest is dropped.
    """
    check_number("percentage", percentage, 100.0)
    return _store(_current(job_name, tenant), {"message": clean(message)}, percentage)


def send_step_progress_update(
    job_name: str,
    step_index: int,
    total_steps: int,
    step_progress: float | None,
    step_message: str,
    *,
    tenant: Tenant | int,
) -> RunMessage:
    """The current run of the job is in step ``step_index`` (from 0) of ``total_steps`` equal ones.

    ``step_progress`` is the fraction of the step (0..1); ``None`` ends a step whose total was unknown. Raises like
    :func:`send_progress_update`. The begin and the end of a step are never dropped.
    """
    percent = overall_percent(step_index, total_steps, step_progress)
    row = _current(job_name, tenant)
    steps = steps_of(row)
    changes: dict[str, object] = {
        "message": clean(step_message),
        "step_index": step_index,
        "total_steps": total_steps,
        "step_progress": step_progress,
        "step_title": steps[step_index].title if len(steps) == total_steps else f"Step {step_index + 1}",
    }
    is_edge = step_progress in (None, 1.0) or (row.step_index, row.total_steps) != (step_index, total_steps)
    return _store(row, changes, percent, is_edge=is_edge)


asend_progress_update = database_sync_to_async(send_progress_update)
asend_step_progress_update = database_sync_to_async(send_step_progress_update)


def _current(job_name: str, tenant: Tenant | int) -> RunProgress:
    running = RunProgress.objects.for_tenant(tenant).filter(current=True, overall=JobState.RUNNING)
    row = running.filter(job_name__iexact=job_name).first()
    if row is None:
        names = ", ".join(running.order_by("job_name").values_list("job_name", flat=True)) or "none"
        raise NotRunningError(f"No run of a job {job_name!r} is running. Running now: {names}. Start the job first.")
    return row


def _store(row: RunProgress, changes: dict[str, object], percent: float, *, is_edge: bool = False) -> RunMessage:
    while (seen := stored_state(row.run, with_throttle=not is_edge)) is not None:
        reached = max(seen.row.percent, min(percent, MAX_UNFINISHED_PERCENT))
        if store_if_unchanged(seen, "progress_update", changes | {"percent": reached, "flushed_at": seen.now}):
            break
    return snapshot(row.run)
