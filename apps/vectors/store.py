"""How are vectors kept in Qdrant? One collection per embedding model; the tenant is part of every filter."""

import re
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from apps.sources.text import in_pieces
from apps.vectors.embedders import Embedder, Vectors
from apps.vectors.qdrant import Json, StoreError, all_of, equals, qdrant

MAX_POINTS_PER_CALL = 1000  # in a call without vectors
MAX_NUMBERS_PER_CALL = 400_000  # about 8 MB of JSON, a quarter of what Qdrant accepts
_POINTS = UUID("5a1a5a3c-5d2e-5c8f-9d3a-0a6f3f1e7b52")

# The fields that a search can filter by. The first three are ours, the others come from the document's payload.
_INDEXES: dict[str, str | Json] = {
    "tenant": {"type": "keyword", "is_tenant": True},
    "integration": "keyword",
    "kind": "keyword",
    "scope": "keyword",
    "key": "keyword",
    "status": "keyword",
    "author": "keyword",
    "assignees": "keyword",
    "created_at": "datetime",
    "updated_at": "datetime",
}


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


def belonging_to(tenant: int, integration: int | None = None, kind: str | None = None) -> Json:
    """The filter for the points of a tenant, or only of one integration or kind."""
    values = {"tenant": str(tenant), "integration": integration and str(integration), "kind": kind}
    return all_of([equals(key, value) for key, value in values.items() if value])


class Store:
    """The collection of one model. All methods raise :class:`~apps.vectors.qdrant.StoreError`."""

    def __init__(self, model: str) -> None:
        self.collection = "documents_" + re.sub(r"[^a-z0-9]+", "_", model.lower()).strip("_")
        self._qdrant = qdrant()

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
        return bool(self._call("GET", "/exists")["exists"])

    def _call(self, method: str, path: str, body: Json | None = None) -> Any:
        return self._qdrant.call(method, f"collections/{self.collection}{path}", body)

    def _create(self, dimension: int) -> None:
        """Create the collection. If several workers do so at once, all but the first find that it exists."""
        try:
            self._call("PUT", "", {"vectors": {"size": dimension, "distance": "Cosine"}})
        except StoreError as error:
            if error.status != HTTPStatus.CONFLICT and not self.has_collection():
                raise

    def _index(self) -> None:
        """Create missing indexes. Qdrant may have stopped right after the collection was created."""
        existing = self._call("GET", "")["payload_schema"]
        for field in _INDEXES.keys() - existing.keys():
            self._call("PUT", "/index", {"field_name": field, "field_schema": _INDEXES[field]})

    def upsert(self, addresses: Sequence[Address], vectors: Vectors, documents: Sequence[dict[str, Any]]) -> None:
        """Write the points with vectors and payloads; returns when they are stored."""
        size = max(1, MAX_NUMBERS_PER_CALL // vectors.shape[1])
        for start in range(0, len(addresses), size):
            page = slice(start, start + size)
            batch = {
                "ids": [address.point_id for address in addresses[page]],
                "vectors": vectors[page].tolist(),
                "payloads": [
                    address.payload(document)
                    for address, document in zip(addresses[page], documents[page], strict=True)
                ],
            }
            self._call("PUT", "/points", {"batch": batch})

    def overwrite_payloads(self, addresses: Sequence[Address], documents: Sequence[dict[str, Any]]) -> None:
        """Replace the payloads of points that keep their vectors."""
        operations = [
            {"overwrite_payload": {"payload": address.payload(document), "points": [address.point_id]}}
            for address, document in zip(addresses, documents, strict=True)
        ]
        for page in in_pieces(operations, MAX_POINTS_PER_CALL):
            self._call("POST", "/points/batch", {"operations": page})

    def delete(self, point_ids: Sequence[str]) -> None:
        """Remove points; a point that does not exist counts as removed."""
        for page in in_pieces(point_ids, MAX_POINTS_PER_CALL):
            self._call("POST", "/points/delete", {"points": page})

    def count(self, tenant: int, integration: int | None = None, kind: str | None = None) -> int:
        """The exact number of points."""
        if not self.has_collection():
            return 0
        condition = belonging_to(tenant, integration, kind)
        return int(self._call("POST", "/points/count", {"filter": condition, "exact": True})["count"])

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

    def _facet(self, key: str, condition: Json) -> dict[str, int]:
        body = {"key": key, "filter": condition, "limit": 10_000, "exact": True}
        return {str(hit["value"]): hit["count"] for hit in self._call("POST", "/facet", body)["hits"]}

    def present(self, point_ids: Sequence[str]) -> set[str]:
        """The points among these that are stored."""
        if not self.has_collection():
            return set()
        body = {"ids": point_ids, "with_payload": False, "with_vector": False}
        return {str(point["id"]) for point in self._call("POST", "/points", body)}

    def addresses(self, tenant: int, integration: int, kind: str) -> Iterator[list[Address]]:
        """The documents that have a point, page by page."""
        if not self.has_collection():
            return
        body: Json = {
            "filter": belonging_to(tenant, integration, kind),
            "limit": MAX_POINTS_PER_CALL,
            "with_payload": ["external_id"],
        }
        while True:
            page = self._call("POST", "/points/scroll", body)
            external_ids = [str((point.get("payload") or {}).get("external_id", "")) for point in page["points"]]
            yield [Address(tenant, integration, kind, external_id) for external_id in external_ids]
            if page["next_page_offset"] is None:
                return
            body["offset"] = page["next_page_offset"]

    def nearest(self, query: list[float] | str, condition: Json, limit: int) -> list[tuple[float, dict[str, Any]]]:
        """Score (cosine) and payload of the points nearest to a vector or to a point (its id), best first."""
        body = {"query": query, "filter": condition, "limit": limit, "with_payload": True}
        found = self._call("POST", "/points/query", body)["points"]
        return [(point["score"], point.get("payload") or {}) for point in found]
