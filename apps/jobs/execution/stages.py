"""What do the stages of a source's job do? They fetch slices into the raw store and load raw records as rows."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

from django.db import transaction
from django.db.models import Q

from apps.jobs import run_log
from apps.jobs.choices import RunMode
from apps.jobs.execution import holes, retransform, totals
from apps.jobs.execution.context import context_of, integration_of
from apps.jobs.execution.follow_ups import to_embed, to_transform
from apps.jobs.execution.handlers import BatchResult, Write
from apps.jobs.execution.renames import rename
from apps.jobs.models import Batch, Run
from apps.jobs.queue.batches import NewBatch
from apps.jobs.queue.covers import RawRecords, expect
from apps.raw import listed_ids, tombstones
from apps.raw import selectors as raw
from apps.raw import services as raw_services
from apps.raw.services import Failure, describe
from apps.sources.base import Deletion, Fetched, Skip, Slice, Transformed
from apps.sources.definition import Stage
from apps.sources.refusals import fetch_or_skip
from apps.sources.registry import definition
from apps.warehouse.loader import LoadReport, load, load_or_split

Loaded = list[tuple[int, Transformed]]

MAX_PAUSES = 3  # of one batch; the provider then does not give what the batch asks for
CLOCK_STEP = 1.0  # seconds; a smaller change of a clock's difference is not stored


class RecordName(NamedTuple):
    """The entity and the external id of a record whose payload is no longer needed."""

    entity: str
    external_id: str


def plan(run: Run, step: str) -> list[NewBatch]:
    """The first slices of a step's extraction. They also ask again for what the provider did not give so far."""
    if run.mode == RunMode.RETRANSFORM:
        return retransform.plan(run, step)
    context = context_of(run)
    return _to_fetch(step, holes.with_holes(run, step, context.source.start(step, context)))


def extract(batch: Batch) -> Write:
    """Fetch one slice; the writer stores its records and adds the batches that follow."""
    if batch.run.mode == RunMode.RETRANSFORM:
        return retransform.read(batch)
    context = context_of(batch.run)
    slice_ = expect(batch, Slice)
    fetched_at = datetime.now(UTC)
    is_last_pause = batch.pauses >= MAX_PAUSES
    fetched = fetch_or_skip(context.source, batch.step, slice_, context, is_last_pause=is_last_pause)
    return partial(_write_extracted, batch, slice_, fetched, fetched_at)


def _write_extracted(batch: Batch, slice_: Slice, fetched: Fetched, fetched_at: datetime) -> BatchResult:
    run, unit = batch.run, definition(batch.run.job.job_type).step(batch.step).unit
    integration_id = integration_of(run)
    stored = raw_services.store(
        fetched.records, tenant_id=run.tenant_id, integration_id=integration_id, run=run.pk, fetched_at=fetched_at
    )
    journal = run_log.journal_of(run)
    transaction.on_commit(partial(journal.fetched, batch.step, run_log.tally(slice_, fetched)))
    tombstones.resurrect(stored.changed)
    listed_ids.keep(fetched.listed, integration_id=integration_id, run=run.pk)
    note_clock(run, context_of(run).http.clock_offset)
    buried = _bury(run, fetched.deletions, fetched_at) if fetched.deletions else LoadReport()
    # A full run transforms everything again: that also repairs rows that somebody has changed or removed.
    ids = stored.changed if run.mode == RunMode.INCREMENTAL else stored.given
    if fetched.renamed:
        ids = sorted({*ids, *rename(run, fetched.renamed)})
    if fetched.made_again:
        ids = sorted({*ids, *raw.ids_of(integration_id, fetched.made_again)})
    done, total = totals.counted(slice_, fetched, unit)
    return BatchResult(
        done=done,
        total=total,
        announced=fetched.expected,
        batches=[
            *_to_fetch(batch.step, totals.following(slice_, fetched, unit)),
            *to_transform(batch.step, ids),
            *_to_embed(batch, buried),
        ],
        skips=holes.remember(run, batch.step, fetched.skips),
    )


