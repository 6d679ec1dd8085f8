"""How are workers woken? By messages that carry ids only; a lost one costs time, never work.

Everything here runs after a commit. The scheduler wakes again whatever nobody took. No message expires: that would be
by the worker's clock, and one whose clock is wrong would throw all of them away.
"""

import logging
from collections.abc import Iterable

from celery import chain, current_app, signature
from kombu.exceptions import KombuError

from apps.core.broker import send
from apps.jobs.models import QueueItem, Run
from apps.sources.registry import definition

logger = logging.getLogger(__name__)


def run(row: Run, finished_steps: frozenset[str]) -> None:
    """Send the chain of what is left of a run: its steps in order, under the run's epoch."""
    steps = [step for step in definition(row.job.job_type).steps if step.key not in finished_steps]
    if not steps:
        finish(row)
        return
    messages = (
        signature(
            "jobs.run_step",
            kwargs={"run_id": str(row.pk), "step": step.key, "stage": step.stages[0].value, "epoch": row.epoch},
            immutable=True,
            queue=step.stages[0].value,
        )
        for step in steps
    )
    send(chain(*messages))


def items(rows: Iterable[QueueItem]) -> None:
    """Ring a bell for every batch that is not the business of the chain itself.

    The message names no batch: whoever hears it takes one of the tenant whose turn it is.
    """
    for item in rows:
        if not is_driven(item):
            bell = signature("jobs.run_batch", kwargs={"stage": item.stage}, immutable=True, queue=item.stage)
            if not send(bell):
                return  # nor can the next one be sent


def kill(tasks: list[str]) -> None:
    """End the processes that work on these tasks, if there are any: what they hold has been cut off before."""
    logger.warning("Ends the processes of the tasks %s.", ", ".join(tasks))
    try:
        current_app.control.revoke(tasks, terminate=True, signal="SIGKILL")
    except (KombuError, OSError) as error:
        logger.warning("The broker could not be told: %s", error)


def finish(row: Run) -> None:
    """Have a run's completion checked."""
    send(signature("jobs.complete_run", kwargs={"run_id": str(row.pk)}, immutable=True, queue="control"))


def is_driven(item: QueueItem) -> bool:
    """Whether the chain's own step task does this batch: those of a step's first stage."""
    step = definition(item.run.job.job_type).step(item.step)
    return step.stages[0] == item.stage
