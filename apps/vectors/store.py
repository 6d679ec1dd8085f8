"""How are vectors kept in Qdrant? One collection per embedding model; the tenant is part of every filter.

A point is a passage of a document. Every answer is about documents: the best passage of each.
"""

import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from http import HTTPStatus
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID, uuid5

from django.conf import settings
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from apps.core.memory import free_cycles
from apps.sources.text import in_pieces
from apps.vectors.embedders import Embedder, Vectors

MAX_CALL_SECONDS = 60
MAX_POINTS_PER_CALL = 1000  # in a call without vectors
MAX_NUMBERS_PER_CALL = 50_000  # about 1 MB of JSON; the client needs several times as much memory for it
PASSAGES_PER_HIT = 4  # that a search asks for at first; it asks for more if they belong to too few documents
_POINTS = UUID("5a1a5a3c-5d2e-5c8f-9d3a-0a6f3f1e7b52")

# The fields that a search can filter by. The first three are ours, the others come from the document's payload.
_INDEXES: dict[str, Any] = {
    "tenant": models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
    "integration": models.PayloadSchemaType.KEYWORD,
    "kind": models.PayloadSchemaType.KEYWORD,
    "scope": models.PayloadSchemaType.KEYWORD,
    "key": models.PayloadSchemaType.KEYWORD,
    "status": models.PayloadSchemaType.KEYWORD,
    "author": models.PayloadSchemaType.KEYWORD,
    "assignees": models.PayloadSchemaType.KEYWORD,
    "created_at": models.PayloadSchemaType.DATETIME,
    "updated_at": models.PayloadSchemaType.DATETIME,
}


class StoreError(Exception):
    """Qdrant did not do what it should; the message says what a person can do."""


class Address(NamedTuple):
    """The tenant and identity of a document."""

    tenant: int
    integration: int
    kind: str
    external_id: str

    @property
    def point_id(self) -> str:
        """The id of the point of its first passage: always the same for the same document."""
        return str(uuid5(_POINTS, f"{self.tenant}/{self.integration}/{self.kind}/{self.external_id}"))

    def passages(self, numbers: Iterable[int]) -> list["Passage"]:
        """Some passages of the document; the first has the number 0."""
        return [Passage(self, number) for number in numbers]


class Passage(NamedTuple):
    """A passage of a document: one point of the collection."""

    document: Address
    number: int

    @property
    def point_id(self) -> str:
        """The id of the point: always the same for the same document and number."""
        first = self.document.point_id
        return str(uuid5(UUID(first), str(self.number))) if self.number else first

    def payload(self, document: dict[str, Any]) -> dict[str, Any]:
        """The payload of the point: the document's own fields and the address (keywords are texts, so integers too)."""
        return {
            **document,
            "tenant": str(self.document.tenant),
            "integration": str(self.document.integration),
            "kind": self.document.kind,
            "external_id": self.document.external_id,
            "passage": self.number,
        }

    @classmethod
    def of(cls, tenant: int, payload: dict[str, Any]) -> "Passage":
        """The passage of a point with this payload."""
        document = Address(tenant, int(payload["integration"]), payload["kind"], payload["external_id"])
        return cls(document, payload.get("passage", 0))  # older points are of whole texts and have no number


Point: TypeAlias = tuple[Passage, dict[str, Any]]  # with the document's own fields


@contextmanager
def _sentences() -> Iterator[None]:
    """All errors of the client become a :class:`StoreError`."""
    try:
        yield
    except UnexpectedResponse as error:
        if error.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise StoreError("Qdrant refuses the API key. Check QDRANT_API_KEY.") from error
        reason = error.content.decode(errors="replace")[:300]
        raise StoreError(f"Qdrant answered {error.status_code}: {reason}") from error
    except (ApiException, QdrantException, OSError, ValueError) as error:
        raise StoreError(
            f"Qdrant cannot be reached ({str(error)[:200] or type(error).__name__}). Check QDRANT_URL and that it runs."
        ) from error


@lru_cache(maxsize=1)
def _client(url: str, api_key: str) -> QdrantClient:
    # Services on one machine may send the key without TLS. The version check is off, so that no start waits for Qdrant.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Api key is used with an insecure connection")
        return QdrantClient(url=url, api_key=api_key or None, timeout=MAX_CALL_SECONDS, check_compatibility=False)


def _equals(key: str, value: str) -> models.FieldCondition:
    return models.FieldCondition(key=key, match=models.MatchValue(value=value))


def belonging_to(tenant: int, integration: int | None = None, kind: str | None = None) -> models.Filter:
    """The filter for the points of a tenant, or only of one integration or kind."""
    values = {"tenant": str(tenant), "integration": integration and str(integration), "kind": kind}
    return models.Filter(must=[_equals(key, value) for key, value in values.items() if value])


