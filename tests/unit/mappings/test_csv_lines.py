"""Are CSV files read correctly, and are invalid ones refused with the line of the error?"""

import pytest

from apps.mappings.csv_files import CsvError, read_lines

COLUMNS = ("name", "level", "is_active")


def lines(text: str) -> list[tuple[int, dict[str, str]]]:
    return list(read_lines(text, COLUMNS))


@pytest.mark.parametrize(
    "text",
    [
        "name,level,is_active\r\nEpic,3,yes\r\n",
        "\ufeffname,level,is_active\nEpic,3,yes",
        "is_active;NAME; level\nyes;Epic; 3\n\n",
    ],
)
def test_the_usual_dialects_are_read(text: str) -> None:
    assert lines(text) == [(2, {"name": "Epic", "level": "3", "is_active": "yes"})]


def test_the_line_number_counts_lines_within_cells() -> None:
    assert [number for number, _ in lines('name,level,is_active\n"a\nb",1,yes\nc,1,yes\n')] == [3, 4]


def test_the_apostrophe_before_a_formula_is_taken_off_again() -> None:
    assert lines("name,level,is_active\n'=1+1,1,yes\n'quoted',1,yes\n")[0][1]["name"] == "=1+1"
    assert lines("name,level,is_active\n'quoted',1,yes\n")[0][1]["name"] == "'quoted'"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Line 1 must be the header name,level,is_active; it is empty."),
        ("name,level\nEpic,3\n", "it is name,level."),
        ("name,level,is_active\nEpic,3\n", "Line 2: 2 cells, but the header has 3."),
        ("name,level,is_active\nEp\0ic,3,yes\n", "NUL"),
        ("name,level,is_active\n" + "Epic,3,yes\n" * 5_001, "More than 5000 lines"),
        (f"name,level,is_active\n{'x' * 200_000},3,yes\n", "Line 2: field larger than field limit"),
    ],
)
def test_a_bad_file_is_refused_with_the_place(text: str, sentence: str) -> None:
    with pytest.raises(CsvError) as caught:
        lines(text)
    assert sentence in caught.value.sentences[0]
