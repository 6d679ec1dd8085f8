"""What is embedded, and do the numbers of documents, ``Embedding`` rows and points agree?

A document is embedded if all its passages have points: its row is written after the last of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from apps.core.sql import pages, rows
from apps.vectors.embedders import Embedder, current_embedder
from apps.vectors.passages import MAX_DOCUMENT_CHARS, preparation
from apps.vectors.store import Store

# A text of white space only (the characters of Python's str.isspace) has no meaning to embed.
HAS_TEXT = r"text ~ '[^\s\u001c-\u001f\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]'"
PAYLOAD_HASH = "md5(d.payload::text)"

MAX_TEXTS_IN_MEMORY = 50  # about 3 MB of the longest texts

# Whether the points of an embedding are those of the document's present text.
HAS_SAME_TEXT = "e.text_hash = d.text_hash AND e.preparation = %(preparation)s"

# Freshly loaded tables have no statistics. Without them the planner reads a whole table again for each row. LATERAL
# with OFFSET 0 forces one index look-up per row.
_WITH_EMBEDDING = """
LEFT JOIN LATERAL (
    SELECT * FROM vectors_embedding AS e
    WHERE e.integration_id = d.integration_id AND e.kind = d.kind AND e.external_id = d.external_id
        AND e.model = %(model)s OFFSET 0
) AS e ON true
"""

# The text of a document that is embedded is not sent.
_DOCUMENTS = f"""
SELECT d.row_id, d.external_id,
    CASE WHEN {HAS_SAME_TEXT} AND NOT %(with_all_texts)s THEN '' ELSE left(d.text, {MAX_DOCUMENT_CHARS}) END,
    d.text_hash, d.payload::text, {PAYLOAD_HASH}, e.embedded_at, coalesce(e.passages, 0),
    coalesce({HAS_SAME_TEXT}, false), coalesce(e.payload_hash = {PAYLOAD_HASH} AND e.row_id = d.row_id, false)
