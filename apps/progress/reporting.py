"""How does code that measures its progress itself report it? By the job's name, with a percentage or a step's fraction.

Both functions store first and publish after the commit, like everything else a run shows, and return what is stored
then. A job that counts its records needs neither: its bar is computed from the counters.
"""

from channels.db import database_sync_to_async

from apps.progress.choices import JobState
from apps.progress.engine.bar import NEARLY_FULL, checked_number, overall_percent
from apps.progress.events import RunMessage
from apps.progress.models import RunProgress
from apps.progress.plan import steps_of
from apps.progress.stored import look, snapshot, store_if_unchanged
from apps.sources.text import clean
from apps.tenants.models import Tenant


class NotRunning(Exception):
    """No run of that name works at the moment; the sentence says which do."""


def send_progress_update(job_name: str, percentage: float, message: str, *, tenant: Tenant | int) -> RunMessage:
    """The current run of the job is at ``percentage`` (0..100); 100 stays for its success.

    Raises :class:`NotRunning`, and ``TypeError`` or ``ValueError`` for values that are no percentage. More than two
    updates a second are dropped.
    """
    checked_number("percentage", percentage, 100.0)
    return _tell(_current(job_name, tenant), {"message": clean(message)}, percentage)


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

    ``step_progress`` is the step's own fraction (0..1), ``None`` completes the step (its total was unknown). Raises
    like :func:`send_progress_update`; the begin and the end of a step are never dropped.
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
    edge = step_progress in (None, 1.0) or (row.step_index, row.total_steps) != (step_index, total_steps)
    return _tell(row, changes, percent, edge=edge)


asend_progress_update = database_sync_to_async(send_progress_update)
asend_step_progress_update = database_sync_to_async(send_step_progress_update)


def _current(job_name: str, tenant: Tenant | int) -> RunProgress:
    running = RunProgress.objects.for_tenant(tenant).filter(current=True, overall=JobState.RUNNING)
    row = running.filter(job_name__iexact=job_name).first()
    if row is None:
        names = ", ".join(running.order_by("job_name").values_list("job_name", flat=True)) or "none"
        raise NotRunning(f"No run of a job {job_name!r} is running. Running now: {names}. Start the job first.")
    return row


def _tell(row: RunProgress, changes: dict[str, object], percent: float, *, edge: bool = False) -> RunMessage:
    while (seen := look(row.run, always=edge)) is not None:
        reached = max(seen.row.percent, min(percent, NEARLY_FULL))
        if store_if_unchanged(seen, "progress_update", changes | {"percent": reached, "flushed_at": seen.now}):
            break
    return snapshot(row.run)
