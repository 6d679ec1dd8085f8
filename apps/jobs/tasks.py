"""Which tasks do workers run? They take ids only; everything else is in the database."""

import logging
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from celery import Task, shared_task
from celery.exceptions import Ignore
from django.db import InterfaceError, OperationalError

from apps.jobs import run_log
from apps.jobs.execution import completion, handlers
from apps.jobs.execution.step_runner import StepResult, StepRunner
from apps.jobs.lifecycle import chain, services, stopping
from apps.jobs.lifecycle.admission import admit_pending_runs
from apps.jobs.models import Batch, Run
from apps.jobs.queue import batches, fairness
from apps.jobs.queue.batches import MAX_ATTEMPTS, LeaseLostError
from apps.jobs.queue.heartbeat import keep_alive
from apps.progress.choices import RunState
from apps.progress.signals import begins
from apps.raw.services import describe
from apps.sources import clock
from apps.sources.errors import RateLimitedError, SourceError, is_temporary

logger = logging.getLogger(__name__)

# After a failure the next attempt begins this much later, times the attempts so far.
BACK_OFF = timedelta(seconds=5)
EXPECTED = (SourceError, LeaseLostError, OperationalError)
# While the database is away, no worker can store a failure, so Celery sends the message again until it is back.
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
    """One time slice of a step of a run's chain. ``Ignore`` ends this chain: a continuation has a chain of its own."""
    run = _run(run_id)
    if run is None or run.epoch != epoch:
        raise Ignore
    finished = chain.finished_steps(run)
    if step in finished:
        return
    runner = StepRunner(run, step, stage, task=self.request.id or "")
    if step != chain.next_step(run, finished) or not runner.claim(is_redelivered=_is_redelivered(self)):
        raise Ignore
    result = StepResult.ABANDONED
    try:
        result = runner.work()
    except LeaseLostError:
        logger.info("Another worker took over run %s.", run_id)
        run_log.lost(run, step, stage)
    except Exception as error:
        retry_or_fail_step(run, runner, error)
    finally:
        runner.release()
    if result is StepResult.UNFINISHED:
        run_log.write(run, "continues in a new task.", step=step, stage=stage)
        chain.dispatch(run)
    if result is not StepResult.FINISHED:
        raise Ignore


def _is_redelivered(task: "Task[Any, Any]") -> bool:
    """Whether this message came before: its first receiver died, or lost the broker or the database, or retries it."""
    return task.request.retries > 0 or bool((task.request.delivery_info or {}).get("redelivered"))


def retry_or_fail_step(run: Run, runner: StepRunner, error: Exception) -> None:
    """Wait for a rate limit, retry a temporary error, and fail the run for any other error of the provider."""
    if isinstance(error, RateLimitedError):
        services.wait_until(run, error.until, _pause_reason(run, error), driver=runner.owner)
    elif not isinstance(error, SourceError):
        logger.error("Step %s of run %s failed.", runner.step, run.pk, exc_info=error)
        retry_step(run, runner, f"{runner.step} failed: {describe(error)}. See the worker's log.")
    elif is_temporary(error):
        retry_step(run, runner, str(error))
    else:
        services.fail(run, str(error), driver=runner.owner)


def _pause_reason(run: Run, error: RateLimitedError) -> str:
    """Who asks for a pause, and why. The time is stored apart: every page shows it by its reader's clock."""
    if run.integration is None or not error.reason:
        return str(error)
    return f"{run.integration.name} asks for a pause, because {error.reason}."


def retry_step(run: Run, runner: StepRunner, sentence: str) -> None:
    """Try the step again soon, or fail the run after :data:`MAX_ATTEMPTS`: the fault may pass by itself."""
    attempts = batches.record_failed_attempt(run, runner.step, runner.stage)
    if attempts >= MAX_ATTEMPTS:
        services.fail(run, f"{sentence} Tried {attempts} times.", driver=runner.owner)
    else:
        until, reason = clock.now() + BACK_OFF * attempts, f"Trying again after: {sentence}"
        services.wait_until(run, until, reason, driver=runner.owner)


@shared_task(name="jobs.run_batch", bind=True, throws=EXPECTED, **UNTIL_THE_DATABASE_IS_BACK)
def run_batch(self: "Task[Any, Any]", *, stage: str) -> None:
    """One batch of a stage beside the chain (transform or embedding), of the tenant that is next in turn."""
    task = self.request.id or ""
    if _is_redelivered(self):
        batches.requeue_task(task)
    batch = fairness.claim_next(stage, task)
    if batch is None:
        raise Ignore
    begins(self.request, batch.run_id, batch.step, batch.stage, batch.run.epoch)
    try:
        _work(batch)
    except LeaseLostError as error:
        stopping.acknowledge(batch.run, task)
        raise Ignore from error
    except Exception as error:
        if batch.attempts >= MAX_ATTEMPTS:
            raise
        # The batch is queued again and waits (retry_or_fail_batch). A worker takes it only after a wake-up message. So
        # the message comes again after the same delay. Any worker may take the batch then.
        raise self.retry(exc=error, countdown=_retry_delay(batch).total_seconds()) from error
    completion.close_stages(batch.run)


def _work(batch: Batch) -> None:
    try:
        with keep_alive(cast(UUID, batch.owner)):
            write = handlers.prepare(batch)
        handlers.finish(batch, write)
    except LeaseLostError:
        raise
    except Exception as error:
        retry_or_fail_batch(batch, error)
        raise


def retry_or_fail_batch(batch: Batch, error: Exception) -> None:
    """Requeue the batch for another attempt, or fail its run.

    If the run is paused, the batch is tried again after the resume.
    """
    if batch.attempts >= MAX_ATTEMPTS:
        sentence = f"{batch.step} ({batch.stage}) failed {batch.attempts} times: {describe(error)}"
        if services.fail(batch.run, sentence, batch=batch):
            return
    if not batches.requeue([batch], error=describe(error), delay=_retry_delay(batch)):
        raise LeaseLostError(f"Another worker took over batch {batch.pk}.") from error
    run_log.note_retry(batch, error)


def _retry_delay(batch: Batch) -> timedelta:
    return BACK_OFF * batch.attempts


@shared_task(name="jobs.complete_run", bind=True, throws=EXPECTED, **UNTIL_THE_DATABASE_IS_BACK)
def complete_run(self: "Task[Any, Any]", *, run_id: str) -> None:
    """Finish a run that is complete, and let the next one begin. If this fails too often, the run fails."""
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
