"""How are vectors kept in Qdrant? One collection per embedding model; the tenant is part of every filter."""

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from http import HTTPStatus
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from django.conf import settings
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from apps.sources.text import in_pieces
from apps.vectors.embedders import Embedder, Vectors

MAX_CALL_SECONDS = 60
MAX_POINTS_PER_CALL = 1000  # in a call without vectors
MAX_NUMBERS_PER_CALL = 400_000  # about 8 MB of JSON, a quarter of what Qdrant accepts
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
    """The tenant and identity of a document. The id of its point is computed from this."""

    tenant: int
    integration: int
    kind: str
    external_id: str

    @property
    def point_id(self) -> str:
        """The id of the point: always the same for the same document."""
        return str(uuid5(_POINTS, f"{self.tenant}/{self.integration}/{self.kind}/{self.external_id}"))

    def payload(self, document: dict[str, Any]) -> dict[str, Any]:
        """A point's payload: the document's own fields and its address (integers as text: keywords are texts)."""
        return {
            **document,
            "tenant": str(self.tenant),
            "integration": str(self.integration),
            "kind": self.kind,
            "external_id": self.external_id,
        }


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

    def upsert(self, addresses: Sequence[Address], vectors: Vectors, documents: Sequence[dict[str, Any]]) -> None:
        """Write the points with vectors and payloads; returns when they are stored."""
        size = max(1, MAX_NUMBERS_PER_CALL // vectors.shape[1])
        for start in range(0, len(addresses), size):
            page = slice(start, start + size)
            batch = models.Batch(
                ids=[address.point_id for address in addresses[page]],
                vectors=vectors[page].tolist(),
                payloads=[
                    address.payload(document)
                    for address, document in zip(addresses[page], documents[page], strict=True)
                ],
            )
            with _sentences():
                self._client.upsert(self.collection, batch, wait=True)

    def overwrite_payloads(self, addresses: Sequence[Address], documents: Sequence[dict[str, Any]]) -> None:
        """Replace the payloads of points that keep their vectors."""
        operations = [
            models.OverwritePayloadOperation(
                overwrite_payload=models.SetPayload(payload=address.payload(document), points=[address.point_id])
            )
            for address, document in zip(addresses, documents, strict=True)
        ]
        for page in in_pieces(operations, MAX_POINTS_PER_CALL):
            with _sentences():
                self._client.batch_update_points(self.collection, page, wait=True)

    def delete(self, point_ids: Sequence[str]) -> None:
        """Remove points; a point that does not exist counts as removed."""
        for page in in_pieces(point_ids, MAX_POINTS_PER_CALL):
            selector = models.PointIdsList(points=list(page))
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

    def present(self, point_ids: Sequence[str]) -> set[str]:
        """The points among these that are stored."""
        if not self.has_collection():
            return set()
        with _sentences():
            records = self._client.retrieve(self.collection, point_ids, with_payload=False, with_vectors=False)
        return {str(record.id) for record in records}

    def addresses(self, tenant: int, integration: int, kind: str) -> Iterator[list[Address]]:
        """The documents that have a point, page by page."""
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
                    with_payload=["external_id"],
                )
            external_ids = [str((record.payload or {}).get("external_id", "")) for record in records]
            yield [Address(tenant, integration, kind, external_id) for external_id in external_ids]
            if offset is None:
                return

    def nearest(
        self, query: list[float] | str, condition: models.Filter, limit: int
    ) -> list[tuple[float, dict[str, Any]]]:
        """Score (cosine) and payload of the points nearest to a vector or to a point (its id), best first."""
        with _sentences():
            answer = self._client.query_points(
                self.collection, query=query, query_filter=condition, limit=limit, with_payload=True
            )
        return [(point.score, point.payload or {}) for point in answer.points]
