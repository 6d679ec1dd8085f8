"""Which filter of the engine corresponds to a JSON filter of Qdrant's REST API?"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import qdrant_edge as edge

from apps.stack.gateway.errors import FormatError
from apps.stack.gateway.schema import Body, PointId

if TYPE_CHECKING:  # only the engine's stub has these names
    from qdrant_edge import ConditionType, MatchType, RangeType

Json = Any


class _Key(Body):
    key: str


class _Nested(Body):
    key: str
    filter: dict[str, Json]


class _MinShould(Body):
    conditions: list[dict[str, Json]]
    min_count: int


class _RangeCondition(Body):
    gte: float | str | None = None
    gt: float | str | None = None
    lte: float | str | None = None
    lt: float | str | None = None


class _ValuesCount(Body):
    gte: int | None = None
    gt: int | None = None
    lte: int | None = None
    lt: int | None = None


class _FieldCondition(Body):
    key: str
    match: dict[str, Json] | None = None
    range: _RangeCondition | None = None
    values_count: _ValuesCount | None = None
    is_empty: bool | None = None
    is_null: bool | None = None


class _Filter(Body):
    must: list[dict[str, Json]] | dict[str, Json] | None = None
    should: list[dict[str, Json]] | dict[str, Json] | None = None
    must_not: list[dict[str, Json]] | dict[str, Json] | None = None
    min_should: _MinShould | None = None


def _one_kind(values: Json) -> list[int] | list[str]:
    """A list of only texts or only whole numbers, which the engine requires."""
    if isinstance(values, list):
        for kind in (str, int):
            if all(type(value) is kind for value in values):
                return values
    raise FormatError("any and except take a list of only texts or only whole numbers")


def _text(value: Json) -> str:
    return msgspec.convert(value, str)


def _value(raw: Json) -> edge.MatchValue:
    value = msgspec.convert(raw, bool | int | str)
    # The engine's binding reads Python's True as 1, which matches no boolean. It reads NumPy's True as a boolean.
    return edge.MatchValue(np.bool_(value) if isinstance(value, bool) else value)  # type: ignore[arg-type]


_MATCHES: "dict[str, Callable[[Json], MatchType]]" = {
    "value": _value,
    "any": lambda raw: edge.MatchAny(_one_kind(raw)),
    "except": lambda raw: edge.MatchExcept(_one_kind(raw)),
    "text": lambda raw: edge.MatchText(_text(raw)),
    "text_any": lambda raw: edge.MatchTextAny(_text(raw)),
    "phrase": lambda raw: edge.MatchPhrase(_text(raw)),
    "prefix": lambda raw: edge.MatchPrefix(_text(raw)),
    "substring": lambda raw: edge.MatchSubstring(_text(raw)),
}


def _match(raw: dict[str, Json]) -> "MatchType":
    if len(raw) != 1 or (kind := next(iter(raw))) not in _MATCHES:
        raise FormatError(f"a match takes exactly one of {', '.join(_MATCHES)}")
    return _MATCHES[kind](raw[kind])


def _range(limits: _RangeCondition) -> "RangeType":
    given = msgspec.structs.asdict(limits)
    if not any(isinstance(limit, str) for limit in given.values()):
        return edge.RangeFloat(**given)
    if any(isinstance(limit, float) for limit in given.values()):
        raise FormatError("a range takes either numbers or date-times, not both")
    return edge.RangeDateTime(**given)


def _field(raw: Json) -> edge.FieldCondition:
    field = msgspec.convert(raw, _FieldCondition)
    return edge.FieldCondition(
        field.key,
        match=_match(field.match) if field.match is not None else None,
        range=_range(field.range) if field.range else None,
        values_count=edge.ValuesCount(**msgspec.structs.asdict(field.values_count)) if field.values_count else None,
        is_empty=field.is_empty,
        is_null=field.is_null,
    )


def _nested(raw: Json) -> edge.NestedCondition:
    nested = msgspec.convert(raw, _Nested)
    return edge.NestedCondition(nested.key, build_filter(nested.filter))


_SINGLE: "dict[str, Callable[[Json], ConditionType]]" = {
    "is_empty": lambda raw: edge.IsEmptyCondition(msgspec.convert(raw, _Key).key),
    "is_null": lambda raw: edge.IsNullCondition(msgspec.convert(raw, _Key).key),
    "has_id": lambda raw: edge.HasIdCondition(set(msgspec.convert(raw, list[PointId]))),
    "nested": _nested,
}


def _condition(raw: dict[str, Json]) -> "ConditionType":
    if "key" in raw:
        return _field(raw)
    if len(raw) == 1 and (kind := next(iter(raw))) in _SINGLE:
        return _SINGLE[kind](raw[kind])
    return build_filter(raw)


def _conditions(raw: Iterable[dict[str, Json]] | dict[str, Json] | None) -> "list[ConditionType] | None":
    if raw is None:
        return None
    return [_condition(one) for one in ([raw] if isinstance(raw, dict) else raw)]


def build_filter(raw: dict[str, Json]) -> edge.Filter:
    """The engine's filter for ``raw``; raises ``FormatError`` or msgspec's ``ValidationError``."""
    clauses = msgspec.convert(raw, _Filter)
    min_should = clauses.min_should
    return edge.Filter(
        must=_conditions(clauses.must),
        should=_conditions(clauses.should),
        must_not=_conditions(clauses.must_not),
        min_should=edge.MinShould(_conditions(min_should.conditions) or [], min_should.min_count)
        if min_should
        else None,
    )
