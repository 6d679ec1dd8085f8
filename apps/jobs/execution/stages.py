"""What do the stages of a source's job do? Fetch slices into the raw store; turn raw records into loaded rows."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import cast

import msgspec
from django.db import transaction

from apps.jobs import run_log
from apps.jobs.choices import RunMode
from apps.jobs.execution import retransform
from apps.jobs.execution.context import context_of
from apps.jobs.execution.renames import rename
from apps.jobs.execution.workers import BatchResult, Write
from apps.jobs.models import Batch, Run
from apps.jobs.queue.batches import NewBatch
from apps.raw import seen, tombstones
from apps.raw import selectors as raw
from apps.raw import services as raw_services
from apps.raw.services import Failure, describe
from apps.sources.base import Deletion, Fetched, RawRecord, Slice, Transformed
from apps.sources.definition import Stage
from apps.sources.registry import definition
from apps.warehouse.loader import LoadReport, load, load_or_split

TRANSFORM_BATCH = 400  # raw records
EMBEDDING_BATCH = 512  # texts

Loaded = list[tuple[int, Transformed]]


def plan(run: Run, step: str) -> list[NewBatch]:
    """The first slices of a step's extraction."""
    if run.mode == RunMode.RETRANSFORM:
        return retransform.plan(run, step)
    context = context_of(run)
    return [_slice_batch(step, piece) for piece in context.source.start(step, context)]


def extract(batch: Batch) -> Write:
    """Fetch one slice; the writer stores its records and puts what follows into the ledger."""
    if batch.run.mode == RunMode.RETRANSFORM:
        return retransform.read(batch)
    context = context_of(batch.run)
    piece = msgspec.convert(batch.covers, Slice)
    fetched_at = datetime.now(UTC)
    fetched = context.source.fetch(batch.step, piece, context)
    return partial(_write_extracted, batch, fetched, fetched_at)


def _write_extracted(batch: Batch, fetched: Fetched, fetched_at: datetime) -> BatchResult:
    run, unit = batch.run, definition(batch.run.job.job_type).step(batch.step).unit
    stored = raw_services.store(
        fetched.records,
        tenant_id=run.tenant_id,
        integration_id=cast(int, run.integration_id),
        run=run.pk,
        fetched_at=fetched_at,
    )
    transaction.on_commit(partial(run_log.journal_of(run.pk).fetched, batch.step, run_log.tally(batch.covers, fetched)))
    tombstones.resurrect(stored.changed)
    seen.note(fetched.listed, integration_id=cast(int, run.integration_id), run=run.pk)
    buried = _bury(run, fetched.deletions, fetched_at) if fetched.deletions else LoadReport()
    # A full run transforms everything again: it also repairs rows that somebody has changed or removed.
    ids = stored.changed if run.mode == RunMode.INCREMENTAL else stored.given
    if fetched.renamed:
        ids = sorted({*ids, *rename(run, fetched.renamed)})
    return BatchResult(
        done=sum(record.entity == unit for record in fetched.records) if unit else len(fetched.records),
        total=fetched.expected.get(unit, 0),
        announced=fetched.expected,
        batches=[_slice_batch(batch.step, piece) for piece in fetched.follow_ups]
        + [NewBatch(batch.step, Stage.TRANSFORM, {"raw": part}, len(part)) for part in _parts(ids, TRANSFORM_BATCH)]
        + _embedding_batches(batch, buried),
        skips=[{"scope": skip.scope, "reason": skip.reason} for skip in fetched.skips],
    )


def _bury(run: Run, gone: list[Deletion], found_at: datetime) -> LoadReport:
    """What is gone: its raw records are no longer current, its rows and theirs get tombstones."""
    owner = {"tenant_id": run.tenant_id, "integration_id": cast(int, run.integration_id)}
    known = tombstones.bury(gone, **owner, run=run.pk, found_at=found_at)
    names = [(one.entity, one.external_id) for one in known]
    raw_services.settle(names, integration_id=owner["integration_id"], stage=Stage.TRANSFORM)
    source = context_of(run).source
    return load([(0, source.transform_deletion(one)) for one in known], **owner)


def transform(batch: Batch) -> Write:
    """Turn raw records into rows; the writer loads them and says which texts are to be embedded."""
    context = context_of(batch.run)
    records = raw.by_ids(batch.covers["raw"])
    loadable: Loaded = []
    failures: list[Failure] = []
    for raw_id, record in records:
        try:
            loadable.append((raw_id, context.source.transform(record, context)))
        except Exception as error:  # whatever a record does to its parser, the rest goes on
            failures.append(_failure(batch.run, raw_id, record, error))
    return partial(_write_transformed, batch, dict(records), loadable, failures)


def _write_transformed(
    batch: Batch, records: dict[int, RawRecord], loadable: Loaded, failures: list[Failure]
) -> BatchResult:
    run, integration_id = batch.run, cast(int, batch.run.integration_id)
    current = tombstones.still_current(list(records), integration_id=integration_id)
    loadable = [(raw_id, transformed) for raw_id, transformed in loadable if raw_id in current]
    report, refused = load_or_split(loadable, tenant_id=run.tenant_id, integration_id=integration_id)
    failures = [failure for failure in failures if failure.raw_id in current]
    failures += [_failure(run, raw_id, records[raw_id], error) for raw_id, error in refused]
    failed = {failure.raw_id for failure in failures}
    good = [(record.entity, record.external_id) for raw_id, record in records.items() if raw_id not in failed]
    raw_services.settle(good, integration_id=integration_id, stage=Stage.TRANSFORM)
    return BatchResult(done=len(good), failures=failures, batches=_embedding_batches(batch, report))


def _embedding_batches(batch: Batch, report: LoadReport) -> list[NewBatch]:
    """The texts that a load has changed or taken away."""
    covers = {"integration": batch.run.integration_id}
    return [
        NewBatch(batch.step, Stage.EMBEDDING, {"kind": kind, "ids": part, **covers}, len(part))
        for kind, ids in report.changed.items()
        for part in _parts(ids, EMBEDDING_BATCH)
    ]


def _failure(run: Run, raw_id: int, record: RawRecord, error: Exception) -> Failure:
    return Failure(cast(int, run.integration_id), record.entity, record.external_id, describe(error), raw_id)


def _slice_batch(step: str, piece: Slice) -> NewBatch:
    return NewBatch(step, Stage.EXTRACTION, msgspec.to_builtins(piece))


def _parts(ids: Sequence[int], size: int) -> Iterator[list[int]]:
    return (list(ids[start : start + size]) for start in range(0, len(ids), size))
