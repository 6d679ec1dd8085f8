"""Is everything read that can be read, is the rest noted, and does a part that is kept stay byte for byte?"""

from datetime import UTC, date, datetime
from typing import Any, Generic, TypeVar

import msgspec
import pytest

from apps.sources.reading import Id, Integer, Name, odd_values, read_answer, read_json, read_quietly

N = TypeVar("N")


class Page(msgspec.Struct, Generic[N]):
    items: list[N | None]


class Note(msgspec.Struct):
    id: Id
    at: datetime | None = None
    body: msgspec.Raw = msgspec.Raw(b"null")


class Thing(msgspec.Struct, rename="camel"):
    id: Id
    name: Name = "unknown"
    size: Integer | None = None
    is_new: bool = False
    labels: list[str] = []
    due_on: date | None = None
    anything: Any = None
    notes: Page[Note] | None = None
    counts: dict[str, int] = {}


def read(body: bytes) -> tuple[Thing, list[str]]:
    with odd_values() as paths:
        return read_json(body, Thing), paths


@pytest.mark.parametrize(
    ("field", "value", "path"),
    [
        ("name", "5", "name"),
        ("name", '""', "name"),
        ("name", r'"a \u0000"', "name"),
        ("name", '"%s"' % ("x" * 3_000_000), "name"),
        ("size", "2147483648", "size"),
        ("size", '"7"', "size"),
        ("size", "1e400", "size"),
        ("isNew", "null", "isNew"),
        ("labels", '"a"', "labels"),
        ("dueOn", '"10889-01-01"', "dueOn"),
        ("notes", "[]", "notes"),
        ("notes", "{}", "notes.items"),
        ("notes", '{"items": 5}', "notes.items"),
        ("counts", "[1]", "counts"),
        ("labels", "[" * 5000 + "]" * 5000, "labels[]"),
    ],
)
def test_an_odd_value_leaves_its_field_empty(field: str, value: str, path: str) -> None:
    given = {"id": '"1"', "labels": '["a"]', field: value}
    found, paths = read(b"{" + ", ".join(f'"{name}": {text}' for name, text in given.items()).encode() + b"}")
    expected = Thing("1", labels=["a"] if field != "labels" else [])
    assert (found, paths) == (expected, [path])


def test_odd_elements_are_left_out_or_null() -> None:
    notes = b'[{"id": 1, "at": "2026-01-01"}, null, {"at": "2026-01-01"}, {"id": 2, "at": {}}, 5]'
    found, paths = read(
        b'{"id": 1, "labels": ["a", null, "b"], "counts": {"x": 1, "y": "z"}, "notes": {"items": %s}}' % notes
    )
    assert found.labels == ["a", "b"]
    assert found.counts == {"x": 1}
    assert found.notes == Page([Note(1, datetime(2026, 1, 1, tzinfo=UTC)), None, None, Note(2), None])
    assert paths == ["labels[]", "notes.items[].id", "notes.items[].at", "notes.items[]", "counts.*"]


@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2011-09-08T02:38:50+51:80"]
)
def test_a_time_that_does_not_exist_everywhere_is_odd(moment: str) -> None:
    found, paths = read(b'{"id": 1, "name": "0001-x", "notes": {"items": [{"id": 1, "at": "%s"}]}}' % moment.encode())
    assert found.notes == Page([Note(1)])
    assert (found.name, paths) == ("0001-x", ["notes.items[].at"])


@pytest.mark.parametrize("moment", ['"2026-01-01"', '"2026-01-01T00:00Z"', "1767225600", "1767225600000"])
def test_other_notations_are_not_odd(moment: str) -> None:
    found, paths = read(b'{"id": 1, "size": 3.0, "notes": {"items": [{"id": 1, "at": %s}]}}' % moment.encode())
    assert found.notes == Page([Note(1, datetime(2026, 1, 1, tzinfo=UTC))])
    assert (found.size, paths) == (3, [])


@pytest.mark.parametrize(
    "body", [b"{}", b'{"id": null}', b'{"id": ""}', b'{"id": [1]}', b'{"id": %d}' % 10**30, b"[]", b"5"]
)
def test_what_cannot_be_named_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.ValidationError, match="cannot be read"):
        read(body)


@pytest.mark.parametrize("body", [b"", b"{", b'{"id": "\\x"}', b"<html>", b'{"id": 1}]'])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        read(body)


@pytest.mark.parametrize(
    ("broken", "shown"),
    [
        (b"\\ud83d", "\ufffd"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd"),
        (b"\x00", "\ufffd"),
        (rb"\\ud83d", r"\ud83d"),
        (rb"\ud83d\ude00", "\N{GRINNING FACE}"),
        (rb"\\\ud83d~0~", "\\\ufffd~0~"),
    ],
)
def test_what_is_no_unicode_is_replaced_but_kept_in_raw_parts(broken: bytes, shown: str) -> None:
    body = b'{"id": 1, "anything": ["%s"], "notes": {"items": [{"id": 2, "body": "%s"}]}}' % (broken, broken)
    found, paths = read(body)
    assert (found.anything, paths) == ([shown], [])
    assert found.notes
    assert found.notes.items[0]
    assert bytes(found.notes.items[0].body) == b'"%s"' % broken


def test_a_deep_value_costs_nothing_else() -> None:
    deep = b'{"a": ' * 3000 + b'"\\ud800"' + b"}" * 3000
    body = b'\xef\xbb\xbf {"id": 1, "other": %s, "name": "x", "notes": {"items": [{"id": 2, "body": %s}]}}' % (
        deep,
        deep,
    )
    found, paths = read(body)
    assert (found.name, paths) == ("x", [])
    assert found.notes
    assert found.notes.items[0]
    assert bytes(found.notes.items[0].body) == deep


def test_only_elements_of_an_answer_may_be_odd() -> None:
    with odd_values() as paths:
        found = read_answer(b'{"items": [null, {"at": null}, {"id": 1, "at": 0.5}, 5]}', Page[Note], "the list")
    assert found.items == [None, None, Note(1, datetime(1970, 1, 1, 0, 0, 0, 500000, UTC)), None]
    assert paths == ["items[].id of the list", "items[] of the list"]
    for body in (b'{"items": 5}', b"{}", b'{"id": 1, "isNew": 0}'):
        with pytest.raises(msgspec.ValidationError):
            read_answer(body, Thing if b"id" in body else Page[Note])


def test_a_quiet_reader_notes_nothing() -> None:
    with odd_values() as paths:
        assert read_quietly(b'{"id": 1, "size": "x"}', Thing) == Thing(1)
    assert paths == []


def test_reading_in_between_collects_for_itself() -> None:
    with odd_values() as outer:
        with odd_values() as inner:
            read_json(b'{"id": 1, "size": "x"}', Thing)
        read_json(b'{"id": 1, "isNew": 0}', Thing)
    assert (outer, inner) == (["isNew"], ["size"])
