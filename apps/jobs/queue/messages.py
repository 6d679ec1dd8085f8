"""How are workers woken? By messages that carry ids only: a lost message costs time, never work.

Everything here runs after a commit. If no worker took the work, the scheduler sends the message again. No message
expires: the worker would judge that by its own clock, and a wrong clock would discard all messages.
"""

import logging
from collections.abc import Iterable

from celery import chain, current_app, signature
from kombu.exceptions import KombuError

from apps.core.broker import send
from apps.jobs.models import Batch, Run
from apps.sources.registry import definition

logger = logging.getLogger(__name__)


def send_chain(run: Run, finished_steps: frozenset[str]) -> None:
    """Send the chain of a run: the steps that are left, in order, under the run's epoch."""
    steps = [step for step in definition(run.job.job_type).steps if step.key not in finished_steps]
    if not steps:
        check_completion(run)
        return
    messages = (
        signature(
            "jobs.run_step",
            kwargs={"run_id": str(run.pk), "step": step.key, "stage": step.stages[0].value, "epoch": run.epoch},
            immutable=True,
            queue=step.stages[0].value,
        )
        for step in steps
    )
    send(chain(*messages))


def wake_up(batches: Iterable[Batch]) -> None:
    """Send one wake-up message for each batch that works beside the chain.

    The message names no batch: a worker that receives it takes a batch of the tenant that is next in turn.
    """
    for batch in batches:
        if not is_of_chain(batch):
            message = signature("jobs.run_batch", kwargs={"stage": batch.stage}, immutable=True, queue=batch.stage)
            if not send(message):
                return  # the broker is away: the next message cannot be sent either


def check_completion(run: Run) -> None:
    """Ask a worker to finish a run if it is complete."""
    send(signature("jobs.complete_run", kwargs={"run_id": str(run.pk)}, immutable=True, queue="control"))


def kill(tasks: list[str]) -> None:
    """End the processes that work on these tasks, if there are any. The caller has closed their batches."""
    logger.warning("Killing the processes of the tasks %s.", ", ".join(tasks))
    try:
        current_app.control.revoke(tasks, terminate=True, signal="SIGKILL")
    except (KombuError, OSError) as error:
        logger.warning("The broker did not take the order to end them: %s", error)


def is_of_chain(batch: Batch) -> bool:
    """Whether the chain's own step task does this batch: the first stage of a step is the chain's."""
    step = definition(batch.run.job.job_type).step(batch.step)
    return step.stages[0] == batch.stage
