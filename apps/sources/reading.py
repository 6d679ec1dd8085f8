"""How is a provider's JSON read? A value that does not fit its field is left out and noted; the rest is read.

The shape says what an object cannot be without: its fields without a default. Any other odd value becomes null or the
default of its field. An odd element of a list becomes null, or is left out where the list may contain no null. An
object that lacks what it cannot be without is an odd value itself.

Sound JSON is read in one go. Only JSON that does not fit is read value by value.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo

from apps.sources.mending import Mended
from apps.sources.text import parse_date, parse_time

T = TypeVar("T")

MAX_NAME_LENGTH = 200  # characters of what an index holds; three of them still fit into its largest entry
MAX_ADDRESS_LENGTH = 400
# A time at the ends of the calendar has no equivalent in some time zones.
_EXTREME_YEARS = (b'"0001-', b'"9999-')
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_NO_NUL = r"\A[^\x00]*\Z"  # PostgreSQL cannot hold NUL, and a name is used for look-ups, so it is not replaced
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME_LENGTH, pattern=_NO_NUL)]
Address = Annotated[str, msgspec.Meta(max_length=MAX_ADDRESS_LENGTH, pattern=_NO_NUL)]
Integer = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
BigInteger = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Id = Name | BigInteger

_paths: ContextVar[list[str] | None] = ContextVar("paths of odd values", default=None)


@contextmanager
def odd_values() -> Iterator[list[str]]:
    """Collect the paths of the odd values that are read in this block, such as ``fields.labels[]``."""
    paths: list[str] = []
    token = _paths.set(paths)
    try:
        yield paths
    finally:
        _paths.reset(token)


def note_odd_value(path: str) -> None:
    """Note a value that was left out."""
    paths = _paths.get()
    if paths is not None:
        paths.append(path)


def read_json(body: bytes, shape: type[T]) -> T:
    """``body`` read as ``shape``, without its odd values. What is no Unicode becomes U+FFFD, but not in a ``Raw``.

    Raises ``msgspec.DecodeError`` for what is no JSON, ``ValidationError`` for a value that is odd as a whole.
    """
    try:
        value: T = _read_at_once(body, shape)
    except _UNREADABLE:
        try:
            value = _read_in_parts(body, shape)
        except OddValueError as error:
            raise msgspec.ValidationError(str(error)) from error
    return value


def read_quietly(body: bytes, shape: type[T]) -> T:
    """As :func:`read_json`, but nothing is noted: the transform of the record will do it."""
    with odd_values():
        return read_json(body, shape)


def read_answer(body: bytes, shape: type[T], what: str = "the answer") -> T:
    """As :func:`read_json`, but only elements of lists may be odd: without its other parts an answer says nothing sure.

    The notes name ``what`` was read.
    """
    with odd_values() as paths:
        answer = read_json(body, shape)
    for path in paths:
        if "[]" not in path:
            raise msgspec.ValidationError(f"The value of `{path}` cannot be read")
        note_odd_value(f"{path} of {what}")
    return answer


class OddValueError(Exception):
    """A value does not fit its field."""

    def __init__(self, path: str, reason: object) -> None:
        super().__init__(f"The value of `{path or 'the whole record'}` cannot be read: {reason}")
        self.path = path


@lru_cache(maxsize=1024)
def _decoder(shape: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(shape)


def _read_at_once(body: bytes, shape: Any) -> Any:
    if any(year in body for year in _EXTREME_YEARS):
        raise msgspec.ValidationError("It may be a time at an end of the calendar")
    return _decoder(shape).decode(body)


def _read_in_parts(body: bytes, shape: Any) -> Any:
    """As :func:`_read`, also for JSON that is not sound. Mending takes long for long texts, so sound JSON is spared."""
    try:
        _decoder(Any).decode(body)
    except _UNREADABLE:
        mended = Mended(body)
        return mended.restore(_read(mended.body.lstrip(), shape, ""))
    return _read(body.lstrip(), shape, "")


def _read(body: bytes, shape: Any, path: str) -> Any:
    """A value of sound JSON, read part by part where it does not fit; raises :class:`OddValueError`."""
    try:
        return _read_at_once(body, shape)
    except msgspec.DecodeError:
        kind = get_origin(shape) or shape
    if kind in (Union, UnionType):
        return _read_one_of(body, get_args(shape), path)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and body[:1] == b"{":
        return _read_object(body, shape, path)
    if kind is list and body[:1] == b"[":
        return _read_list(body, get_args(shape)[0], path)
    if kind is dict and body[:1] == b"{":
        return _read_entries(body, get_args(shape)[1], path)
    return _read_leaf(body, shape, path)


def _read_one_of(body: bytes, shapes: tuple[Any, ...], path: str) -> Any:
    odd = list[OddValueError]()
    for shape in shapes:
        try:
            return _read(body, shape, path)
        except OddValueError as error:
            odd.append(error)
    raise max(odd, key=lambda error: len(error.path))  # the one that came farthest


def _read_object(body: bytes, shape: Any, path: str) -> Any:
    parts = _decoder(dict[str, msgspec.Raw]).decode(body)
    values = {}
    for field in _fields(shape):
        where = f"{path}.{field.encode_name}" if path else field.encode_name
        if field.encode_name not in parts:
            if field.required:
                raise OddValueError(where, "it is missing")
            continue
        try:
            values[field.name] = _read(bytes(parts[field.encode_name]), field.type, where)
        except OddValueError as error:
            if field.required and not _may_be_null(field.type):
                raise
            note_odd_value(error.path)
            if _may_be_null(field.type):
                values[field.name] = None
    return shape(**values)


def _read_list(body: bytes, shape: Any, path: str) -> list[Any]:
    values = []
    for item in _decoder(list[msgspec.Raw]).decode(body):
        try:
            values.append(_read(bytes(item), shape, f"{path}[]"))
        except OddValueError as error:
            note_odd_value(error.path)
            if _may_be_null(shape):
                values.append(None)
    return values


def _read_entries(body: bytes, shape: Any, path: str) -> dict[str, Any]:
    values = {}
    for name, value in _decoder(dict[str, msgspec.Raw]).decode(body).items():
        try:
            values[name] = _read(bytes(value), shape, f"{path}.*")
        except OddValueError as error:
            note_odd_value(error.path)
    return values


def _read_leaf(body: bytes, shape: Any, path: str) -> Any:
    """A single value. Times and integers may have another notation than msgspec accepts."""
    parse = _PARSERS.get(get_args(shape)[0] if get_origin(shape) is Annotated else shape)
    try:
        if parse is None:
            return _decoder(shape).decode(body)
        return msgspec.convert(parse(_decoder(Any).decode(body)), shape)
    except msgspec.ValidationError as error:
        raise OddValueError(path, error) from None


def _whole_number(value: object) -> object:
    """``0.0`` is an integer as well."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_PARSERS: dict[Any, Callable[[object], object]] = {datetime: parse_time, date: parse_date, int: _whole_number}


@lru_cache(maxsize=1024)
def _fields(shape: Any) -> tuple[FieldInfo, ...]:
    return msgspec.structs.fields(shape)


def _may_be_null(shape: Any) -> bool:
    return shape in (Any, None, NoneType) or (
        get_origin(shape) in (Union, UnionType) and any(map(_may_be_null, get_args(shape)))
    )
