"""How are workers woken? By messages that carry ids only; a lost one costs time, never work.

Everything here runs after a commit. The scheduler wakes again whatever nobody took.
"""

from collections.abc import Iterable

from celery import chain, signature

from apps.jobs.models import QueueItem, Run
from apps.sources.registry import definition

# A message that waited longer is pointless: the scheduler has sent another since.
EXPIRES = 3600


def run(row: Run, finished_steps: frozenset[str]) -> None:
    """Send the chain of what is left of a run: its steps in order, under the run's epoch."""
    steps = [step for step in definition(row.job.job_type).steps if step.key not in finished_steps]
    if not steps:
        finish(row)
        return
    chain(
        *(
            signature(
                "jobs.run_step",
                kwargs={"run_id": str(row.pk), "step": step.key, "stage": step.stages[0].value, "epoch": row.epoch},
                immutable=True,
                queue=step.stages[0].value,
                expires=EXPIRES,
            )
            for step in steps
        )
    ).apply_async()


def items(rows: Iterable[QueueItem]) -> None:
    """Wake a worker for every batch that is not the business of the chain itself."""
    for item in rows:
        if not is_driven(item):
            signature(
                "jobs.run_batch",
                kwargs={"item_id": item.pk, "run_id": str(item.run_id), "step": item.step, "stage": item.stage},
                immutable=True,
                queue=item.stage,
                expires=EXPIRES,
            ).apply_async()


def finish(row: Run) -> None:
    """Have a run's completion checked."""
    signature("jobs.complete_run", kwargs={"run_id": str(row.pk)}, immutable=True, queue="control").apply_async()


def is_driven(item: QueueItem) -> bool:
    """Whether the chain's own step task does this batch: those of a step's first stage."""
    step = definition(item.run.job.job_type).step(item.step)
    return step.stages[0] == item.stage
