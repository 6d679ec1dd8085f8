"""How do documents get into the vector store, and out of it? Only this module writes to it.

No transaction is open while a vector is computed or Qdrant is called: each statement commits by itself. Qdrant is
written first; the ``Embedding`` row is written after Qdrant has confirmed. After a crash in between, the upsert is
repeated.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from apps.core.sql import rows
from apps.vectors.embedders import Embedder, TextRefusedError, Vectors, current_embedder
from apps.vectors.models import Embedding
from apps.vectors.selectors import NO_DOCUMENT, EmbeddableText, documents
from apps.vectors.store import Address, Store, StoreError

# Another worker rarely writes the same documents in between, and practically never so many times in a row.
MAX_ROUNDS = 5

# Records the points of a batch, and returns the recorded ones. A row that has changed since it was read is left alone:
# another worker has written the same point, and it is not known who wrote last. So the point is written again.
_RECORD = """
WITH new AS (
    SELECT * FROM unnest(
        %(external_ids)s::text[], %(row_ids)s::bigint[], %(text_hashes)s::text[], %(payload_hashes)s::text[],
        %(last_embedded)s::timestamptz[]
    ) AS new (external_id, row_id, text_hash, payload_hash, last_embedded)
), held AS (
    SELECT old.id, new.* FROM new CROSS JOIN LATERAL (
        SELECT * FROM vectors_embedding AS e
        WHERE e.integration_id = %(integration)s AND e.kind = %(kind)s AND e.external_id = new.external_id
            AND e.model = %(model)s AND e.embedded_at = new.last_embedded
        FOR UPDATE
    ) AS old
), updated AS (
    UPDATE vectors_embedding AS old
    SET row_id = held.row_id, text_hash = held.text_hash, payload_hash = held.payload_hash,
        embedded_at = clock_timestamp()
    FROM held WHERE old.id = held.id RETURNING old.external_id
), inserted AS (
    INSERT INTO vectors_embedding
        (tenant_id, integration_id, kind, external_id, row_id, model, text_hash, payload_hash, embedded_at)
    SELECT %(tenant)s, %(integration)s, %(kind)s, external_id, row_id, %(model)s, text_hash, payload_hash,
        clock_timestamp()
    FROM new WHERE last_embedded IS NULL ORDER BY external_id
    ON CONFLICT (integration_id, kind, external_id, model) DO NOTHING RETURNING external_id
)
SELECT external_id FROM updated UNION ALL SELECT external_id FROM inserted
"""

_ORPHANED = f"""
SELECT e.id FROM unnest(%(row_ids)s::bigint[]) AS given (row_id)
CROSS JOIN LATERAL (
    SELECT * FROM vectors_embedding AS e WHERE e.kind = %(kind)s AND e.row_id = given.row_id OFFSET 0
) AS e
WHERE e.tenant_id = %(tenant)s AND e.integration_id = %(integration)s AND {NO_DOCUMENT}
"""


@dataclass(frozen=True)
class EmbeddingFailure:
    """A document that could not be embedded, and the sentence that says why."""

    external_id: str
    error: str


@dataclass(frozen=True)
class EmbedReport:
    """The result of a batch: ``refreshed`` got only a new payload, ``removed`` lost their points."""

    embedded: int = 0
    refreshed: int = 0
    unchanged: int = 0
    removed: int = 0
    failures: tuple[EmbeddingFailure, ...] = ()


@dataclass(frozen=True)
class EmbeddingBatch:
    """Which documents are embedded, with which embedder, into which store."""

    tenant_id: int
    integration_id: int
    kind: str
    embedder: Embedder
    store: Store

    def addresses(self, found: Iterable[EmbeddableText]) -> list[Address]:
        """The addresses of the points of these documents."""
        return [Address(self.tenant_id, self.integration_id, self.kind, document.external_id) for document in found]

    def documents(self, row_ids: Sequence[int]) -> list[EmbeddableText]:
        """The rows that have a text, in their present state."""
        return documents(
            tenant_id=self.tenant_id,
            integration_id=self.integration_id,
            kind=self.kind,
            row_ids=list(row_ids),
            model=self.embedder.name,
        )


def embed_documents(*, kind: str, row_ids: Sequence[int], tenant_id: int, integration_id: int) -> EmbedReport:
    """Bring the points of these rows up to date: embed new and changed texts, remove deleted and blank ones.

    It may be repeated and may run in parallel. The report names the documents that failed. Raises
    :class:`~apps.vectors.embedders.EmbedderError` or :class:`~apps.vectors.store.StoreError` if the rest cannot be done
    now.
    """
    embedder = current_embedder()
    batch = EmbeddingBatch(tenant_id, integration_id, kind, embedder, Store.ready_for(embedder))
    removed = remove(tenant_id, _orphaned(batch, row_ids))
    found = batch.documents(row_ids)
    changed = [document for document in found if not document.has_same_text]
    moved = [document for document in found if document.has_same_text and not document.has_same_payload]
    embedded, failures, lost = _embed(batch, changed)
    overtaken = _refresh(batch, moved)
    lost += overtaken
    for _ in range(MAX_ROUNDS):
        if not lost:
            break
        again, failed, lost = _embed(batch, batch.documents(lost))
        embedded, failures = embedded + again, failures + failed
    if lost:
        raise StoreError(f"Other workers kept writing the same {len(lost)} documents: try again.")
    return EmbedReport(
        embedded=embedded,
        refreshed=len(moved) - len(overtaken),
        unchanged=len(found) - len(changed) - len(moved),
        removed=removed,
        failures=tuple(failures),
    )


def remove(tenant_id: int, embedding_ids: Sequence[int]) -> int:
    """Remove the points of these ``Embedding`` rows, then the rows; gives the number of rows."""
    leaving = Embedding.objects.for_tenant(tenant_id).filter(pk__in=embedding_ids).order_by("model")
    keys = list(leaving.values_list("model", "integration_id", "kind", "external_id"))
    for model, group in groupby(keys, key=lambda key: key[0]):
        store = Store(model)
        if store.has_collection():
            store.delete([Address(tenant_id, *key[1:]).point_id for key in group])
    leaving.delete()
    return len(keys)


def _orphaned(batch: EmbeddingBatch, row_ids: Sequence[int]) -> list[int]:
    found = rows(
        _ORPHANED,
        kind=batch.kind,
        row_ids=list(row_ids),
        tenant=batch.tenant_id,
        integration=batch.integration_id,
    )
    return [embedding_id for (embedding_id,) in found]


def _embed(batch: EmbeddingBatch, changed: Sequence[EmbeddableText]) -> tuple[int, list[EmbeddingFailure], list[int]]:
    """Embed and store; gives how many are done, what failed, and the row ids that another worker wrote."""
    if not changed:
        return 0, [], []
    vectors, refusals = _vectors(batch.embedder, [document.text for document in changed])
    failures = [
        EmbeddingFailure(document.external_id, refusals.get(position, "The embedder found no meaning in this text."))
        for position, document in enumerate(changed)
        if not vectors[position].any()
    ]
    embeddable = [position for position in range(len(changed)) if vectors[position].any()]
    good = [changed[position] for position in embeddable]
    batch.store.upsert(batch.addresses(good), vectors[embeddable], [document.payload for document in good])
    lost = _record(batch, good)
    return len(good) - len(lost), failures, lost


def _refresh(batch: EmbeddingBatch, moved: Sequence[EmbeddableText]) -> list[int]:
    """New payloads for points that keep their vectors; gives the row ids that another worker wrote meanwhile."""
    batch.store.overwrite_payloads(batch.addresses(moved), [document.payload for document in moved])
    return _record(batch, moved)


def _vectors(embedder: Embedder, texts: Sequence[str]) -> tuple[Vectors, dict[int, str]]:
    """A vector for each text, zeros where the embedder refuses it, and the reasons by position.

    A refused batch is halved until each refused text is alone.
    """
    try:
        return embedder.embed(texts), {}
    except TextRefusedError as error:
        if len(texts) == 1:
            return np.zeros((1, embedder.dimension), dtype=np.float32), {0: str(error)}
    half = len(texts) // 2
    first, refused = _vectors(embedder, texts[:half])
    second, also_refused = _vectors(embedder, texts[half:])
    refusals = refused | {half + position: sentence for position, sentence in also_refused.items()}
    return np.concatenate([first, second]), refusals


def _record(batch: EmbeddingBatch, stored: Sequence[EmbeddableText]) -> list[int]:
    """Write the rows of stored points; gives the row ids that another worker wrote meanwhile."""
    if not stored:
        return []
    recorded = rows(
        _RECORD,
        tenant=batch.tenant_id,
        integration=batch.integration_id,
        kind=batch.kind,
        model=batch.embedder.name,
        external_ids=[document.external_id for document in stored],
        row_ids=[document.row_id for document in stored],
        text_hashes=[document.text_hash for document in stored],
        payload_hashes=[document.payload_hash for document in stored],
        last_embedded=[document.embedded_at for document in stored],
    )
    written = {external_id for (external_id,) in recorded}
    return [document.row_id for document in stored if document.external_id not in written]
