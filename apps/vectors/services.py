"""How do documents get into the vector store, and out of it? Only this module writes to it.

No transaction is open while a vector is computed or Qdrant is called: each statement commits by itself. Qdrant is
written first; the ``Embedding`` row is written after Qdrant has confirmed. After a crash in between, the upsert is
repeated.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain, groupby, pairwise

import numpy as np

from apps.core.sql import rows
from apps.sources.text import in_portions
from apps.vectors.embedders import Embedder, TextRefusedError, Vectors, current_embedder
from apps.vectors.models import Embedding
from apps.vectors.passages import passages_to_embed
from apps.vectors.selectors import EmbeddableText, documents, model_and_preparation, orphaned
from apps.vectors.store import Address, Passage, Store, StoreError

# Another worker rarely writes the same documents in between, and practically never so many times in a row.
MAX_ROUNDS = 5
# Texts that are embedded and written together: about 430 passages of the default embedder.
MAX_CHARS_IN_MEMORY = 100_000

# Records the documents of a batch, and returns the recorded ones. A row that has changed since it was read is left
# alone: another worker has written the same points, and it is not known who wrote last. So they are written again.
_RECORD = """
WITH new AS (
    SELECT * FROM unnest(
        %(external_ids)s::text[], %(row_ids)s::bigint[], %(passages)s::int[], %(text_hashes)s::text[],
        %(payload_hashes)s::text[], %(last_embedded)s::timestamptz[]
    ) AS new (external_id, row_id, passages, text_hash, payload_hash, last_embedded)
), held AS (
    SELECT old.id, new.* FROM new CROSS JOIN LATERAL (
        SELECT * FROM vectors_embedding AS e
        WHERE e.integration_id = %(integration)s AND e.kind = %(kind)s AND e.external_id = new.external_id
            AND e.model = %(model)s AND e.embedded_at = new.last_embedded
        FOR UPDATE
    ) AS old
), updated AS (
    UPDATE vectors_embedding AS old
    SET row_id = held.row_id, preparation = %(preparation)s, passages = held.passages, text_hash = held.text_hash,
        payload_hash = held.payload_hash, embedded_at = clock_timestamp()
    FROM held WHERE old.id = held.id RETURNING old.external_id
), inserted AS (
    INSERT INTO vectors_embedding (
        tenant_id, integration_id, kind, external_id, row_id, model, preparation, passages, text_hash, payload_hash,
        embedded_at
    )
    SELECT %(tenant)s, %(integration)s, %(kind)s, external_id, row_id, %(model)s, %(preparation)s, passages, text_hash,
        payload_hash, clock_timestamp()
    FROM new WHERE last_embedded IS NULL ORDER BY external_id
    ON CONFLICT (integration_id, kind, external_id, model) DO NOTHING RETURNING external_id
)
SELECT external_id FROM updated UNION ALL SELECT external_id FROM inserted
"""


@dataclass(frozen=True)
class EmbeddingFailure:
    """A document that could not be embedded, and the sentence that says why."""

    external_id: str
    error: str


@dataclass
class EmbedReport:
    """The documents of a batch: ``refreshed`` got only a new payload, ``removed`` lost their points."""

    embedded: int = 0
    refreshed: int = 0
    unchanged: int = 0
    removed: int = 0
    failures: list[EmbeddingFailure] = field(default_factory=list)


@dataclass(frozen=True)
class EmbeddingBatch:
    """Which documents are embedded, with which embedder, into which store.

    ``written`` is the largest number of passages that this batch has written of each document.
    """

    tenant_id: int
    integration_id: int
    kind: str
    embedder: Embedder
    store: Store
    written: dict[str, int] = field(default_factory=dict)

    def passages(self, document: EmbeddableText, numbers: Iterable[int]) -> list[Passage]:
        """Some passages of a document."""
        return Address(self.tenant_id, self.integration_id, self.kind, document.external_id).passages(numbers)

    def documents(self, row_ids: Sequence[int], *, with_all_texts: bool = False) -> Iterator[EmbeddableText]:
        """The rows that have a text, in their present state."""
        return documents(
            tenant_id=self.tenant_id,
            integration_id=self.integration_id,
            kind=self.kind,
            row_ids=list(row_ids),
            embedder=self.embedder,
            with_all_texts=with_all_texts,
        )


def embed_documents(*, kind: str, row_ids: Sequence[int], tenant_id: int, integration_id: int) -> EmbedReport:
    """Bring the points of these rows up to date: embed new and changed texts, remove deleted and blank ones.

    It may be repeated and may run in parallel. The report names the documents that failed. Raises
    :class:`~apps.vectors.embedders.EmbedderError` or :class:`~apps.vectors.store.StoreError` if the rest cannot be done
    now.
    """
    embedder = current_embedder()
    batch = EmbeddingBatch(tenant_id, integration_id, kind, embedder, Store.ready_for(embedder))
    gone = orphaned(tenant_id=tenant_id, integration_id=integration_id, kind=kind, row_ids=list(row_ids))
    report = EmbedReport(removed=remove(tenant_id, gone))
    lost: list[int] = []
    for portion in in_portions(batch.documents(row_ids), _chars, MAX_CHARS_IN_MEMORY):
        changed = [document for document in portion if not document.has_same_text]
        moved = [document for document in portion if document.has_same_text and not document.has_same_payload]
        report.unchanged += len(portion) - len(changed) - len(moved)
        lost += _embed(batch, changed, report)
        lost += _refresh(batch, moved, report)
    for _ in range(MAX_ROUNDS):
        again, lost = lost, []
        found = batch.documents(again, with_all_texts=True) if again else ()
        for portion in in_portions(found, _chars, MAX_CHARS_IN_MEMORY):
            lost += _embed(batch, portion, report)
    if lost:
        raise StoreError(f"Other workers kept writing the same {len(lost)} documents: try again.")
    return report


def remove(tenant_id: int, embedding_ids: Sequence[int]) -> int:
    """Remove all points of these ``Embedding`` rows, then the rows; gives the number of rows."""
    leaving = Embedding.objects.for_tenant(tenant_id).filter(pk__in=embedding_ids).order_by("model")
    found = list(leaving.values_list("model", "passages", "integration_id", "kind", "external_id"))
    for model, group in groupby(found, key=lambda row: row[0]):
        store = Store(model)
        if store.has_collection():
            points = (Address(tenant_id, *row[2:]).passages(range(row[1])) for row in group)
            store.delete([*chain.from_iterable(points)])
    leaving.delete()
    return len(found)


def _chars(document: EmbeddableText) -> int:
    return len(document.text)


def _embed(batch: EmbeddingBatch, changed: Sequence[EmbeddableText], report: EmbedReport) -> list[int]:
    """Embed and store all passages of these documents; gives the row ids that another worker wrote meanwhile."""
    if not changed:
        return []
    texts = [passages_to_embed(document.text, batch.embedder.passage_size) for document in changed]
    vectors, refusals = _vectors(batch.embedder, [*chain.from_iterable(texts)])
    embedded: list[tuple[EmbeddableText, Vectors]] = []
    for document, (start, end) in zip(changed, pairwise(accumulate(map(len, texts), initial=0)), strict=True):
        without_meaning = np.flatnonzero(~vectors[start:end].any(axis=1))
        if without_meaning.size:
            reason = refusals.get(start + int(without_meaning[0]), "The embedder found no meaning in this text.")
            report.failures.append(EmbeddingFailure(document.external_id, reason))
        else:
            embedded.append((document, vectors[start:end]))
    lost = _store(batch, embedded) if embedded else []
    report.embedded += len(embedded) - len(lost)
    return lost


def _store(batch: EmbeddingBatch, embedded: Sequence[tuple[EmbeddableText, Vectors]]) -> list[int]:
    """Write all points of these documents, remove points of former passages, then record the documents."""
    points = [
        (passage, document.payload)
        for document, vectors in embedded
        for passage in batch.passages(document, range(len(vectors)))
    ]
    batch.store.upsert(points, np.concatenate([vectors for _, vectors in embedded]))
    former: list[Passage] = []
    for document, vectors in embedded:
        most = max(document.passages, batch.written.get(document.external_id, 0))
        former += batch.passages(document, range(len(vectors), most))
        batch.written[document.external_id] = len(vectors)
    batch.store.delete(former)
    return _record(batch, [document._replace(passages=len(vectors)) for document, vectors in embedded])


def _refresh(batch: EmbeddingBatch, moved: Sequence[EmbeddableText], report: EmbedReport) -> list[int]:
    """New payloads for points that keep their vectors; gives the row ids that another worker wrote meanwhile."""
    points = [
        (passage, document.payload)
        for document in moved
        for passage in batch.passages(document, range(document.passages))
    ]
    batch.store.overwrite_payloads(points)
    lost = _record(batch, moved)
    report.refreshed += len(moved) - len(lost)
    return lost


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
        **model_and_preparation(batch.embedder),
        external_ids=[document.external_id for document in stored],
        row_ids=[document.row_id for document in stored],
        passages=[document.passages for document in stored],
        text_hashes=[document.text_hash for document in stored],
        payload_hashes=[document.payload_hash for document in stored],
        last_embedded=[document.embedded_at for document in stored],
    )
    written = {external_id for (external_id,) in recorded}
    return [document.row_id for document in stored if document.external_id not in written]
