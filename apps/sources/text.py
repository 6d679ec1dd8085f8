"""How are texts, times and numbers of a provider read? They may be broken."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar, overload

T = TypeVar("T")

MAX_NAMES = 10  # in one sentence

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# A time within a day of an end of the calendar does not exist in every time zone.
_EARLIEST = datetime.min.replace(tzinfo=UTC) + timedelta(days=1)
_LATEST = datetime.max.replace(tzinfo=UTC) - timedelta(days=1)
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d{1,2}\s*\Z)")
_NEWEST_EPOCH_SECONDS = 100_000_000_000  # anything larger counts milliseconds


def in_pieces(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """``items`` in pieces of at most ``size``, in their order."""
    return (items[start : start + size] for start in range(0, len(items), size))


def in_portions(items: Iterable[T], size_of: Callable[[T], int], max_size: int) -> Iterator[list[T]]:
    """``items`` in portions whose sizes add up to at most ``max_size``. A larger item is a portion of its own."""
    portion: list[T] = []
    room = max_size
    for item in items:
        size = size_of(item)
        if portion and size > room:
            yield portion
            portion, room = [], max_size
        portion.append(item)
        room -= size
    if portion:
        yield portion


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


def first_of(names: Sequence[str], most: int = MAX_NAMES) -> str:
    """The first ``most`` names and how many more there are: ``PAY-1, PAY-2 and 3 more``."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def parse_time(value: object) -> datetime | None:
    """An aware UTC time from ``…-0700``, ``…+02:00``, ``…Z`` or epoch seconds or milliseconds; else ``None``.

    A stamp without an offset counts as UTC.
    """
    try:
        if isinstance(value, str):
            moment = utc(datetime.fromisoformat(value))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            moment = datetime.fromtimestamp(value / 1000 if abs(value) >= _NEWEST_EPOCH_SECONDS else value, UTC)
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None
    return moment if _EARLIEST <= moment <= _LATEST else None


@overload
def utc(moment: datetime) -> datetime: ...
@overload
def utc(moment: datetime | None) -> datetime | None: ...
def utc(moment: datetime | None) -> datetime | None:
    """The same moment in UTC; one without an offset counts as UTC."""
    if moment is None or moment.tzinfo is UTC:
        return moment
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


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
    """``value`` if it is a finite number or the text of one (``2.5`` or ``2,5``), otherwise ``None``."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(_DECIMAL_COMMA.sub(".", value) if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < float("inf") else None
