"""Which updates of the engine correspond to the writing requests?"""

import math
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Any

import qdrant_edge as edge

from apps.stack.gateway.errors import FormatError, WrongInputError
from apps.stack.gateway.filters import build_filter
from apps.stack.gateway.schema import (
    CreateFieldIndex,
    DeletePayload,
    Operation,
    Point,
    PointsSelector,
    SetPayload,
    Upsert,
    Vector,
)

Update = edge.UpdateOperation

# The engine stores 32-bit floats; larger numbers would become infinite.
_MAX_FLOAT = 3.4028234663852886e38

_INDEXES: dict[str, Callable[..., Any]] = {
    "keyword": edge.KeywordIndexParams,
    "integer": edge.IntegerIndexParams,
    "float": edge.FloatIndexParams,
    "bool": edge.BoolIndexParams,
    "datetime": edge.DatetimeIndexParams,
    "uuid": edge.UuidIndexParams,
    "text": edge.TextIndexParams,
}
_TOKENIZERS = {
    "prefix": edge.TokenizerType.Prefix,
    "whitespace": edge.TokenizerType.Whitespace,
    "word": edge.TokenizerType.Word,
    "multilingual": edge.TokenizerType.Multilingual,
}


def _is_storable(vector: Vector) -> bool:
    # min and max may overlook a NaN, a sum does not.
    return math.isfinite(sum(vector)) and min(vector) >= -_MAX_FLOAT and max(vector) <= _MAX_FLOAT


def checked(vector: Vector, size: int) -> Vector:
    """``vector`` when it has ``size`` finite floats; raises ``WrongInputError``."""
    if len(vector) != size:
        raise WrongInputError(f"Vector dimension error: expected dim: {size}, got {len(vector)}")
    if not _is_storable(vector):
        raise WrongInputError("a vector must hold finite 32-bit floats only, this one does not")
    return vector


def _columns(request: Upsert) -> Iterator[Point]:
    columns = request.batch
    assert columns is not None
    payloads = columns.payloads if columns.payloads is not None else repeat(None, len(columns.ids))
    try:
        for point_id, vector, payload in zip(columns.ids, columns.vectors, payloads, strict=True):
            yield Point(point_id, vector, payload)
    except ValueError as error:
        raise WrongInputError("ids, vectors and payloads of a batch must have the same number of items") from error


def _upsert(request: Upsert, size: int) -> list[Update]:
    if (request.points is None) == (request.batch is None):
        raise FormatError("an upsert takes either points or batch")
    points = request.points if request.points is not None else _columns(request)
    return [Update.upsert_points([edge.Point(p.id, checked(p.vector, size), p.payload or {}) for p in points])]


def _by_selector(
    selector: PointsSelector, by_ids: Callable[..., Update], by_filter: Callable[..., Update], *rest: Any
) -> list[Update]:
    """Call ``by_ids`` or ``by_filter`` with the ids or the filter of the selector, followed by ``rest``."""
    if (selector.points is None) == (selector.filter is None):
        raise FormatError("name either points or a filter")
    if selector.points is not None:
        return [by_ids(selector.points, *rest)]
    return [by_filter(build_filter(selector.filter or {}), *rest)]


def _delete(request: PointsSelector, _size: int) -> list[Update]:
    return _by_selector(request, Update.delete_points, Update.delete_points_by_filter)


def _set_payload(request: SetPayload, _size: int) -> list[Update]:
    return _by_selector(request, Update.set_payload, Update.set_payload_by_filter, request.payload, request.key)


def _overwrite_payload(request: SetPayload, _size: int) -> list[Update]:
    return _by_selector(
        request, Update.overwrite_payload, Update.overwrite_payload_by_filter, request.payload, request.key
    )


def _delete_payload(request: DeletePayload, _size: int) -> list[Update]:
    return _by_selector(request, Update.delete_payload, Update.delete_payload_by_filter, request.keys)


def _clear_payload(request: PointsSelector, _size: int) -> list[Update]:
    return _by_selector(request, Update.clear_payload, Update.clear_payload_by_filter)


_BUILDERS: dict[str, Callable[[Any, int], list[Update]]] = {
    "upsert": _upsert,
    "delete": _delete,
    "set_payload": _set_payload,
    "overwrite_payload": _overwrite_payload,
    "delete_payload": _delete_payload,
    "clear_payload": _clear_payload,
}


def updates(operation: Operation, size: int) -> list[Update]:
    """The engine's updates for one operation on vectors of ``size``; raises ``GatewayError``."""
    given = [(kind, value) for kind in _BUILDERS if (value := getattr(operation, kind)) is not None]
    if len(given) != 1:
        raise FormatError(f"an operation takes exactly one of {', '.join(_BUILDERS)}")
    kind, request = given[0]
    return _BUILDERS[kind](request, size)


def index_update(request: CreateFieldIndex) -> Update:
    """The engine's update that indexes a payload field; raises ``FormatError``."""
    schema = request.field_schema
    settings: dict[str, Any] = {"type": schema} if isinstance(schema, str) else dict(schema)
    kind = settings.pop("type", None)
    if kind not in _INDEXES:
        raise FormatError(f"an index is of type {', '.join(_INDEXES)}, not {kind!r}")
    if "tokenizer" in settings:
        settings["tokenizer"] = _TOKENIZERS.get(settings["tokenizer"], "unknown")
    try:
        return Update.create_field_index(request.field_name, _INDEXES[kind](**settings))
    except TypeError as error:
        raise FormatError(f"a setting of this {kind} index is unknown to the gateway or of a wrong type") from error