def note_clock(run: Run, offset: float | None) -> None:
    """Keep the smallest difference between the provider's clock and ours: the marks of the run follow that clock."""
    if offset is None or (run.clock_offset is not None and run.clock_offset <= offset + CLOCK_STEP):
        return
    known = Run.across_tenants.filter(Q(clock_offset=None) | Q(clock_offset__gt=offset), pk=run.pk)
    known.update(clock_offset=offset)
    run.clock_offset = offset


def _bury(run: Run, deletions: list[Deletion], found_at: datetime) -> LoadReport:
    """Mark the raw records of deleted objects as not current, and mark their rows as deleted."""
    owner = {"tenant_id": run.tenant_id, "integration_id": integration_of(run)}
    known = tombstones.bury(deletions, **owner, run=run.pk, found_at=found_at)
    names = [(deletion.entity, deletion.external_id) for deletion in known]
    raw_services.resolve(names, integration_id=owner["integration_id"], stage=Stage.TRANSFORM)
    source = context_of(run).source
    return load([(0, source.transform_deletion(deletion)) for deletion in known], **owner)


def transform(batch: Batch) -> Write:
    """Turn raw records into rows; the writer loads them and adds the batches that embed their texts."""
    context = context_of(batch.run)
    names: dict[int, RecordName] = {}
    loadable: Loaded = []
    failures: list[Failure] = []
    for raw_id, record in raw.by_ids(expect(batch, RawRecords).ids):
        names[raw_id] = RecordName(record.entity, record.external_id)
        try:
            loadable.append((raw_id, context.source.transform(record, context)))
        except Exception as error:  # one bad record must not stop the others
            failures.append(_failure(batch.run, raw_id, names[raw_id], error))
    return partial(_write_transformed, batch, names, loadable, failures)


def _write_transformed(
    batch: Batch, names: dict[int, RecordName], loadable: Loaded, failures: list[Failure]
) -> BatchResult:
    run, integration_id = batch.run, integration_of(batch.run)
    current = tombstones.still_current(list(names), integration_id=integration_id)
    loadable = [(raw_id, transformed) for raw_id, transformed in loadable if raw_id in current]
    report, refused = load_or_split(loadable, tenant_id=run.tenant_id, integration_id=integration_id)
    failures = [failure for failure in failures if failure.raw_id in current]
    failures += [_failure(run, raw_id, names[raw_id], error) for raw_id, error in refused]
    failed = {failure.raw_id for failure in failures}
    good = [name for raw_id, name in names.items() if raw_id not in failed]
    raw_services.resolve(good, integration_id=integration_id, stage=Stage.TRANSFORM)
    loaded = [(names[raw_id], transformed) for raw_id, transformed in loadable if raw_id not in failed]
    return BatchResult(
        done=len(good), failures=failures, batches=_to_embed(batch, report), skips=_odd_values(batch, loaded)
    )


def _odd_values(batch: Batch, loaded: Sequence[tuple[RecordName, Transformed]]) -> list[Skip]:
    """Say which values of the loaded records could not be read: one line in the log, one skip for each field."""
    fields = Counter(f"{name.entity} {path}" for name, transformed in loaded for path in transformed.odd_values)
    if fields:
        run_log.odd_values(batch, fields, [name.external_id for name, found in loaded if found.odd_values])
    return [Skip("", f"Values that cannot be read are left out: {field}.", is_missing=False) for field in fields]


def _to_fetch(step: str, slices: Sequence[Slice]) -> list[NewBatch]:
    return [NewBatch(step, Stage.EXTRACTION, slice_, slice_.announced or 0) for slice_ in slices]


def _to_embed(batch: Batch, report: LoadReport) -> list[NewBatch]:
    """The batches for the texts that a load has changed or removed."""
    integration_id = integration_of(batch.run)
    return [new for kind, ids in report.changed.items() for new in to_embed(batch.step, kind, ids, integration_id)]


def _failure(run: Run, raw_id: int, name: RecordName, error: Exception) -> Failure:
    return Failure(integration_of(run), name.entity, name.external_id, describe(error), raw_id)
