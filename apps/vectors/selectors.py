"""What is embedded, what is not, and do the three places agree: documents, ``Embedding`` rows, points?"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from apps.integrations.models import Integration
from apps.vectors.embedders import MAX_CHARS, current_embedder
from apps.vectors.sql import rows
from apps.vectors.store import Store
from apps.warehouse.loader import EMBEDDABLE

# A text of nothing but white space (the characters of Python's str.isspace) has no meaning to embed.
HAS_TEXT = r"text ~ '[^\s\u001c-\u001f\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]'"
SAME_DOCUMENT = "e.integration_id = d.integration_id AND e.kind = d.kind AND e.external_id = d.external_id"
PAYLOAD_HASH = "md5(d.payload::text)"

_DOCUMENTS = f"""
SELECT d.row_id, d.external_id, left(d.text, {MAX_CHARS}), d.text_hash, d.payload::text, {PAYLOAD_HASH},
    e.embedded_at, coalesce(e.text_hash = d.text_hash, false),
    coalesce(e.payload_hash = {PAYLOAD_HASH} AND e.row_id = d.row_id, false)
FROM warehouse_document AS d
LEFT JOIN vectors_embedding AS e ON {SAME_DOCUMENT} AND e.model = %(model)s
WHERE d.kind = %(kind)s AND d.row_id = ANY (%(row_ids)s) AND d.tenant_id = %(tenant)s
    AND d.integration_id = %(integration)s AND d.{HAS_TEXT}
ORDER BY d.row_id
"""

_PENDING = f"""
SELECT d.row_id
FROM warehouse_document AS d
LEFT JOIN vectors_embedding AS e ON {SAME_DOCUMENT} AND e.model = %(model)s
WHERE d.kind = %(kind)s AND d.tenant_id = %(tenant)s AND d.integration_id = %(integration)s
    AND d.row_id > %(after)s AND d.{HAS_TEXT}
    AND (
        e.id IS NULL OR e.row_id <> d.row_id OR e.text_hash <> d.text_hash OR e.payload_hash <> {PAYLOAD_HASH}
    )
ORDER BY d.row_id LIMIT %(size)s
"""

NO_DOCUMENT = f"NOT EXISTS (SELECT FROM warehouse_document AS d WHERE {SAME_DOCUMENT} AND d.{HAS_TEXT})"

_ORPHANS = f"""
SELECT e.id FROM vectors_embedding AS e
WHERE e.tenant_id = %(tenant)s AND e.id > %(after)s AND (e.model <> %(model)s OR {NO_DOCUMENT})
ORDER BY e.id LIMIT %(size)s
"""

_DOCUMENT_COUNTS = f"""
SELECT integration_id, kind, count(*) FROM warehouse_document
WHERE tenant_id = %(tenant)s AND {HAS_TEXT} GROUP BY integration_id, kind
"""

_EMBEDDING_COUNTS = """
SELECT integration_id, kind, count(*) FROM vectors_embedding
WHERE tenant_id = %(tenant)s AND model = %(model)s GROUP BY integration_id, kind
"""


class Document(NamedTuple):
    """A text to embed (its first ``MAX_CHARS``), and how it compares with what is stored.

    ``embedded_at`` is when its point was last written, ``None`` for a document without one.
    """

    row_id: int
    external_id: str
    text: str
    text_hash: str
    payload: dict[str, Any]
    payload_hash: str
    embedded_at: datetime | None
    same_text: bool
    same_payload: bool


class Page(NamedTuple):
    """Some documents of one kind: what one batch of the ledger covers."""

    integration_id: int
    kind: str
    row_ids: list[int]


@dataclass(frozen=True)
class Difference:
    """An integration and kind whose counts do not agree; ``str()`` is the sentence about it."""

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
) -> list[Document]:
    """Those of the rows that have a text, compared with what is stored for ``model``."""
    found = rows(
        _DOCUMENTS, tenant=tenant_id, integration=integration_id, kind=kind, row_ids=row_ids, model=model
    )
    return [Document._make((*row[:4], msgspec.json.decode(row[4]), *row[5:])) for row in found]


def pending(tenant_id: int, *, size: int = 500) -> Iterator[Page]:
    """All documents whose point is missing, older, or of another model, in pages of up to ``size`` row ids.

    Each page is a query of its own: no transaction stays open.
    """
    model = current_embedder().name
    integrations = Integration.objects.for_tenant(tenant_id).order_by("pk").values_list("pk", flat=True)
    for integration in list(integrations):
        for kind in sorted(EMBEDDABLE):
            after = 0
            while found := rows(
                _PENDING,
                tenant=tenant_id,
                integration=integration,
                kind=kind,
                model=model,
                after=after,
                size=size,
            ):
                after = found[-1][0]
                yield Page(integration, kind, [row_id for (row_id,) in found])


def orphans(tenant_id: int, *, size: int = 500) -> Iterator[list[int]]:
    """Ids of ``Embedding`` rows whose document is gone or blank or whose model is not in use, in pages."""
    model = current_embedder().name
    after = 0
    while found := rows(_ORPHANS, tenant=tenant_id, model=model, after=after, size=size):
        after = found[-1][0]
        yield [embedding_id for (embedding_id,) in found]


def verify(tenant_id: int) -> list[Difference]:
    """Every integration and kind where documents, ``Embedding`` rows and points are not equally many."""
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