class Store:
    """The collection of one model. All methods raise :class:`StoreError`."""

    def __init__(self, model: str) -> None:
        self.collection = "documents_" + re.sub(r"[^a-z0-9]+", "_", model.lower()).strip("_")
        with _sentences():
            self._client = _client(settings.QDRANT_URL, settings.QDRANT_API_KEY)

    @classmethod
    def ready_for(cls, embedder: Embedder) -> "Store":
        """The store for the embedder's vectors; a missing collection or index is created."""
        store = cls(embedder.name)
        if not store.has_collection():
            store._create(embedder.dimension)
        store._index()
        return store

    def has_collection(self) -> bool:
        """Whether anything was ever stored for this model."""
        with _sentences():
            return self._client.collection_exists(self.collection)

    def _create(self, dimension: int) -> None:
        """Create the collection. If several workers do so at once, all but the first find that it exists."""
        vectors = models.VectorParams(size=dimension, distance=models.Distance.COSINE)
        with _sentences():
            try:
                self._client.create_collection(self.collection, vectors_config=vectors)
            except UnexpectedResponse as error:
                if error.status_code != HTTPStatus.CONFLICT and not self.has_collection():
                    raise

    def _index(self) -> None:
        """Create missing indexes. Qdrant may have stopped right after the collection was created."""
        with _sentences():
            existing = self._client.get_collection(self.collection).payload_schema
            for field in _INDEXES.keys() - existing.keys():
                self._client.create_payload_index(self.collection, field, field_schema=_INDEXES[field])

    def upsert(self, points: Sequence[Point], vectors: Vectors) -> None:
        """Write the points with payloads and vectors; returns when they are stored."""
        size = max(1, MAX_NUMBERS_PER_CALL // vectors.shape[1])
        for start in range(0, len(points), size):
            page = points[start : start + size]
            batch = models.Batch(
                ids=[passage.point_id for passage, _ in page],
                vectors=vectors[start : start + size].tolist(),
                payloads=[passage.payload(document) for passage, document in page],
            )
            with _sentences():
                self._client.upsert(self.collection, batch, wait=True)
            free_cycles()  # the client's request, with its whole body, is one

    def overwrite_payloads(self, points: Sequence[Point]) -> None:
        """Replace the payloads of points that keep their vectors."""
        for page in in_pieces(points, MAX_POINTS_PER_CALL):
            operations = [
                models.OverwritePayloadOperation(
                    overwrite_payload=models.SetPayload(payload=passage.payload(document), points=[passage.point_id])
                )
                for passage, document in page
            ]
            with _sentences():
                self._client.batch_update_points(self.collection, operations, wait=True)

    def delete(self, passages: Sequence[Passage]) -> None:
        """Remove points; a point that does not exist counts as removed."""
        for page in in_pieces(passages, MAX_POINTS_PER_CALL):
            selector = models.PointIdsList(points=[passage.point_id for passage in page])
            with _sentences():
                self._client.delete(self.collection, selector, wait=True)

    def count(self, tenant: int, integration: int | None = None, kind: str | None = None) -> int:
        """The exact number of points."""
        if not self.has_collection():
            return 0
        with _sentences():
            counted = self._client.count(self.collection, belonging_to(tenant, integration, kind), exact=True)
        return counted.count

    def counts(self, tenant: int) -> dict[tuple[int, str], int]:
        """The exact number of points of each (integration, kind) of the tenant."""
        if not self.has_collection():
            return {}
        self._index()
        found: dict[tuple[int, str], int] = {}
        for integration in self._facet("integration", belonging_to(tenant)):
            for kind, points in self._facet("kind", belonging_to(tenant, int(integration))).items():
                found[int(integration), kind] = points
        return found

    def _facet(self, key: str, condition: models.Filter) -> dict[str, int]:
        with _sentences():
            answer = self._client.facet(self.collection, key, facet_filter=condition, limit=10_000, exact=True)
        return {str(hit.value): hit.count for hit in answer.hits}

    def present(self, passages: Sequence[Passage]) -> set[Passage]:
        """The passages among these that have a point."""
        found: set[Passage] = set()
        if not self.has_collection():
            return found
        for page in in_pieces(passages, MAX_POINTS_PER_CALL):
            by_id = {passage.point_id: passage for passage in page}
            with _sentences():
                records = self._client.retrieve(self.collection, list(by_id), with_payload=False, with_vectors=False)
            found |= {by_id[str(record.id)] for record in records}
        return found

    def passages(self, tenant: int, integration: int, kind: str) -> Iterator[list[Passage]]:
        """The passages that have a point, page by page."""
        if not self.has_collection():
            return
        offset: Any = None
        while True:
            with _sentences():
                records, offset = self._client.scroll(
                    self.collection,
                    scroll_filter=belonging_to(tenant, integration, kind),
                    limit=MAX_POINTS_PER_CALL,
                    offset=offset,
                    with_payload=["integration", "kind", "external_id", "passage"],
                )
            yield [Passage.of(tenant, record.payload or {}) for record in records]
            if offset is None:
                return

    def nearest(
        self, query: list[float] | str, condition: models.Filter, limit: int
    ) -> list[tuple[float, dict[str, Any]]]:
        """The documents nearest to a vector or to a point (its id): score (cosine) and payload of their best passage.

        Best first. Of ``limit`` documents fewer are given only if no other document fits the condition.
        """
        wanted = limit * PASSAGES_PER_HIT
        while True:
            with _sentences():
                answer = self._client.query_points(
                    self.collection, query=query, query_filter=condition, limit=wanted, with_payload=True
                )
            best: dict[tuple[str, ...], tuple[float, dict[str, Any]]] = {}
            for point in answer.points:
                payload = point.payload or {}
                document = (payload["integration"], payload["kind"], payload["external_id"])
                best.setdefault(document, (point.score, payload))
            if len(best) >= limit or len(answer.points) < wanted:
                return list(best.values())[:limit]
            wanted *= PASSAGES_PER_HIT
