"""How does a stopped run end? In three phases, within 20 seconds.

1. Ask: the run is closed at once, so no worker can store results of the run any more. Workers notice this at their next
   page or batch and stop working on it. The last one ends the run.
2. Kill: after 8 seconds the processes that still work on it are killed.
3. End: after 15 seconds the run ends without them.

Any process can take the next phase: a worker, the scheduler, or the start of the next run. The scheduler looks every 2
seconds, so a run ends within 20 seconds if the scheduler is running: 15 seconds and one tick.
"""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import Case, F, Value, When
from django.db.models.functions import Now

from apps.jobs.lifecycle import transitions
from apps.jobs.models import Batch, Job, Run
from apps.jobs.queue import batches, messages
from apps.progress.choices import RunState

logger = logging.getLogger(__name__)

KILL_AFTER = timedelta(seconds=8)
END_AFTER = timedelta(seconds=15)


def ask(job: Job, run: Run, *, actor: str, reason: str) -> None:
    """Close a run and ask its workers to stop working on it. The caller has locked the job."""
    batches.close_all(run)
    transitions.transition(job, "stop", run, actor=actor, reason=reason, message=f"Stopping, requested by {actor}")
    is_alive = When(driver__isnull=False, driver_lease_until__gt=Now(), then=F("driver_task"))
    Run.across_tenants.filter(pk=run.pk).update(
        epoch=F("epoch") + 1,
        stop_asked_at=Now(),
        not_before=None,
        driver_task=Case(is_alive, default=Value("")),
        driver=None,
        driver_lease_until=None,
    )


def acknowledge(run: Run, task: str) -> None:
    """A worker says that its ``task`` has stopped working on a run. The last one ends a run that is being stopped."""
    Batch.across_tenants.filter(run=run, task=task).exclude(task="").update(task="")
    Run.across_tenants.filter(pk=run.pk, driver_task=task).update(driver_task="")
    if Run.across_tenants.filter(pk=run.pk, state=RunState.STOPPING).exists():
        end_if_free(run)


def end_if_free(run: Run) -> bool:
    """End a run that is being stopped if no task works on it any more; returns whether it has ended."""
    return not _working_tasks(run) and _end(run, "No worker was working on the run any more.")


def escalate(run: Run) -> None:
    """Take the phase of the stop that is due; ``run`` is being stopped."""
    if end_if_free(run):
        return
    stopping = Run.across_tenants.filter(pk=run.pk, state=RunState.STOPPING)
    if stopping.filter(stop_asked_at__lt=Now() - END_AFTER).exists():
        _end(run, f"A worker did not stop within {END_AFTER.seconds} s. The run ended without it.")
    elif stopping.filter(stop_asked_at__lt=Now() - KILL_AFTER).exists():
        messages.kill(sorted(_working_tasks(run)))


def _working_tasks(run: Run) -> set[str]:
    """The broker's ids of the tasks that may still work on a closed run."""
    tasks = Batch.across_tenants.filter(run=run).exclude(task="").values_list("task", flat=True)
    drivers = Run.across_tenants.filter(pk=run.pk).exclude(driver_task="").values_list("driver_task", flat=True)
    return {*tasks, *drivers}


def _end(run: Run, how: str) -> bool:
    with transaction.atomic():
        job = transitions.lock(run.job_id)
        run.refresh_from_db()
        if run.state != RunState.STOPPING:
            return False
        asked = run.changes.filter(action="stop").latest("id")
        reason = f"Stopped by {asked.actor} ({asked.reason.rstrip('.')}). {how}"
        transitions.transition(job, "cancel", run, actor=transitions.SYSTEM, reason=reason)
        Batch.across_tenants.filter(run=run).exclude(task="").update(task="")
        Run.across_tenants.filter(pk=run.pk).update(driver_task="")
    logger.info("Run %s has ended. %s", run.pk, how)
    return True
