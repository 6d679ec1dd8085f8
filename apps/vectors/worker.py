"""How does embedding take part in runs? As the third stage of every source's job, and as the Vectorization job."""

from typing import Any

from django.db.models import Count

from apps.jobs.execution.workers import BatchResult, Write
from apps.jobs.models import Batch, Run
from apps.jobs.queue.batches import NewBatch, outstanding
from apps.raw.selectors import open_ids
from apps.raw.services import Failure, settle
from apps.sources.definition import Stage
from apps.vectors import selectors, services
from apps.vectors.definition import PREPARE, PROCESS
from apps.vectors.embedders import current_embedder
from apps.vectors.models import Embedding
from apps.vectors.reconcile import reconcile
from apps.warehouse.models import MODELS

# What a batch of the Vectorization may cover beside documents.
RECONCILE, QUEUE, VERIFY = "reconcile", "queue", "verify"


def embed(batch: Batch) -> Write:
    """Bring the points of a batch of loaded rows up to date."""
    covers = batch.covers
    report = services.embed_documents(
        kind=covers["kind"],
        row_ids=covers["ids"],
        tenant_id=batch.run.tenant_id,
        integration_id=covers["integration"],
    )
    failures = [
        Failure(covers["integration"], covers["kind"], failure.external_id, failure.error)
        for failure in report.failures
    ]

    def write() -> BatchResult:
        _settle(covers, {failure.external_id for failure in failures})
        return BatchResult(done=len(covers["ids"]) - len(failures), failures=failures)

    return write


def _settle(covers: dict[str, Any], failed: set[str]) -> None:
    """What was set aside and has now gone through, or has no text any more, is settled."""
    kind, integration_id = covers["kind"], covers["integration"]
    if waiting := open_ids(integration_id, stage=Stage.EMBEDDING, entity=kind) - failed:
        rows = MODELS[kind].across_tenants.filter(pk__in=covers["ids"], external_id__in=waiting)
        done = [(kind, external_id) for external_id in rows.values_list("external_id", flat=True)]
        settle(done, integration_id=integration_id, stage=Stage.EMBEDDING)


def plan(run: Run, step: str) -> list[NewBatch]:
    """Prepare looks at the vector store and counts; process takes every document that is not embedded as it is now."""
    if step == PREPARE:
        return [_new_batch(PREPARE, {"do": RECONCILE}, size=2)]
    found = [
        _new_batch(
            PROCESS, {"kind": page.kind, "ids": page.row_ids, "integration": page.integration_id}, len(page.row_ids)
        )
        for page in selectors.pending(run.tenant_id)
    ] + [_new_batch(PROCESS, {"orphans": ids}, len(ids)) for ids in selectors.orphans(run.tenant_id)]
    return found or [_new_batch(PROCESS, {"do": VERIFY})]


def vectorize(batch: Batch) -> Write:
    """One batch of the Vectorization job."""
    covers, tenant_id = batch.covers, batch.run.tenant_id
    if covers.get("do") == RECONCILE:
        reconcile(tenant_id)
        return lambda: BatchResult(done=1, batches=[_new_batch(PREPARE, {"do": QUEUE})])
    if covers.get("do") == QUEUE:
        current_embedder().embed(["The model is loaded before the first batch needs it."])
        return lambda: BatchResult(done=1)
    if covers.get("do") == VERIFY:
        skips = [{"scope": "the vector store", "reason": str(difference)} for difference in selectors.verify(tenant_id)]
        return lambda: BatchResult(skips=skips)
    if "orphans" in covers:
        services.remove(tenant_id, covers["orphans"])
        return lambda: _then_verify(batch, BatchResult(done=len(covers["orphans"])))
    write = embed(batch)
    return lambda: _then_verify(batch, write())


def embedded(integration_id: int) -> dict[str, int]:
    """How many documents have a vector, per kind."""
    rows = Embedding.across_tenants.filter(integration=integration_id, model=current_embedder().name)
    return dict(rows.values_list("kind").annotate(Count("pk")).order_by())


def _then_verify(batch: Batch, outcome: BatchResult) -> BatchResult:
    """The counts are compared when this was the last batch."""
    if not outstanding(batch.run).filter(step=PROCESS).exists():
        outcome.batches = [_new_batch(PROCESS, {"do": VERIFY})]
    return outcome


def _new_batch(step: str, covers: dict[str, Any], size: int = 0) -> NewBatch:
    return NewBatch(step, Stage.EMBEDDING, covers, size)
