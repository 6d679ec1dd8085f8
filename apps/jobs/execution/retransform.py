"""How is what is stored transformed again, with no request to the provider?

As a run like any other (mode ``retransform``), whose extraction reads our own store: the job's states, the rule of one
active run, the live progress and the proof all hold. Two kinds of slices: ``{"after": id}`` goes through everything
that is current, ``{"quarantine": [ids]}`` tries again what was set aside.
"""

from collections.abc import Iterable, Iterator
from functools import partial

from django.db import connection

from apps.jobs.execution.workers import BatchResult, Write
from apps.jobs.models import Batch, Run
from apps.jobs.queue.batches import NewBatch
from apps.raw import selectors as raw
from apps.raw.models import Quarantine
from apps.sources.definition import JobDefinition, Stage
from apps.sources.registry import definition
from apps.warehouse.models import MODELS

PAGE = 400  # records: one batch of the transform

_AGAIN = """
SELECT r.id FROM raw_quarantine AS q JOIN raw_extraction_data AS r USING (integration_id, entity, external_id)
WHERE q.id = ANY (%s) AND q.stage <> %s AND q.state <> 'resolved' AND r.is_current ORDER BY r.id
"""


def plan(run: Run, step: str) -> list[NewBatch]:
    """Everything that is stored, as the work of the job's main step; nothing where the run has its slices already."""
    if (
        step != main_step(definition(run.job.job_type))
        or Batch.across_tenants.filter(run=run, stage=Stage.EXTRACTION).exists()
    ):
        return []
    number = sum(raw.extracted(run.integration_id).values()) if run.integration_id else 0
    return [NewBatch(step, Stage.EXTRACTION, {"after": 0}, number)] if number else []


def main_step(job: JobDefinition) -> str:
    """The step that most records belong to: the one with a unit, else the first."""
    return next((step.key for step in job.steps if step.unit), job.steps[0].key)


def retry_batches(run: Run, records: Iterable[Quarantine]) -> list[NewBatch]:
    """The slices that try some records of one integration again, each in the step that set it aside."""
    job = definition(run.job.job_type)
    steps = {step.key for step in job.steps}
    by_step: dict[str, list[int]] = {}
    for record in records:
        by_step.setdefault(record.step if record.step in steps else main_step(job), []).append(record.pk)
    return [
        NewBatch(step, Stage.EXTRACTION, {"quarantine": part}, len(part))
        for step, ids in by_step.items()
        for part in _parts(ids)
    ]


def read(batch: Batch) -> Write:
    """One slice: the writer puts what it finds into the ledger for the stages that follow."""
    return partial(_again if "quarantine" in batch.covers else _next_page, batch)


def _next_page(batch: Batch) -> BatchResult:
    ids = raw.current_ids(_integration_id(batch), after=batch.covers["after"], limit=PAGE)
    if not ids:
        return BatchResult()
    return BatchResult(
        done=len(ids),
        batches=[
            NewBatch(batch.step, Stage.TRANSFORM, {"raw": ids}, len(ids)),
            NewBatch(batch.step, Stage.EXTRACTION, {"after": ids[-1]}),
        ],
    )


def _again(batch: Batch) -> BatchResult:
    wanted = batch.covers["quarantine"]
    with connection.cursor() as cursor:
        cursor.execute(_AGAIN, [wanted, Stage.EMBEDDING.value])
        ids = [raw_id for (raw_id,) in cursor.fetchall()]
    texts = raw.unsettled(wanted, stage=Stage.EMBEDDING)
    found = [NewBatch(batch.step, Stage.TRANSFORM, {"raw": part}, len(part)) for part in _parts(ids)]
    for kind, external_ids in texts.items():
        rows = MODELS[kind].across_tenants.filter(integration=_integration_id(batch), external_id__in=external_ids)
        row_ids = sorted(rows.values_list("pk", flat=True))
        covers = {"kind": kind, "ids": row_ids, "integration": _integration_id(batch)}
        found.append(NewBatch(batch.step, Stage.EMBEDDING, covers, len(row_ids)))
    return BatchResult(done=len(wanted), batches=found)


def _integration_id(batch: Batch) -> int:
    assert batch.run.integration_id is not None, "only what reads from a provider has something stored"
    return batch.run.integration_id


def _parts(ids: list[int]) -> Iterator[list[int]]:
    return (ids[start : start + PAGE] for start in range(0, len(ids), PAGE))
