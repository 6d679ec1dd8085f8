"""How is one batch done? Slow work first, then one transaction that writes its result and closes it.

The handler of a stage does the slow part (HTTP, parsing, embedding) without a transaction and returns a function that
writes. That function runs in the transaction that closes the batch. So the rows and the state of the batch commit
together: a batch that is done twice changes nothing, and a worker that lost its lease writes nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from django.db import transaction

from apps.jobs import run_log
from apps.jobs.execution import skips
from apps.jobs.models import Batch, Run
from apps.jobs.queue import batches, messages
from apps.jobs.queue.batches import NewBatch
from apps.jobs.queue.covers import decode, is_open_list
from apps.progress import services as progress
from apps.raw.services import Failure, quarantine_records
from apps.sources.base import Skip


@dataclass
class BatchResult:
    """The result of a batch.

    ``done`` counts the records that went through, ``failures`` are the records to set aside (they count as done too).
    ``batches`` are the batches that follow. ``total`` adds to the total of the batch's own stage. ``announced`` is how
    many records the provider says it has, per entity; ``skips`` is what it did not give.
    """

    done: int = 0
    failures: list[Failure] = field(default_factory=list)
    batches: list[NewBatch] = field(default_factory=list)
    total: int = 0
    announced: dict[str, int] = field(default_factory=dict)
    skips: list[Skip] = field(default_factory=list)


Write = Callable[[], BatchResult]
StageHandler = Callable[[Batch], Write]
Planner = Callable[[Run, str], list[NewBatch]]

# The functions that do batches, by job type ("" for every job) and stage.
_handlers: dict[tuple[str, str], StageHandler] = {}
# The functions that plan the first batches of a step, by job type ("" for every job).
_planners: dict[str, Planner] = {}


def register_handler(stage: str, handler: StageHandler, job_type: str = "") -> None:
    """Set the function that does the batches of ``stage``, for one job type or for all."""
    _handlers[job_type, stage] = handler


def register_planner(planner: Planner, job_type: str = "") -> None:
    """Set the function that plans the first batches of a step, for one job type or for all."""
    _planners[job_type] = planner


def prepare(batch: Batch) -> Write:
    """Do the slow part of a batch."""
    handler = _handlers.get((batch.run.job.job_type, batch.stage)) or _handlers["", batch.stage]
    return handler(batch)


def plan(run: Run, step: str) -> list[NewBatch]:
    """The first batches of a step."""
    planner = _planners.get(run.job.job_type) or _planners[""]
    return planner(run, step)


def finish(batch: Batch, write: Write) -> None:
    """Write the result, close the batch and add the batches that follow, in one transaction.

    Raises :class:`~apps.jobs.queue.batches.LeaseLostError` and writes nothing when another worker has taken over.
    """
    with transaction.atomic():
        batches.close(batch)
        result = write()
        added = batches.add(batch.run, result.batches)
        if result.skips or result.announced:
            _record(batch, result)
        _count(batch, result)
        if result.failures:
            _set_aside(batch, result.failures)
            run_log.set_aside(batch, result.failures)
        transaction.on_commit(lambda: messages.wake_up(added))


def _count(batch: Batch, result: BatchResult) -> None:
    # The batches that follow come first: they may begin a stage, and the run is locked before its stages.
    # A batch of another stage adds its size to that stage's total; one of the same stage is part of this batch.
    for (step, stage), size in _sizes(result.batches).items():
        if (step, stage) != (batch.step, batch.stage):
            progress.count(batch.run_id, step, stage, total=size)
    following = [new.covers for new in result.batches if (new.step, new.stage) == (batch.step, batch.stage)]
    progress.count(
        batch.run_id,
        batch.step,
        batch.stage,
        done=result.done + len(result.failures),
        failed=len(result.failures),
        total=result.total,
        open_lists=sum(map(is_open_list, following)) - is_open_list(decode(batch.covers)),
    )


def _sizes(new_batches: Iterable[NewBatch]) -> Counter[tuple[str, str]]:
    sizes = Counter[tuple[str, str]]()
    for new in new_batches:
        sizes[new.step, new.stage] += new.size
    return sizes


def _set_aside(batch: Batch, failures: list[Failure]) -> None:
    by_integration: dict[int, list[Failure]] = {}
    for failure in failures:
        by_integration.setdefault(failure.integration_id, []).append(failure)
    for integration_id, group in by_integration.items():
        quarantine_records(
            group,
            tenant_id=batch.tenant_id,
            integration_id=integration_id,
            run=batch.run_id,
            step=batch.step,
            stage=batch.stage,
        )


def _record(batch: Batch, result: BatchResult) -> None:
    run = Run.across_tenants.select_for_update(no_key=True).get(pk=batch.run_id)
    known = skips.decode(run)
    new = {shown: skip for skip in result.skips if (shown := skips.shown(skip)) not in known}
    run_log.skipped(batch, list(new.values()))
    run.skips = skips.encode([*known, *new])
    run.announced = dict(Counter(run.announced) + Counter(result.announced))
    run.save(update_fields=["skips", "announced"])