FROM (
    SELECT * FROM warehouse_document WHERE kind = %(kind)s AND row_id = ANY (%(row_ids)s) OFFSET 0
) AS d
{_WITH_EMBEDDING}
WHERE d.tenant_id = %(tenant)s AND d.integration_id = %(integration)s AND d.{HAS_TEXT}
ORDER BY d.row_id
"""

_PENDING = f"""
SELECT d.integration_id, d.kind, d.row_id
FROM warehouse_document AS d
{_WITH_EMBEDDING}
WHERE d.tenant_id = %(tenant)s AND d.{HAS_TEXT} AND (
    e.id IS NULL OR NOT ({HAS_SAME_TEXT}) OR e.row_id <> d.row_id OR e.payload_hash <> {PAYLOAD_HASH}
)
ORDER BY d.integration_id, d.kind, d.row_id
"""

# Embeddings without a document. A hash over all documents would cost the same for a few rows as for all, so that each
# batch would read the whole table: LATERAL with OFFSET 0 looks for the document of each row instead.
_WITHOUT_DOCUMENT = f"""
LEFT JOIN LATERAL (
    SELECT d.row_id FROM warehouse_document AS d
    WHERE d.integration_id = e.integration_id AND d.kind = e.kind AND d.external_id = e.external_id AND d.{HAS_TEXT}
    OFFSET 0
) AS d ON true
"""

_ORPHANS = f"""
SELECT e.id FROM vectors_embedding AS e {_WITHOUT_DOCUMENT}
WHERE e.tenant_id = %(tenant)s AND (e.model <> %(model)s OR d.row_id IS NULL)
ORDER BY e.id
"""

_ORPHANED = f"""
SELECT e.id FROM (
    SELECT * FROM vectors_embedding AS e WHERE e.kind = %(kind)s AND e.row_id = ANY (%(row_ids)s) OFFSET 0
) AS e {_WITHOUT_DOCUMENT}
WHERE e.tenant_id = %(tenant)s AND e.integration_id = %(integration)s AND d.row_id IS NULL
"""

_DOCUMENT_COUNTS = f"""
SELECT integration_id, kind, count(*) FROM warehouse_document
WHERE tenant_id = %(tenant)s AND {HAS_TEXT} GROUP BY integration_id, kind
"""

_EMBEDDING_COUNTS = """
SELECT integration_id, kind, count(*) FILTER (WHERE preparation = %(preparation)s), sum(passages)
FROM vectors_embedding WHERE tenant_id = %(tenant)s AND model = %(model)s GROUP BY integration_id, kind
"""


class EmbeddableText(NamedTuple):
    """The text of a document (its first ``MAX_DOCUMENT_CHARS``), compared with what is stored for it.

    ``text`` is empty if it is embedded and was not asked for. ``embedded_at`` is the time when its points were last
    written, ``None`` for a document without points; ``passages`` is how many points it has.
    """

    row_id: int
    external_id: str
    text: str
    text_hash: str
    payload: dict[str, Any]
    payload_hash: str
    embedded_at: datetime | None
    passages: int
    has_same_text: bool
    has_same_payload: bool


class DocumentPage(NamedTuple):
    """Some documents of one kind, which one batch covers."""

    integration_id: int
    kind: str
    row_ids: list[int]


@dataclass(frozen=True)
class Difference:
    """An integration and kind whose counts do not agree; ``str()`` gives the sentence about it."""

    integration_id: int
    kind: str
    documents: int
    embeddings: int
    passages: int
    points: int

    def __str__(self) -> str:
        return (
            f"Integration {self.integration_id}, {self.kind}: {self.documents} documents, "
            f"{self.embeddings} recorded as embedded, {self.points} points in Qdrant for {self.passages} passages."
        )


def model_and_preparation(embedder: Embedder) -> dict[str, str]:
    """The model and preparation of the embeddings that are up to date: values for a statement."""
    return {"model": embedder.name, "preparation": preparation(embedder.passage_size)}


def documents(
    *,
    tenant_id: int,
    integration_id: int,
    kind: str,
    row_ids: list[int],
    embedder: Embedder,
    with_all_texts: bool = False,
) -> Iterator[EmbeddableText]:
    """The rows that have a text, compared with what is stored for it. Few texts are in memory at a time.

    The text of a document that is embedded comes only ``with_all_texts``.
    """
    found = pages(
        _DOCUMENTS,
        MAX_TEXTS_IN_MEMORY,
        tenant=tenant_id,
        integration=integration_id,
        kind=kind,
        row_ids=row_ids,
        with_all_texts=with_all_texts,
        **model_and_preparation(embedder),
    )
    for page in found:
        for row in page:
            yield EmbeddableText._make((*row[:4], msgspec.json.decode(row[4]), *row[5:]))


def orphaned(*, tenant_id: int, integration_id: int, kind: str, row_ids: list[int]) -> list[int]:
    """The ids of the ``Embedding`` rows among these rows that have no text any more."""
    found = rows(_ORPHANED, tenant=tenant_id, integration=integration_id, kind=kind, row_ids=row_ids)
    return [embedding_id for (embedding_id,) in found]


def pending(tenant_id: int, *, size: int = 500) -> Iterator[DocumentPage]:
    """All documents whose points are missing, out of date or of another model, in pages of up to ``size`` row ids."""
    for page in pages(_PENDING, size, tenant=tenant_id, **model_and_preparation(current_embedder())):
        for (integration_id, kind), group in groupby(page, key=itemgetter(0, 1)):
            yield DocumentPage(integration_id, kind, [row_id for *_, row_id in group])


def orphans(tenant_id: int, *, size: int = 500) -> Iterator[list[int]]:
    """Ids of ``Embedding`` rows whose document is deleted or blank, or whose model is not in use, in pages."""
    for page in pages(_ORPHANS, size, tenant=tenant_id, model=current_embedder().name):
        yield [embedding_id for (embedding_id,) in page]


def verify(tenant_id: int) -> list[Difference]:
    """Every integration and kind where a document is not embedded, or Qdrant has not the points that are recorded."""
    embedder = current_embedder()
    documents = {(place, kind): number for place, kind, number in rows(_DOCUMENT_COUNTS, tenant=tenant_id)}
    recorded = {
        (place, kind): (embeddings, int(passages))
        for place, kind, embeddings, passages in rows(
            _EMBEDDING_COUNTS, tenant=tenant_id, **model_and_preparation(embedder)
        )
    }
    points = Store(embedder.name).counts(tenant_id)
    compared = [
        Difference(*place, documents.get(place, 0), *recorded.get(place, (0, 0)), points.get(place, 0))
        for place in sorted({*documents, *recorded, *points})
    ]
    return [one for one in compared if one.documents != one.embeddings or one.passages != one.points]
