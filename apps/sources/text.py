"""How is untrusted data read? Texts, times and JSON of a provider may be broken."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_ESCAPES = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a whole pair
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"  # half of a pair
    rb"|\\."  # any other escape, so that the second half of \\ does not look like the start of one
)
_NEWEST_EPOCH_SECONDS = 100_000_000_000  # anything larger counts milliseconds


def in_pieces(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """``items`` in pieces of at most ``size``, in their order."""
    return (items[start : start + size] for start in range(0, len(items), size))


def clean(text: object) -> str:
    """``text`` as PostgreSQL can store it: NUL and half surrogate pairs become U+FFFD, ``None`` becomes ""."""
    if not isinstance(text, str):
        return "" if text is None else clean(str(text))
    if text.isascii():
        return text.replace("\x00", REPLACEMENT) if "\x00" in text else text
    return _UNSTORABLE.sub(REPLACEMENT, text)


def one_line(text: object, max_length: int) -> str:
    """``text``, cleaned, on one line of at most ``max_length`` characters. A cut text ends with "…"."""
    line = " ".join(clean(text).split())
    return line if len(line) <= max_length else f"{line[: max_length - 1]}…"


def counted(number: int, noun: str) -> str:
    """``1 issue`` or ``1,234 issues``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def parse_time(value: object) -> datetime | None:
    """An aware UTC time from ``…-0700``, ``…+02:00``, ``…Z`` or epoch seconds or milliseconds; else ``None``.

    A stamp without an offset counts as UTC.
    """
    try:
        if isinstance(value, str):
            stamp = datetime.fromisoformat(value)
            return stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            seconds = value / 1000 if abs(value) >= _NEWEST_EPOCH_SECONDS else value
            return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def parse_date(value: object) -> date | None:
    """The day of ``2026-11-22`` or of a full stamp, without a change of time zone; else ``None``."""
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None


def as_dict(value: object) -> dict[str, Any]:
    """``value`` if it is an object, otherwise an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """``value`` if it is a list, otherwise an empty one."""
    return value if isinstance(value, list) else []


def as_number(value: object) -> float | None:
    """``value`` if it is a finite number or the text of one, otherwise ``None``."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < float("inf") else None


def read_json(body: bytes, shape: type[T]) -> T:
    """``body`` read as ``shape``. Half surrogate pairs and invalid UTF-8 become U+FFFD.

    Raises ``msgspec.DecodeError`` (``ValidationError`` for another shape) or ``RecursionError`` (nesting).
    """
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError):
        return msgspec.json.decode(mend(body), type=shape)


def mend(body: bytes) -> bytes:
    """``body`` with U+FFFD instead of half surrogate pairs and invalid UTF-8."""
    text = body.decode("utf-8-sig", errors="replace").encode()
    return _ESCAPES.sub(lambda found: b"\\ufffd" if found[1] else found[0], text)
