"""Which steps of a run's chain are left, and how does the run get workers for them?"""

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from apps.jobs.models import Batch, Run
from apps.jobs.queue import batches, messages
from apps.progress.choices import STAGE_DONE, RunState
from apps.progress.models import StageProgress
from apps.sources.registry import definition

# The scheduler sends more while batches wait and workers are idle.
MAX_MESSAGES_AT_ONCE = 20


def finished_steps(run: Run) -> frozenset[str]:
    """The steps whose part in the chain, their first stage, is done."""
    done = set(StageProgress.objects.filter(run_id=run.pk, state__in=STAGE_DONE).values_list("step", "stage"))
    return frozenset(
        step.key for step in definition(run.job.job_type).steps if (step.key, step.stages[0].value) in done
    )


def next_step(run: Run, finished: frozenset[str]) -> str:
    """The first step of the chain that is left; "" if none is, although batches beside the chain may still be open."""
    return next((step.key for step in definition(run.job.job_type).steps if step.key not in finished), "")


def dispatch(run: Run) -> None:
    """Send the chain of the steps that are left, under a new epoch: workers refuse all older messages.

    Sends nothing if another process has dispatched the run since ``run`` was read.
    """
    mine = Run.across_tenants.filter(pk=run.pk, epoch=run.epoch, state=RunState.RUNNING)
    if mine.update(epoch=run.epoch + 1, dispatched_at=Now(), driver=None, driver_task=""):
        run.epoch += 1
        _send_chain(run)


def resend(run: Run) -> None:
    """Send the chain again under the same epoch: the first message may be lost, or it still waits in the broker."""
    if Run.across_tenants.filter(pk=run.pk, epoch=run.epoch).update(dispatched_at=Now()):
        _send_chain(run)


def _send_chain(run: Run) -> None:
    done = finished_steps(run)
    transaction.on_commit(lambda: messages.send_chain(run, done))


def wake_workers(run: Run, which: Q | None = None) -> None:
    """Send wake-up messages for the oldest claimable batches of a run, or of those in ``which``."""
    with transaction.atomic():
        wanted = batches.claimable() if which is None else batches.claimable() & which
        rows = Batch.across_tenants.filter(wanted, run=run).select_related("run__job").order_by("id")
        found = list(rows.select_for_update(skip_locked=True, of=("self",))[:MAX_MESSAGES_AT_ONCE])
        Batch.across_tenants.filter(pk__in=[batch.pk for batch in found]).update(woken_at=Now())
        transaction.on_commit(lambda: messages.wake_up(found))
