"""Which tasks do workers run? Thin shells: ids in, everything else is in the database."""

import logging
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from celery import Task, shared_task
from celery.exceptions import Ignore
from django.db import OperationalError
from django.db.models import Q
from django.utils import timezone

from apps.jobs import batches, completion, ledger, services
from apps.jobs.choices import ItemState, RunState
from apps.jobs.drive import End, Step
from apps.jobs.ledger import MAX_ATTEMPTS, LostLease
from apps.jobs.models import QueueItem, Run
from apps.raw.services import describe
from apps.sources.errors import RateLimited, SourceError

logger = logging.getLogger(__name__)

# After an unexpected failure the next try begins this much later, times the tries so far.
BACK_OFF = timedelta(seconds=5)
EXPECTED = (SourceError, LostLease, OperationalError)


def _run(run_id: str) -> Run | None:
    return Run.across_tenants.select_related("job", "integration", "tenant").filter(pk=UUID(run_id)).first()


@shared_task(name="jobs.run_step", throws=EXPECTED)
def run_step(*, run_id: str, step: str, stage: str, epoch: int) -> None:
    """One slice of a step of a run's chain. ``Ignore`` ends this chain: a continuation, if any, has its own."""
    run = _run(run_id)
    if run is None or run.epoch != epoch:
        raise Ignore
    if step in services.finished_steps(run):
        return
    holder = Step(run, step, stage)
    if not holder.claim():
        raise Ignore
    end = End.LEFT
    try:
        end = holder.work()
    except LostLease:
        logger.info("Run %s was taken over by another worker.", run_id)
    except RateLimited as error:
        services.wait_until(run, error.until, str(error))
    except SourceError as error:
        services.fail(run, str(error))
    except Exception as error:
        _failed_unexpectedly(run, holder, error)
    finally:
        holder.release()
    if end is End.HAND_OVER:
        services.dispatch(run)
    if end is not End.DONE:
        raise Ignore


def _failed_unexpectedly(run: Run, holder: Step, error: Exception) -> None:
    """Our own fault, or the database's: try again soon, and after some tries fail with what is known."""
    logger.exception("Step %s of run %s failed.", holder.step, run.pk)
    tries = ledger.outstanding(run).filter(step=holder.step).order_by("-attempts").values_list("attempts", flat=True)
    worst = tries.first() or 1
    if worst >= MAX_ATTEMPTS:
        services.fail(run, f"{holder.step} failed {worst} times: {describe(error)}. See the worker's log.")
    else:
        services.wait_until(run, timezone.now() + BACK_OFF * worst, f"Trying again after: {describe(error)}")


@shared_task(name="jobs.run_batch", bind=True, throws=EXPECTED, max_retries=None)
def run_batch(self: "Task[Any, Any]", *, item_id: int, run_id: str, step: str, stage: str) -> None:
    """One batch of a stage that works beside the chain: transform or embedding."""
    owner = uuid4()
    claimed = ledger.claim(owner, Q(pk=item_id), 1)
    run = _run(run_id)
    if not claimed or run is None:
        raise Ignore
    item = claimed[0]
    try:
        with ledger.kept(owner):
            write = batches.prepare(batches.batch_of(item, run))
        batches.finish(item, run, write)
    except LostLease as error:
        raise Ignore from error
    except Exception as error:
        if item.attempts >= MAX_ATTEMPTS:
            _fail_batch(item, run, error)
            raise
        ledger.give_back([item], error=describe(error))
        raise self.retry(exc=error, countdown=BACK_OFF.total_seconds() * item.attempts) from error
    completion.close_stages(run)


def _fail_batch(item: QueueItem, run: Run, error: Exception) -> None:
    ledger.close(item, state=ItemState.FAILED, error=describe(error))
    services.fail(run, f"{item.step} ({item.stage}) failed {item.attempts} times: {describe(error)}")


@shared_task(name="jobs.complete_run")
def complete_run(*, run_id: str) -> None:
    """Finish a run whose ledger is empty, and let the next one begin."""
    run = _run(run_id)
    if run is not None and run.state == RunState.RUNNING and completion.complete(run):
        services.admit_next(run.tenant)
