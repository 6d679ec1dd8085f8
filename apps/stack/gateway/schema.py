"""Which JSON do the requests contain?

The shapes of Qdrant's REST API, as far as the gateway speaks it. Unknown fields are refused, so that the gateway never
silently ignores a field.
"""

from typing import Any, Literal

import msgspec

PointId = int | str
Vector = list[float]
Selector = bool | list[str] | dict[str, list[str]]


class Body(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Base of all requests."""


class VectorParams(Body):
    """The one unnamed vector of a collection."""

    size: int
    distance: Literal["Cosine", "Euclid", "Dot", "Manhattan"]
    on_disk: bool | None = None
    # These only concern speed; they are accepted and have no effect.
    memory: Any = None
    hnsw_config: Any = None
    quantization_config: Any = None


class CreateCollection(msgspec.Struct):
    """``PUT /collections/{name}``; other settings (HNSW, optimizers, replicas ...) have no effect here."""

    vectors: VectorParams
    sparse_vectors: None = None


class CreateFieldIndex(Body):
    """``PUT /collections/{name}/index``."""

    field_name: str
    field_schema: str | dict[str, Any]


class Point(Body):
    """One point of an upsert."""

    id: PointId
    vector: Vector
    payload: dict[str, Any] | None = None


class Columns(Body):
    """The points of an upsert as columns of equal length."""

    ids: list[PointId]
    vectors: list[Vector]
    payloads: list[dict[str, Any] | None] | None = None


class Upsert(Body):
    """``PUT /collections/{name}/points``: either ``points`` or ``batch``."""

    points: list[Point] | None = None
    batch: Columns | None = None


class PointsSelector(Body):
    """Which points to delete or clear: either ``points`` or ``filter``."""

    points: list[PointId] | None = None
    filter: dict[str, Any] | None = None


class SetPayload(PointsSelector, kw_only=True):
    """Payload to set on the selected points, or to replace theirs."""

    payload: dict[str, Any]
    key: str | None = None


class DeletePayload(PointsSelector, kw_only=True):
    """Payload keys to delete from the selected points."""

    keys: list[str]


class Operation(Body):
    """One operation of a batch; exactly one field is set."""

    upsert: Upsert | None = None
    delete: PointsSelector | None = None
    set_payload: SetPayload | None = None
    overwrite_payload: SetPayload | None = None
    delete_payload: DeletePayload | None = None
    clear_payload: PointsSelector | None = None


class UpdateBatch(Body):
    """``POST /collections/{name}/points/batch``."""

    operations: list[Operation]


class Retrieve(Body):
    """``POST /collections/{name}/points``."""

    ids: list[PointId]
    with_payload: Selector | None = None
    with_vector: bool | None = None


class Nearest(Body):
    """A query by a vector, or by the vector of the point with this id."""

    nearest: Vector | PointId


class QueryPoints(Body):
    """``POST /collections/{name}/points/query``."""

    query: Vector | PointId | Nearest | None = None
    filter: dict[str, Any] | None = None
    params: Any = None
    score_threshold: float | None = None
    limit: int = 10
    offset: int = 0
    with_payload: Selector | None = None
    with_vector: bool | None = None


class QueryBatch(Body):
    """``POST /collections/{name}/points/query/batch``."""

    searches: list[QueryPoints]


class Scroll(Body):
    """``POST /collections/{name}/points/scroll``."""

    offset: PointId | None = None
    limit: int = 10
    filter: dict[str, Any] | None = None
    with_payload: Selector | None = None
    with_vector: bool | None = None


class Count(Body):
    """``POST /collections/{name}/points/count``."""

    filter: dict[str, Any] | None = None
    exact: bool = True


class Facet(Body):
    """``POST /collections/{name}/facet``."""

    key: str
    limit: int = 10
    filter: dict[str, Any] | None = None
    exact: bool = False
