"""What has a crash, a lost message or a wait left behind? It is found by its lease, and woken again."""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from apps.jobs import run_log
from apps.jobs.choices import ItemState
from apps.jobs.lifecycle import services
from apps.jobs.models import QueueItem, Run
from apps.jobs.queue import batches
from apps.progress.choices import RunState

logger = logging.getLogger(__name__)

# A message that nobody took for so long may be lost; waking again is harmless.
LOST_AFTER = timedelta(seconds=30)
# Far more than the tries of a batch that fails and than the workers that somebody may kill by chance.
MOST_DEATHS = 4 * batches.MAX_ATTEMPTS
CRASHED = "The worker gives no sign of life: another one takes over."
UNHEARD = f"No worker has taken the step for {LOST_AFTER.seconds} s: workers are woken again."


def recover(run: Run) -> None:
    """Send again what a crash, a lost message or a wait has left behind."""
    with transaction.atomic():
        crashed = Q(driver__isnull=False, driver_lease_until__lt=Now())
        unheard = Q(driver=None, dispatched_at__lt=Now() - LOST_AFTER)
        waited = Q(not_before__lte=Now())
        due = Q(not_before=None) | waited
        lost = Run.across_tenants.filter(crashed | unheard | waited, due, pk=run.pk, state=RunState.RUNNING)
        found = lost.select_for_update(no_key=True, skip_locked=True).first()
        if found is not None and not services.chain_is_done(found):
            logger.info("Run %s is woken again.", found.pk)
            if found.not_before is None:
                run_log.trouble(found.pk, CRASHED if found.driver else UNHEARD)
            if found.not_before is None and found.driver is None:
                services.remind(found)
            else:
                services.dispatch(found)
            Run.across_tenants.filter(pk=found.pk).update(not_before=None)
    wake_lost_batches(run)


def give_up(run: Run) -> None:
    """Fail a run of which a batch ends every worker that takes it: of a failure that a worker survives it tells."""
    deadly = batches.outstanding(run).filter(attempts__gte=MOST_DEATHS).first()
    if deadly is not None:
        services.fail(
            run,
            f"{deadly.step} ({deadly.stage}): {deadly.attempts} workers have begun batch {deadly.pk} and ended "
            "without a word. Look for workers that were killed, for want of memory for example, then retry.",
        )


def wake_lost_batches(run: Run) -> None:
    """Batches whose worker died (lease over) or whose message nobody took while the workers of the stage were idle.

    Where they are busy a message stands in line, and others would only make the line longer.
    """
    crashed = Q(state=ItemState.RUNNING, woken_at__lt=Now() - batches.LEASE)
    same_stage = QueueItem.across_tenants.filter(stage=OuterRef("stage"), state=ItemState.RUNNING)
    idle = ~Q(Exists(same_stage.filter(lease_until__gt=Now())))
    unheard = Q(idle, state=ItemState.QUEUED, woken_at__lt=Now() - LOST_AFTER)
    services.wake_batches(run, crashed | unheard)
