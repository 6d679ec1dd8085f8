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

TIMEOUT = 60  # seconds, for one call
PAGE = 1000  # points per call that carries no vectors
FLOATS = 400_000  # numbers per call: about 8 MB of JSON, a quarter of what Qdrant takes
_POINTS = UUID("5a1a5a3c-5d2e-5c8f-9d3a-0a6f3f1e7b52")

# What a search can filter by. The first three are ours, the rest comes from the document's payload.
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
    """Qdrant does not do what was asked, told in a sentence that a person can act on."""


class Address(NamedTuple):
    """Which document of which tenant: what a point's id is made from."""

    tenant: int
    integration: int
    kind: str
    external_id: str

    @property
    def point_id(self) -> str:
        """The same for the same document, always and everywhere."""
        return str(uuid5(_POINTS, f"{self.tenant}/{self.integration}/{self.kind}/{self.external_id}"))

    def payload(self, document: dict[str, Any]) -> dict[str, Any]:
        """A point's payload: the document's own, and where it belongs (integers as text: keywords)."""
        return {
            **document,
            "tenant": str(self.tenant),
            "integration": str(self.integration),
            "kind": self.kind,
            "external_id": self.external_id,
        }


@contextmanager
def _sentences() -> Iterator[None]:
    """Whatever the client raises becomes a :class:`StoreError`."""
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
    # Between the services of one machine a key may travel without TLS, and that no start waits for Qdrant's
    # version is meant as well.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Api key is used with an insecure connection")
        return QdrantClient(url=url, api_key=api_key or None, timeout=TIMEOUT, check_compatibility=False)


def _equals(key: str, value: str) -> models.FieldCondition:
    return models.FieldCondition(key=key, match=models.MatchValue(value=value))


def belonging_to(tenant: int, integration: int | None = None, kind: str | None = None) -> models.Filter:
    """The filter for the points of a tenant, or of one integration or kind of it."""
    wanted = {"tenant": str(tenant), "integration": integration and str(integration), "kind": kind}
    return models.Filter(must=[_equals(key, value) for key, value in wanted.items() if value])


class Store:
    """The collection of one model. All methods raise :class:`StoreError`."""

    def __init__(self, model: str) -> None:
        self.collection = "documents_" + re.sub(r"[^a-z0-9]+", "_", model.lower()).strip("_")
        with _sentences():
            self._client = _client(settings.QDRANT_URL, settings.QDRANT_API_KEY)

    @classmethod
    def ready_for(cls, embedder: Embedder) -> "Store":
        """The store for the embedder's vectors; its collection and indexes are made where missing."""
        store = cls(embedder.name)
        if not store.exists():
            store._create(embedder.dimension)
        store._index()
        return store

    def exists(self) -> bool:
        """Whether anything was ever stored for this model."""
        with _sentences():
            return self._client.collection_exists(self.collection)

    def _create(self, dimension: int) -> None:
        """Safe to be done by several workers at once: who comes second finds it there."""
        vectors = models.VectorParams(size=dimension, distance=models.Distance.COSINE)
        with _sentences():
            try:
                self._client.create_collection(self.collection, vectors_config=vectors)
            except UnexpectedResponse as error:
                if error.status_code != HTTPStatus.CONFLICT and not self.exists():
                    raise

    def _index(self) -> None:
        """Make the indexes that a collection lacks: Qdrant may have gone away right after the collection was made."""
        with _sentences():
            there = self._client.get_collection(self.collection).payload_schema
            for field in _INDEXES.keys() - there.keys():
                self._client.create_payload_index(self.collection, field, field_schema=_INDEXES[field])

    def upsert(self, addresses: Sequence[Address], vectors: Vectors, documents: Sequence[dict[str, Any]]) -> None:
        """Put the points in place, vector and payload; returns when they are stored."""
        size = max(1, FLOATS // vectors.shape[1])
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
        for page in in_pieces(operations, PAGE):
            with _sentences():
                self._client.batch_update_points(self.collection, page, wait=True)

    def delete(self, point_ids: Sequence[str]) -> None:
        """Remove points; those that are not there count as removed."""
        for page in in_pieces(point_ids, PAGE):
            selector = models.PointIdsList(points=list(page))
            with _sentences():
                self._client.delete(self.collection, selector, wait=True)

    def count(self, tenant: int, integration: int | None = None, kind: str | None = None) -> int:
        """How many points there are, exactly."""
        if not self.exists():
            return 0
        with _sentences():
            counted = self._client.count(self.collection, belonging_to(tenant, integration, kind), exact=True)
        return counted.count

    def counts(self, tenant: int) -> dict[tuple[int, str], int]:
        """How many points each (integration, kind) of the tenant has, exactly."""
        if not self.exists():
            return {}
        self._index()
        found: dict[tuple[int, str], int] = {}
        for integration in self._facet("integration", belonging_to(tenant)):
            for kind, points in self._facet("kind", belonging_to(tenant, int(integration))).items():
                found[int(integration), kind] = points
        return found

    def _facet(self, key: str, wanted: models.Filter) -> dict[str, int]:
        with _sentences():
            answer = self._client.facet(self.collection, key, facet_filter=wanted, limit=10_000, exact=True)
        return {str(hit.value): hit.count for hit in answer.hits}

    def present(self, point_ids: Sequence[str]) -> set[str]:
        """Which of these points are there."""
        if not self.exists():
            return set()
        with _sentences():
            records = self._client.retrieve(self.collection, point_ids, with_payload=False, with_vectors=False)
        return {str(record.id) for record in records}

    def addresses(self, tenant: int, integration: int, kind: str) -> Iterator[list[Address]]:
        """The documents that have a point, page by page."""
        if not self.exists():
            return
        offset: Any = None
        while True:
            with _sentences():
                records, offset = self._client.scroll(
                    self.collection,
                    scroll_filter=belonging_to(tenant, integration, kind),
                    limit=PAGE,
                    offset=offset,
                    with_payload=["external_id"],
                )
            external_ids = [str((record.payload or {}).get("external_id", "")) for record in records]
            yield [Address(tenant, integration, kind, external_id) for external_id in external_ids]
            if offset is None:
                return

    def nearest(
        self, query: list[float] | str, wanted: models.Filter, limit: int
    ) -> list[tuple[float, dict[str, Any]]]:
        """Score (cosine) and payload of the points nearest to a vector or to a point (its id), best first."""
        with _sentences():
            answer = self._client.query_points(
                self.collection, query=query, query_filter=wanted, limit=limit, with_payload=True
            )
        return [(point.score, point.payload or {}) for point in answer.points]
