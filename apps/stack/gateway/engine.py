"""What does each request do to the engine, and what is its result?

Not thread-safe: one thread owns an ``Engine``. Results are plain JSON values in Qdrant's shapes.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import qdrant_edge as edge

from apps.stack.gateway import schema
from apps.stack.gateway.collections import Collections
from apps.stack.gateway.errors import MissingError
from apps.stack.gateway.filters import build_filter
from apps.stack.gateway.writes import checked, index_update, updates

if TYPE_CHECKING:  # only the engine's stub has this name
    from qdrant_edge import WithPayloadType

Json = Any

# Clients require these settings in the description of a collection. They have no effect here.
_HNSW = {
    "m": 16,
    "ef_construct": 100,
    "full_scan_threshold": 10_000,
    "max_indexing_threads": 0,
    "on_disk": False,
}
_OPTIMIZER = {"deleted_threshold": 0.2, "vacuum_min_vector_number": 1000, "default_segment_number": 1}


def _plain_id(point_id: int | str | UUID) -> int | str:
    return point_id if isinstance(point_id, int) else str(point_id)


def _record(record: edge.Record | edge.ScoredPoint) -> dict[str, Json]:
    return {"id": _plain_id(record.id), "payload": record.payload, "vector": record.vector}


def _scored(point: edge.ScoredPoint) -> dict[str, Json]:
    return {**_record(point), "version": point.version, "score": point.score}


def _payload_selector(selector: schema.Selector | None) -> "WithPayloadType":
    if not isinstance(selector, dict):
        return selector or False
    if "exclude" in selector:
        return edge.PayloadSelector.Exclude(selector["exclude"])
    return edge.PayloadSelector.Include(selector.get("include", []))


def _filter(raw: dict[str, Json] | None) -> edge.Filter | None:
    return build_filter(raw) if raw else None


class Engine:
    """The operations on the collections under ``root``."""

    def __init__(self, root: Path) -> None:
        self._collections = Collections(root)
        self._operations = 0

    def close(self) -> None:
        """Write everything to the disk and close all collections."""
        self._collections.close()

    # --- collections ---

    def list_collections(self) -> Json:
        """The names of all collections."""
        return {"collections": [{"name": name} for name in self._collections.names()]}

    def exists(self, name: str) -> Json:
        """Whether the collection ``name`` exists."""
        return {"exists": self._collections.has(name)}

    def create_collection(self, name: str, request: schema.CreateCollection) -> Json:
        """Make an empty collection."""
        self._collections.create(name, request)
        return True

    def delete_collection(self, name: str) -> Json:
        """Remove a collection; False when it does not exist."""
        return self._collections.delete(name)

    def describe(self, name: str) -> Json:
        """Size, vectors and payload indexes of a collection."""
        vectors = self._collections.vectors(name)
        info = self._collections.shard(name).info()
        params = {
            "vectors": vectors,
            "shard_number": 1,
            "replication_factor": 1,
            "write_consistency_factor": 1,
        }
        schemas = {
            field: {"data_type": str(index.data_type).rpartition(".")[2].lower(), "points": index.points}
            for field, index in info.payload_schema.items()
        }
        return {
            "status": "green",
            "optimizer_status": "ok",
            "indexed_vectors_count": info.indexed_vectors_count,
            "points_count": info.points_count,
            "segments_count": info.segments_count,
            "config": {
                "params": {**params, "on_disk_payload": True},
                "hnsw_config": _HNSW,
                "optimizer_config": {**_OPTIMIZER, "flush_interval_sec": 0},
            },
            "payload_schema": schemas,
        }

    # --- writes ---

    def create_index(self, name: str, request: schema.CreateFieldIndex) -> Json:
        """Make a payload index."""
        return self._write(name, [[index_update(request)]])[0]

    def upsert(self, name: str, request: schema.Upsert) -> Json:
        """Store points; they replace those with the same ids."""
        return self._operate(name, [schema.Operation(upsert=request)])[0]

    def delete(self, name: str, request: schema.PointsSelector) -> Json:
        """Remove points."""
        return self._operate(name, [schema.Operation(delete=request)])[0]

    def set_payload(self, name: str, request: schema.SetPayload) -> Json:
        """Set payload keys."""
        return self._operate(name, [schema.Operation(set_payload=request)])[0]

    def overwrite_payload(self, name: str, request: schema.SetPayload) -> Json:
        """Replace whole payloads."""
        return self._operate(name, [schema.Operation(overwrite_payload=request)])[0]

    def delete_payload(self, name: str, request: schema.DeletePayload) -> Json:
        """Remove payload keys."""
        return self._operate(name, [schema.Operation(delete_payload=request)])[0]

    def clear_payload(self, name: str, request: schema.PointsSelector) -> Json:
        """Empty payloads."""
        return self._operate(name, [schema.Operation(clear_payload=request)])[0]

    def batch(self, name: str, request: schema.UpdateBatch) -> Json:
        """Do several writes in their order; all are checked before the first one."""
        return self._operate(name, request.operations)

    def _operate(self, name: str, operations: list[schema.Operation]) -> list[Json]:
        size = self._collections.vectors(name).size
        prepared = [updates(operation, size) for operation in operations]
        return self._write(name, prepared)

    def _write(self, name: str, operations: list[list[edge.UpdateOperation]]) -> list[Json]:
        """Do the operations in their order, then flush once, because a flush costs more than they do."""
        shard = self._collections.shard(name)
        try:
            for changes in operations:
                for change in changes:
                    shard.update(change)
        finally:
            shard.flush()
        first = self._operations + 1
        self._operations += len(operations)
        return [{"operation_id": number, "status": "completed"} for number in range(first, self._operations + 1)]

    # --- reads ---

    def retrieve(self, name: str, request: schema.Retrieve) -> Json:
        """The points with these ids, as far as they exist."""
        with_payload = True if request.with_payload is None else request.with_payload
        shard = self._collections.shard(name)
        records = shard.retrieve([*request.ids], _payload_selector(with_payload), request.with_vector or False)
        return [_record(record) for record in records]

    def query(self, name: str, request: schema.QueryPoints) -> Json:
        """The nearest points, the best first."""
        return {"points": self._search(name, request)}

    def query_batch(self, name: str, request: schema.QueryBatch) -> Json:
        """One list of nearest points for each query."""
        return [{"points": self._search(name, search)} for search in request.searches]

    def _search(self, name: str, request: schema.QueryPoints) -> list[Json]:
        wanted = request.query.nearest if isinstance(request.query, schema.Nearest) else request.query
        condition = _filter(request.filter)
        vector: schema.Vector | None
        if isinstance(wanted, int | str):
            vector = self._vector_of(name, wanted)
            others = edge.Filter(must_not=[edge.HasIdCondition({wanted})])
            condition = edge.Filter(must=[others, condition]) if condition else others
        else:
            vector = wanted
        size = self._collections.vectors(name).size
        found = self._collections.shard(name).query(
            edge.QueryRequest(
                limit=request.limit,
                offset=request.offset,
                query=None if vector is None else edge.Query.Nearest(checked(vector, size)),
                filter=condition,
                score_threshold=request.score_threshold,
                with_payload=_payload_selector(request.with_payload),
                with_vector=request.with_vector or False,
            )
        )
        return [_scored(point) for point in found]

    def _vector_of(self, name: str, point_id: schema.PointId) -> schema.Vector:
        found = self._collections.shard(name).retrieve([point_id], False, True)
        if not found:
            raise MissingError(f"No point with id {point_id} found")
        return cast(schema.Vector, found[0].vector)  # collections have one unnamed dense vector

    def scroll(self, name: str, request: schema.Scroll) -> Json:
        """A page of points in the order of their ids, and the id that the next page begins with."""
        with_payload = True if request.with_payload is None else request.with_payload
        records, following = self._collections.shard(name).scroll(
            edge.ScrollRequest(
                offset=request.offset,
                limit=request.limit,
                filter=_filter(request.filter),
                with_payload=_payload_selector(with_payload),
                with_vector=request.with_vector or False,
            )
        )
        return {
            "points": [_record(record) for record in records],
            "next_page_offset": None if following is None else _plain_id(following),
        }

    def count(self, name: str, request: schema.Count) -> Json:
        """How many points match; the number is always exact."""
        counted = edge.CountRequest(exact=True, filter=_filter(request.filter))
        return {"count": self._collections.shard(name).count(counted)}

    def facet(self, name: str, request: schema.Facet) -> Json:
        """How many points have each value of a field, the most frequent first; the numbers are always exact."""
        faceted = edge.FacetRequest(request.key, limit=request.limit, exact=True, filter=_filter(request.filter))
        hits = self._collections.shard(name).facet(faceted).hits
        return {"hits": [{"value": hit.value, "count": hit.count} for hit in hits]}
