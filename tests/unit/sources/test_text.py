"""Are texts, times and numbers read correctly, and unreadable ones ignored?"""

from datetime import UTC, date, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.sources.text import as_number, clean, first_of, in_pieces, in_portions, one_line, parse_date, parse_time


@pytest.mark.parametrize(
    ("given", "cleaned"),
    [
        (None, ""),
        ("", ""),
        ("plain", "plain"),
        ("a\x00b", "a�b"),
        ("é\x00", "é�"),
        ("x\ud83dy", "x�y"),
        ("\N{GRINNING FACE}", "\N{GRINNING FACE}"),
        (7, "7"),
    ],
)
def test_clean(given: object, cleaned: str) -> None:
    assert clean(given) == cleaned


def test_one_line() -> None:
    assert one_line("two\n lines\x00 ", 20) == "two lines\ufffd"
    assert one_line("abcdef", 6) == "abcdef"
    assert one_line("abcdefg", 6) == "abcde…"


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        ("2016-02-25T23:57:37.000+0000", datetime(2016, 2, 25, 23, 57, 37, tzinfo=UTC)),
        ("2026-03-08T01:30:00.250-0700", datetime(2026, 3, 8, 8, 30, 0, 250000, tzinfo=UTC)),
        ("2020-06-26T00:38:00.000Z", datetime(2020, 6, 26, 0, 38, tzinfo=UTC)),
        ("2016-04-28T05:08:48.543-07:00", datetime(2016, 4, 28, 12, 8, 48, 543000, tzinfo=UTC)),
        ("2020-06-26T00:38:00", datetime(2020, 6, 26, 0, 38, tzinfo=UTC)),
        (1492070429, datetime(2017, 4, 13, 8, 0, 29, tzinfo=UTC)),
        (1492070429123, datetime(2017, 4, 13, 8, 0, 29, 123000, tzinfo=UTC)),
        ("0001-01-01T00:00:00+1400", None),
        (10**30, None),
        (float("nan"), None),
        (True, None),
        ("soon", None),
        ("", None),
        (None, None),
        ([], None),
    ],
)
def test_parse_time(given: object, moment: datetime | None) -> None:
    assert parse_time(given) == moment


def test_first_of() -> None:
    assert first_of(["a", "b"]) == "a, b"
    assert first_of([str(number) for number in range(1, 13)]) == "1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more"
    assert first_of(["a"] * 2_000, 1) == "a and 1,999 more"


def test_parse_date() -> None:
    assert parse_date("2026-11-22") == date(2026, 11, 22)
    assert parse_date("2026-11-22T23:59:00.000-0700") == date(2026, 11, 22)
    assert parse_date("22.11.2026") is None
    assert parse_date(None) is None


@pytest.mark.parametrize(
    ("given", "number"),
    [
        (3, 3.0),
        (0.5, 0.5),
        ("8", 8.0),
        (" 8 ", 8.0),
        ("2.5", 2.5),
        ("2,5", 2.5),
        ("-1,25", -1.25),
        ("1,000", None),
        ("1,2,3", None),
        (",5", None),
        ("5 points", None),
        ("", None),
        (None, None),
        (True, None),
        ("inf", None),
        ([], None),
    ],
)
def test_as_number(given: object, number: float | None) -> None:
    assert as_number(given) == number


def test_in_pieces_gives_every_item_once_and_in_order() -> None:
    assert list(in_pieces([1, 2, 3, 4, 5], 2)) == [[1, 2], [3, 4], [5]]
    assert list(in_pieces([], 2)) == []


@given(st.lists(st.integers(0, 12)), st.integers(1, 10))
def test_portions_hold_every_item_once_in_order_and_as_many_as_fit(sizes: list[int], max_size: int) -> None:
    portions = list(in_portions(sizes, int, max_size))
    assert [size for portion in portions for size in portion] == sizes
    assert all(portion and (sum(portion) <= max_size or len(portion) == 1) for portion in portions)
    assert all(sum(portion) + following[0] > max_size for portion, following in pairwise(portions))
