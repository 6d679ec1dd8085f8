"""Which tasks do workers run? Thin shells: ids in, everything else is in the database."""

import logging
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from celery import Task, shared_task
from celery.exceptions import Ignore
from django.db import InterfaceError, OperationalError

from apps.jobs import run_log
from apps.jobs.execution import completion, workers
from apps.jobs.execution.step_runner import End, Step
from apps.jobs.lifecycle import chain, services, stopping
from apps.jobs.lifecycle.admission import admit_pending_runs
from apps.jobs.models import QueueItem, Run
from apps.jobs.queue import batches, fairness
from apps.jobs.queue.batches import MAX_ATTEMPTS, LostLease
from apps.progress import log
from apps.progress.choices import RunState
from apps.progress.signals import begins
from apps.raw.services import describe
from apps.sources import clock
from apps.sources.errors import RateLimitedError, SourceError, may_pass

logger = logging.getLogger(__name__)

# After an unexpected failure the next try begins this much later, times the tries so far.
BACK_OFF = timedelta(seconds=5)
EXPECTED = (SourceError, LostLease, OperationalError)
# While the database is away not even a failure can be stored: the message itself has to come again.
UNTIL_THE_DATABASE_IS_BACK: dict[str, Any] = {
    "autoretry_for": (OperationalError, InterfaceError),
    "retry_backoff": 1,
    "retry_backoff_max": 10,
    "max_retries": None,
}


def _run(run_id: str) -> Run | None:
    return Run.across_tenants.select_related("job", "integration", "tenant").filter(pk=UUID(run_id)).first()


@shared_task(name="jobs.run_step", bind=True, throws=EXPECTED, **UNTIL_THE_DATABASE_IS_BACK)
def run_step(self: "Task[Any, Any]", *, run_id: str, step: str, stage: str, epoch: int) -> None:
    """One slice of a step of a run's chain. ``Ignore`` ends this chain: a continuation, if any, has its own."""
    run = _run(run_id)
    if run is None or run.epoch != epoch:
        raise Ignore
    finished = chain.finished_steps(run)
    if step in finished:
        return
    holder = Step(run, step, stage, task=self.request.id or "")
    if not chain.is_next_step(run, step, finished) or not holder.claim(again=_comes_again(self)):
        raise Ignore
    end = End.LEFT
    try:
        end = holder.work()
    except LostLease:
        logger.info("Run %s was taken over by another worker.", run_id)
        run_log.lost(run.pk, step, stage)
    except Exception as error:
        _step_failed(run, holder, error)
    finally:
        holder.release()
    if end is End.HAND_OVER:
        log.write(run.pk, "The step goes on in a new task: no task works for long.", step=step, stage=stage)
        chain.dispatch(run)
    if end is not End.DONE:
        raise Ignore


def _comes_again(task: "Task[Any, Any]") -> bool:
    """Whether this is the message of somebody who has died, lost the broker or had no database."""
    return task.request.retries > 0 or bool((task.request.delivery_info or {}).get("redelivered"))


def _step_failed(run: Run, holder: Step, error: Exception) -> None:
    """Wait as long as the provider asks for; try again what may pass; fail where only a person can help."""
    if isinstance(error, RateLimitedError):
        services.wait_until(run, error.until, str(error), driver=holder.owner)
    elif not isinstance(error, SourceError):
        logger.error("Step %s of run %s failed.", holder.step, run.pk, exc_info=error)
        _try_again(run, holder, f"{holder.step} failed: {describe(error)}. See the worker's log.")
    elif may_pass(error):
        _try_again(run, holder, str(error))
    else:
        services.fail(run, str(error), driver=holder.owner)


def _try_again(run: Run, holder: Step, sentence: str) -> None:
    """Our own fault, the database's, or a provider that is away: try again soon, and after some tries fail."""
    tries = batches.count_try(run, holder.step, holder.stage)
    if tries >= MAX_ATTEMPTS:
        services.fail(run, f"{sentence} Tried {tries} times.", driver=holder.owner)
    else:
        until, reason = clock.now() + BACK_OFF * tries, f"Trying again after: {sentence}"
        services.wait_until(run, until, reason, driver=holder.owner)


@shared_task(name="jobs.run_batch", bind=True, throws=EXPECTED, **UNTIL_THE_DATABASE_IS_BACK)
def run_batch(self: "Task[Any, Any]", *, stage: str) -> None:
    """One batch of a stage that works beside the chain (transform or embedding), of the tenant whose turn it is."""
    task = self.request.id or ""
    if _comes_again(self):
        batches.take_back(task)
    item = fairness.take(stage, task)
    if item is None:
        raise Ignore
    begins(self.request, item.run_id, item.step, item.stage, item.run.epoch)
    try:
        _work(item)
    except LostLease as error:
        stopping.acknowledge(item.run, task)
        raise Ignore from error
    except Exception as error:
        if item.attempts >= MAX_ATTEMPTS:
            raise
        raise self.retry(exc=error, countdown=_pause(item).total_seconds()) from error
    completion.close_stages(item.run)


def _work(item: QueueItem) -> None:
    try:
        with batches.kept(cast(UUID, item.owner)):
            write = workers.prepare(workers.batch_of(item, item.run))
        workers.finish(item, item.run, write)
    except LostLease:
        raise
    except Exception as error:
        _failed(item, error)
        raise


def _failed(item: QueueItem, error: Exception) -> None:
    """Give the batch back for another try, or fail its run; of a paused run it is tried again when that goes on."""
    if item.attempts >= MAX_ATTEMPTS:
        sentence = f"{item.step} ({item.stage}) failed {item.attempts} times: {describe(error)}"
        if services.fail(item.run, sentence, item=item):
            return
    if not batches.give_back([item], error=describe(error), pause=_pause(item)):
        raise LostLease(f"Batch {item.pk} was taken over.") from error
    run_log.again(item, error)


def _pause(item: QueueItem) -> timedelta:
    return BACK_OFF * item.attempts


@shared_task(name="jobs.complete_run", bind=True, throws=EXPECTED, **UNTIL_THE_DATABASE_IS_BACK)
def complete_run(self: "Task[Any, Any]", *, run_id: str) -> None:
    """Finish a run whose ledger is empty, and let the next one begin; after some tries that fail it has failed."""
    run = _run(run_id)
    if run is None or run.state != RunState.RUNNING:
        return
    try:
        has_finished = completion.complete(run)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        if self.request.retries + 1 < MAX_ATTEMPTS:
            raise self.retry(exc=error, countdown=BACK_OFF.total_seconds()) from error
        logger.exception("Run %s cannot be finished.", run_id)
        services.fail(run, f"Everything is loaded, but the run cannot be finished: {describe(error)}.")
    else:
        if has_finished:
            admit_pending_runs(run.tenant)
