"""How is one batch done? Slow work first, then one transaction that writes its outcome and closes it.

A worker of a stage does the slow part (HTTP, parsing, embedding) without a transaction and returns the function that
writes; that function runs in the transaction that closes the batch. So rows and ledger entry commit together, a batch
done twice changes nothing, and whoever lost the lease writes nothing.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.jobs import run_log
from apps.jobs.models import QueueItem, Run
from apps.jobs.queue import batches, messages
from apps.jobs.queue.batches import NewItem
from apps.progress import services as progress
from apps.raw.services import Failure, set_aside


@dataclass(frozen=True)
class Batch:
    """A claimed batch, as its worker sees it."""

    run: Run
    step: str
    stage: str
    covers: dict[str, Any]


@dataclass
class Outcome:
    """What a batch amounts to.

    ``done`` records are settled, ``failures`` are set aside (they count as settled too), ``items`` are the batches
    that follow, ``total`` adds to the total of the batch's own stage. ``announced`` is what the provider said it has,
    per entity, ``skips`` what it would not give.
    """

    done: int = 0
    failures: list[Failure] = field(default_factory=list)
    items: list[NewItem] = field(default_factory=list)
    total: int = 0
    announced: dict[str, int] = field(default_factory=dict)
    skips: list[dict[str, str]] = field(default_factory=list)


Write = Callable[[], Outcome]
Worker = Callable[[Batch], Write]
Planner = Callable[[Run, str], list[NewItem]]

# (job type or "" for every job, stage) → who does its batches; job type or "" → who plans a step's first batches.
_workers: dict[tuple[str, str], Worker] = {}
_planners: dict[str, Planner] = {}


def register_worker(stage: str, worker: Worker, job_type: str = "") -> None:
    """Say who does the batches of ``stage``; of one job type, or of all."""
    _workers[job_type, stage] = worker


def register_planner(planner: Planner, job_type: str = "") -> None:
    """Say who plans the first batches of a step; of one job type, or of all."""
    _planners[job_type] = planner


def prepare(batch: Batch) -> Write:
    """Do the slow part of a batch."""
    worker = _workers.get((batch.run.job.job_type, batch.stage)) or _workers["", batch.stage]
    return worker(batch)


def plan(run: Run, step: str) -> list[NewItem]:
    """The first batches of a step."""
    planner = _planners.get(run.job.job_type) or _planners[""]
    return planner(run, step)


def batch_of(item: QueueItem, run: Run) -> Batch:
    """The worker's view of a claimed item."""
    return Batch(run, item.step, item.stage, item.covers)


def finish(item: QueueItem, run: Run, write: Write) -> list[QueueItem]:
    """Write the outcome and close the batch in one transaction; returns the batches that follow.

    Raises :class:`~apps.jobs.queue.batches.LostLease` and writes nothing when somebody else has taken over.
    """
    with transaction.atomic():
        batches.close(item)
        outcome = write()
        added = batches.add(run, outcome.items)
        if outcome.skips or outcome.announced:
            _record(item, outcome)
        _count(item, run.pk, outcome)
        if outcome.failures:
            _set_aside(item, run, outcome.failures)
            run_log.set_aside(item, outcome.failures)
        transaction.on_commit(lambda: messages.items(added))
    return added


def _count(item: QueueItem, run_id: UUID, outcome: Outcome) -> None:
    # What follows comes first: it may begin a stage, and the run is locked before its stages.
    # A batch of another stage brings its size as that stage's work; follow-ups of the same stage are part of it.
    for (step, stage), size in _sizes(outcome.items).items():
        if (step, stage) != (item.step, item.stage):
            progress.count(run_id, step, stage, total=size)
    progress.count(
        run_id,
        item.step,
        item.stage,
        done=outcome.done + len(outcome.failures),
        failed=len(outcome.failures),
        total=outcome.total,
    )


def _sizes(items: Sequence[NewItem]) -> dict[tuple[str, str], int]:
    sizes: dict[tuple[str, str], int] = {}
    for item in items:
        sizes[item.step, item.stage] = sizes.get((item.step, item.stage), 0) + item.size
    return sizes


def _set_aside(item: QueueItem, run: Run, failures: list[Failure]) -> None:
    by_integration: dict[int, list[Failure]] = {}
    for failure in failures:
        by_integration.setdefault(failure.integration_id, []).append(failure)
    for integration_id, group in by_integration.items():
        set_aside(
            group, tenant_id=run.tenant_id, integration_id=integration_id, run=run.pk, step=item.step, stage=item.stage
        )


def _record(item: QueueItem, outcome: Outcome) -> None:
    run = Run.across_tenants.select_for_update(no_key=True).get(pk=item.run_id)
    new = [skip for skip in outcome.skips if skip not in run.skips]
    run_log.skipped(item, new)
    run.skips = [*run.skips, *new]
    run.announced = dict(Counter(run.announced) + Counter(outcome.announced))
    run.save(update_fields=["skips", "announced"])
