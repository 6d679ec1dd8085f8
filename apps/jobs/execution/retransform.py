"""How are stored records transformed again, without a request to the provider?

A run in the mode ``retransform`` does it: its extraction reads our own raw store. Everything else is as in other runs:
the states of the job, the rule of one active run, the live progress and the proof. There are two kinds of batches:
:class:`~apps.jobs.queue.covers.StoredPage` goes through all current records, and
:class:`~apps.jobs.queue.covers.QuarantinedRecords` tries again what was set aside.
"""

from collections.abc import Iterable
from functools import partial

from apps.jobs.execution.context import integration_of
from apps.jobs.execution.follow_ups import MAX_RECORDS, to_embed, to_transform
from apps.jobs.execution.handlers import BatchResult, Write
from apps.jobs.models import Batch, Run
from apps.jobs.queue.batches import NewBatch
from apps.jobs.queue.covers import QuarantinedRecords, StoredPage, decode, expect
from apps.raw import selectors as raw
from apps.raw.models import Quarantine
from apps.sources.definition import JobDefinition, Stage
from apps.sources.registry import definition
from apps.sources.text import in_pieces
from apps.warehouse.models import MODELS


def plan(run: Run, step: str) -> list[NewBatch]:
    """A batch for all stored records, in the job's main step; nothing if the run has batches of extraction already."""
    if (
        step != main_step(definition(run.job.job_type))
        or Batch.across_tenants.filter(run=run, stage=Stage.EXTRACTION).exists()
    ):
        return []
    number = sum(raw.count_current(integration_of(run)).values())
    return [NewBatch(step, Stage.EXTRACTION, StoredPage(after=0), number)] if number else []


def main_step(job: JobDefinition) -> str:
    """The step that most records belong to: the first one with a unit, or the first of all."""
    return next((step.key for step in job.steps if step.unit), job.steps[0].key)


def retry_batches(run: Run, records: Iterable[Quarantine]) -> list[NewBatch]:
    """The batches that try some records of one integration again, each in the step that set it aside."""
    job = definition(run.job.job_type)
    steps = {step.key for step in job.steps}
    by_step: dict[str, list[int]] = {}
    for record in records:
        by_step.setdefault(record.step if record.step in steps else main_step(job), []).append(record.pk)
    return [
        NewBatch(step, Stage.EXTRACTION, QuarantinedRecords(list(ids)), len(ids))
        for step, all_ids in by_step.items()
        for ids in in_pieces(all_ids, MAX_RECORDS)
    ]


def read(batch: Batch) -> Write:
    """Read one batch; the writer adds the batches of the stages that follow."""
    is_retry = isinstance(decode(batch.covers), QuarantinedRecords)
    return partial(_retry if is_retry else _read_page, batch)


def _read_page(batch: Batch) -> BatchResult:
    ids = raw.current_ids(integration_of(batch.run), after=expect(batch, StoredPage).after, limit=MAX_RECORDS)
    if not ids:
        return BatchResult()
    next_page = NewBatch(batch.step, Stage.EXTRACTION, StoredPage(after=ids[-1]))
    return BatchResult(done=len(ids), batches=[*to_transform(batch.step, ids), next_page])


def _retry(batch: Batch) -> BatchResult:
    integration_id, wanted = integration_of(batch.run), expect(batch, QuarantinedRecords).ids
    found = list(to_transform(batch.step, raw.quarantined_raw_ids(wanted, not_in_stage=Stage.EMBEDDING)))
    for kind, external_ids in raw.unresolved(wanted, stage=Stage.EMBEDDING).items():
        rows = MODELS[kind].across_tenants.filter(integration=integration_id, external_id__in=external_ids)
        found += to_embed(batch.step, kind, sorted(rows.values_list("pk", flat=True)), integration_id)
    return BatchResult(done=len(wanted), batches=found)
