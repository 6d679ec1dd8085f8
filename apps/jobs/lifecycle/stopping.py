"""How does a run that was asked to stop come to its end? By a ladder that takes 15 seconds at most.

It is cut off at once: nothing of it can be written any more. Workers notice at their next page or batch and let go; the
last one ends the run. Who does not let go within 8 seconds is killed, and after 15 seconds nobody is waited for. Each
rung can be taken by anybody who comes by: a worker, the scheduler, or the start of the next run.
"""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import Case, F, Value, When
from django.db.models.functions import Now

from apps.jobs.lifecycle import transitions
from apps.jobs.models import Job, QueueItem, Run
from apps.jobs.queue import batches, messages
from apps.progress.choices import RunState

logger = logging.getLogger(__name__)

PATIENCE = timedelta(seconds=8)
LONGEST = timedelta(seconds=15)


def ask(job: Job, run: Run, *, actor: str, reason: str) -> None:
    """Cut a run off and ask its workers to let go; the caller has locked the job."""
    batches.cut_off(run)
    transitions.transition(job, "stop", run, actor=actor, reason=reason, message=f"Stopping, asked for by {actor}")
    alive = When(driver__isnull=False, driver_lease_until__gt=Now(), then=F("driver_task"))
    Run.across_tenants.filter(pk=run.pk).update(
        epoch=F("epoch") + 1,
        stop_asked_at=Now(),
        not_before=None,
        driver_task=Case(alive, default=Value("")),
        driver=None,
        driver_lease_until=None,
    )


def let_go(run: Run, task: str) -> None:
    """A worker has noticed that its work is not wanted any more; the last one ends a run that is being stopped."""
    QueueItem.across_tenants.filter(run=run, task=task).exclude(task="").update(task="")
    Run.across_tenants.filter(pk=run.pk, driver_task=task).update(driver_task="")
    if Run.across_tenants.filter(pk=run.pk, state=RunState.STOPPING).exists():
        end_if_free(run)


def end_if_free(run: Run) -> bool:
    """End a run that is being stopped if nobody works on it any more; says whether it did."""
    return not _holders(run) and _end(run, "Nobody works on it any more.")


def press_on(run: Run) -> None:
    """Take the next rung that is due; ``run`` is being stopped."""
    if end_if_free(run):
        return
    asked = Run.across_tenants.filter(pk=run.pk, state=RunState.STOPPING)
    if asked.filter(stop_asked_at__lt=Now() - LONGEST).exists():
        _end(run, f"A worker that did not let go within {LONGEST.seconds} s was left behind.")
    elif asked.filter(stop_asked_at__lt=Now() - PATIENCE).exists():
        messages.kill(sorted(_holders(run)))


def _holders(run: Run) -> set[str]:
    """The broker's ids of the tasks that may still work on a run that was cut off."""
    items = QueueItem.across_tenants.filter(run=run).exclude(task="").values_list("task", flat=True)
    drivers = Run.across_tenants.filter(pk=run.pk).exclude(driver_task="").values_list("driver_task", flat=True)
    return {*items, *drivers}


def _end(run: Run, how: str) -> bool:
    with transaction.atomic():
        job = transitions.lock(run.job_id)
        run.refresh_from_db()
        if run.state != RunState.STOPPING:
            return False
        asked = run.changes.filter(action="stop").latest("id")
        reason = f"Stopped by {asked.actor} ({asked.reason.rstrip('.')}). {how}"
        transitions.transition(job, "cancel", run, actor=transitions.SYSTEM, reason=reason)
        QueueItem.across_tenants.filter(run=run).exclude(task="").update(task="")
        Run.across_tenants.filter(pk=run.pk).update(driver_task="")
    logger.info("Run %s has ended. %s", run.pk, how)
    return True
