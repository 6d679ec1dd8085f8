"""Which runs and batches have no worker after a crash, a lost message or a wait? Their workers are woken again."""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from apps.jobs import run_log
from apps.jobs.choices import BatchState
from apps.jobs.lifecycle import chain, services
from apps.jobs.models import Batch, Run
from apps.jobs.queue import batches
from apps.progress.choices import RunState

logger = logging.getLogger(__name__)

# A message that no worker took in this time may be lost; a second message does no harm.
LOST_AFTER = timedelta(seconds=30)
# This is far above the attempts of a failing batch, and above the workers that somebody may kill by chance.
MAX_WORKER_DEATHS = 4 * batches.MAX_ATTEMPTS
CRASHED = "the worker gives no sign of life, another worker takes over."
NOT_TAKEN = f"no worker has taken this step for {LOST_AFTER.seconds} s, another wake-up message was sent."


def recover(run: Run) -> None:
    """Send the chain of a run again if its worker has died, its message was lost, or its wait is over."""
    with transaction.atomic():
        crashed = Q(driver__isnull=False, driver_lease_until__lt=Now())
        not_taken = Q(driver=None, dispatched_at__lt=Now() - LOST_AFTER)
        waited = Q(not_before__lte=Now())
        due = Q(not_before=None) | waited
        lost = Run.across_tenants.filter(crashed | not_taken | waited, due, pk=run.pk, state=RunState.RUNNING)
        found = lost.select_for_update(no_key=True, skip_locked=True).first()
        step = chain.next_step(found, chain.finished_steps(found)) if found else ""
        if found is not None and step:
            logger.info("Sending the chain of run %s again.", found.pk)
            if found.not_before is None:
                run_log.warn(found, CRASHED if found.driver else NOT_TAKEN, step)
            if found.not_before is None and found.driver is None:
                chain.resend(found)
            else:
                chain.dispatch(found)
            Run.across_tenants.filter(pk=found.pk).update(not_before=None)
    wake_lost_batches(run)


def fail_poison_batches(run: Run) -> None:
    """Fail a run if one of its batches ends every worker that takes it.

    A worker that survives a failure reports it and the batch fails by its attempts. Here no worker could report.
    """
    poison = batches.outstanding(run).filter(attempts__gte=MAX_WORKER_DEATHS).first()
    if poison is not None:
        services.fail(
            run,
            f"{poison.step} ({poison.stage}): {poison.attempts} workers have begun batch {poison.pk} and died without "
            "an error message. Find out why they were killed (out of memory, for example), then retry.",
        )


def wake_lost_batches(run: Run) -> None:
    """Wake workers for batches whose worker died (its lease is over) or whose message may be lost.

    While the workers of a stage are busy, a message that no worker has taken only waits in the broker: more messages
    would make that queue longer.
    """
    crashed = Q(state=BatchState.RUNNING, woken_at__lt=Now() - batches.LEASE)
    same_stage = Batch.across_tenants.filter(stage=OuterRef("stage"), state=BatchState.RUNNING)
    idle = ~Q(Exists(same_stage.filter(lease_until__gt=Now())))
    not_taken = Q(idle, state=BatchState.QUEUED, woken_at__lt=Now() - LOST_AFTER)
    chain.wake_workers(run, crashed | not_taken)
