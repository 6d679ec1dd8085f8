"""How are workers woken? By messages that carry ids only; a lost one costs time, never work.

Everything here runs after a commit. The scheduler wakes again whatever nobody took. No message expires: that would be
by the worker's clock, and one whose clock is wrong would throw all of them away.
"""

import logging
from collections.abc import Iterable
from typing import Any

from celery import Signature, chain, current_app, current_task, signature
from kombu.exceptions import KombuError

from apps.jobs.models import QueueItem, Run
from apps.sources.registry import definition

logger = logging.getLogger(__name__)

# How long a request, a command or the scheduler tries to reach the broker: some two seconds, because somebody waits.
# A task has nothing better to do, and keeps on trying as long as the settings say.
PATIENCE = {"max_retries": 3, "interval_start": 0.2, "interval_step": 0.5, "interval_max": 1}


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
    _send(chain(*messages))


def items(rows: Iterable[QueueItem]) -> None:
    """Ring a bell for every batch that is not the business of the chain itself.

    The message names no batch: whoever hears it takes one of the tenant whose turn it is.
    """
    for item in rows:
        if not is_driven(item):
            bell = signature("jobs.run_batch", kwargs={"stage": item.stage}, immutable=True, queue=item.stage)
            if not _send(bell):
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
    _send(signature("jobs.complete_run", kwargs={"run_id": str(row.pk)}, immutable=True, queue="control"))


def is_driven(item: QueueItem) -> bool:
    """Whether the chain's own step task does this batch: those of a step's first stage."""
    step = definition(item.run.job.job_type).step(item.step)
    return step.stages[0] == item.stage


def _send(message: Signature[Any]) -> bool:
    """Publish; says whether the broker has taken it."""
    policy = current_app.conf.task_publish_retry_policy if current_task else PATIENCE
    try:
        message.apply_async(retry_policy=policy)
    except (KombuError, OSError) as error:
        logger.warning("The broker cannot be reached, the scheduler will send it again: %s", error)
        return False
    return True
