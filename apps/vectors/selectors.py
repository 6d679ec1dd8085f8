"""What is embedded, and do the numbers of documents, ``Embedding`` rows and points agree?"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from apps.core.sql import pages, rows
from apps.vectors.embedders import MAX_CHARS, current_embedder
from apps.vectors.store import Store

# A text of white space only (the characters of Python's str.isspace) has no meaning to embed.
HAS_TEXT = r"text ~ '[^\s\u001c-\u001f\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]'"
PAYLOAD_HASH = "md5(d.payload::text)"

# Freshly loaded tables have no statistics. Without them the planner reads a whole table again for each row. LATERAL
# with OFFSET 0 forces one index look-up per row.
_WITH_EMBEDDING = """
LEFT JOIN LATERAL (
    SELECT * FROM vectors_embedding AS e
    WHERE e.integration_id = d.integration_id AND e.kind = d.kind AND e.external_id = d.external_id
        AND e.model = %(model)s OFFSET 0
) AS e ON true
"""

_DOCUMENTS = f"""
SELECT d.row_id, d.external_id, left(d.text, {MAX_CHARS}), d.text_hash, d.payload::text, {PAYLOAD_HASH},
    e.embedded_at, coalesce(e.text_hash = d.text_hash, false),
    coalesce(e.payload_hash = {PAYLOAD_HASH} AND e.row_id = d.row_id, false)
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
    e.id IS NULL OR e.row_id <> d.row_id OR e.text_hash <> d.text_hash OR e.payload_hash <> {PAYLOAD_HASH}
)
ORDER BY d.integration_id, d.kind, d.row_id
"""

NO_DOCUMENT = f"""NOT EXISTS (
    SELECT FROM warehouse_document AS d
    WHERE d.integration_id = e.integration_id AND d.kind = e.kind AND d.external_id = e.external_id AND d.{HAS_TEXT}
)"""

_ORPHANS = f"""
SELECT e.id FROM vectors_embedding AS e
WHERE e.tenant_id = %(tenant)s AND (e.model <> %(model)s OR {NO_DOCUMENT})
ORDER BY e.id
"""

_DOCUMENT_COUNTS = f"""
SELECT integration_id, kind, count(*) FROM warehouse_document
WHERE tenant_id = %(tenant)s AND {HAS_TEXT} GROUP BY integration_id, kind
"""

_EMBEDDING_COUNTS = """
SELECT integration_id, kind, count(*) FROM vectors_embedding
WHERE tenant_id = %(tenant)s AND model = %(model)s GROUP BY integration_id, kind
"""


class EmbeddableText(NamedTuple):
    """The text of a document (its first ``MAX_CHARS``), compared with what is stored for it.

    ``embedded_at`` is the time when its point was last written, ``None`` for a document without a point.
    """

    row_id: int
    external_id: str
    text: str
    text_hash: str
    payload: dict[str, Any]
    payload_hash: str
    embedded_at: datetime | None
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
    points: int

    def __str__(self) -> str:
        return (
            f"Integration {self.integration_id}, {self.kind}: {self.documents} documents, "
            f"{self.embeddings} recorded as embedded, {self.points} points in Qdrant."
        )


def documents(
    *, tenant_id: int, integration_id: int, kind: str, row_ids: list[int], model: str
) -> list[EmbeddableText]:
    """The rows that have a text, compared with what is stored for ``model``."""
    found = rows(_DOCUMENTS, tenant=tenant_id, integration=integration_id, kind=kind, row_ids=row_ids, model=model)
    return [EmbeddableText._make((*row[:4], msgspec.json.decode(row[4]), *row[5:])) for row in found]


def pending(tenant_id: int, *, size: int = 500) -> Iterator[DocumentPage]:
    """All documents whose point is missing, out of date or of another model, in pages of up to ``size`` row ids."""
    for page in pages(_PENDING, size, tenant=tenant_id, model=current_embedder().name):
        for (integration_id, kind), group in groupby(page, key=itemgetter(0, 1)):
            yield DocumentPage(integration_id, kind, [row_id for *_, row_id in group])


def orphans(tenant_id: int, *, size: int = 500) -> Iterator[list[int]]:
    """Ids of ``Embedding`` rows whose document is deleted or blank, or whose model is not in use, in pages."""
    for page in pages(_ORPHANS, size, tenant=tenant_id, model=current_embedder().name):
        yield [embedding_id for (embedding_id,) in page]


def verify(tenant_id: int) -> list[Difference]:
    """Every integration and kind where the numbers of documents, ``Embedding`` rows and points differ."""
    model = current_embedder().name
    documents = _counts(_DOCUMENT_COUNTS, tenant=tenant_id)
    embeddings = _counts(_EMBEDDING_COUNTS, tenant=tenant_id, model=model)
    points = Store(model).counts(tenant_id)
    compared = [
        Difference(*place, documents.get(place, 0), embeddings.get(place, 0), points.get(place, 0))
        for place in sorted({*documents, *embeddings, *points})
    ]
    return [one for one in compared if not one.documents == one.embeddings == one.points]


def _counts(statement: str, **values: Any) -> dict[tuple[int, str], int]:
    return {(integration, kind): count for integration, kind, count in rows(statement, **values)}
