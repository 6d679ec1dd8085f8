"""How does embedding take part in runs? As the third stage of every source's job, and as the Vectorization job."""

from django.db.models import Count

from apps.jobs.execution.handlers import BatchResult, Write
from apps.jobs.models import Batch, Run
from apps.jobs.queue.batches import NewBatch, outstanding
from apps.jobs.queue.covers import (
    Coverage,
    LoadedRows,
    OrphanedEmbeddings,
    VectorAction,
    VectorTask,
    decode,
    expect,
)
from apps.raw.services import Failure, resolve
from apps.sources.base import Skip
from apps.sources.definition import Stage
from apps.vectors import selectors, services
from apps.vectors.definition import PREPARE, PROCESS
from apps.vectors.embedders import current_embedder
from apps.vectors.models import Embedding
from apps.vectors.reconcile import reconcile
from apps.warehouse.models import MODELS


def embed(batch: Batch) -> Write:
    """Bring the points of a batch of loaded rows up to date."""
    rows = expect(batch, LoadedRows)
    report = services.embed_documents(
        kind=rows.kind, row_ids=rows.ids, tenant_id=batch.tenant_id, integration_id=rows.integration_id
    )
    failures = [
        Failure(rows.integration_id, rows.kind, failure.external_id, failure.error) for failure in report.failures
    ]

    def write() -> BatchResult:
        _resolve(rows, {failure.external_id for failure in failures})
        return BatchResult(done=len(rows.ids) - len(failures), failures=failures)

    return write


def _resolve(rows: LoadedRows, failed: set[str]) -> None:
    """End the quarantine of texts that are embedded now, and of rows that have no text any more."""
    external_ids = MODELS[rows.kind].across_tenants.filter(pk__in=rows.ids).values_list("external_id", flat=True)
    done = [(rows.kind, external_id) for external_id in external_ids if external_id not in failed]
    resolve(done, integration_id=rows.integration_id, stage=Stage.EMBEDDING)


def plan(run: Run, step: str) -> list[NewBatch]:
    """The batches of a step: the first step compares both stores, the second embeds what is missing or out of date."""
    if step == PREPARE:
        return [_new_batch(PREPARE, VectorTask(VectorAction.RECONCILE), size=2)]
    planned = [
        _new_batch(PROCESS, LoadedRows(page.kind, page.row_ids, page.integration_id), len(page.row_ids))
        for page in selectors.pending(run.tenant_id)
    ]
    planned += [_new_batch(PROCESS, OrphanedEmbeddings(ids), len(ids)) for ids in selectors.orphans(run.tenant_id)]
    return planned or [_new_batch(PROCESS, VectorTask(VectorAction.VERIFY))]


def vectorize(batch: Batch) -> Write:
    """One batch of the Vectorization job."""
    match decode(batch.covers):
        case VectorTask(action=action):
            return _act(batch, action)
        case OrphanedEmbeddings(ids=ids):
            services.remove(batch.tenant_id, ids)
            return lambda: _then_verify(batch, BatchResult(done=len(ids)))
    write = embed(batch)
    return lambda: _then_verify(batch, write())


def _act(batch: Batch, action: VectorAction) -> Write:
    match action:
        case VectorAction.RECONCILE:
            reconcile(batch.tenant_id)
            follow_up = _new_batch(PREPARE, VectorTask(VectorAction.LOAD_MODEL))
            return lambda: BatchResult(done=1, batches=[follow_up])
        case VectorAction.LOAD_MODEL:
            current_embedder().embed(["The model is loaded before the first batch needs it."])
            return lambda: BatchResult(done=1)
        case VectorAction.VERIFY:
            differences = selectors.verify(batch.tenant_id)
            skips = [Skip("the vector store", str(difference)) for difference in differences]
            return lambda: BatchResult(skips=skips)


def embedded(integration_id: int) -> dict[str, int]:
    """How many documents are embedded with all their passages, per kind."""
    rows = Embedding.across_tenants.filter(
        integration=integration_id, **selectors.model_and_preparation(current_embedder())
    )
    return dict(rows.values_list("kind").annotate(Count("pk")).order_by())


def _then_verify(batch: Batch, result: BatchResult) -> BatchResult:
    """The last batch adds a batch that compares the counts."""
    if not outstanding(batch.run).filter(step=PROCESS).exists():
        result.batches = [_new_batch(PROCESS, VectorTask(VectorAction.VERIFY))]
    return result


def _new_batch(step: str, covers: Coverage, size: int = 0) -> NewBatch:
    return NewBatch(step, Stage.EMBEDDING, covers, size)
