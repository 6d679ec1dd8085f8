"""Does a rich text become the text that a reader sees, for all its nodes?"""

import json
from typing import Any

import pytest

from apps.sources.jira.adf import plain_text


def text_of(document: Any) -> str:
    return plain_text(json.dumps(document).encode())


def doc(*content: Any) -> dict[str, Any]:
    return {"type": "doc", "version": 1, "content": list(content)}


def paragraph(*content: Any) -> dict[str, Any]:
    return {"type": "paragraph", "content": list(content)}


def words(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": text, **more}


def test_blocks_are_lines_and_marks_are_dropped() -> None:
    bold = words("bold", marks=[{"type": "strong"}])
    heading = {"type": "heading", "attrs": {"level": 2}, "content": [words("Title")]}
    code = {"type": "codeBlock", "attrs": {"language": "python"}, "content": [words("a = 1\nb = 2")]}
    assert text_of(doc(heading, paragraph(words("some "), bold), code)) == "Title\nsome bold\na = 1\nb = 2"


def test_lists_and_tables() -> None:
    items = [{"type": "listItem", "content": [paragraph(words(name))]} for name in ("one", "two")]
    cells = [{"type": "tableCell", "attrs": {}, "content": [paragraph(words(name))]} for name in ("a", "b")]
    table = {"type": "table", "content": [{"type": "tableRow", "content": cells}]}
    assert text_of(doc({"type": "bulletList", "content": items}, table)) == "- one\n- two\na\nb"


def test_what_has_no_text_says_its_attribute() -> None:
    document = doc(
        paragraph(
            {"type": "mention", "attrs": {"id": "5b", "text": "@Ada"}},
            words(" saw "),
            {"type": "inlineCard", "attrs": {"url": "https://example.org/PAY-1"}},
            {"type": "hardBreak"},
            {"type": "emoji", "attrs": {"shortName": ":tada:", "text": "🎉"}},
            {"type": "status", "attrs": {"text": "DONE", "color": "green"}},
            words(" on "),
            {"type": "date", "attrs": {"timestamp": "1700000000000"}},
        ),
        {
            "type": "taskList",
            "content": [{"type": "taskItem", "attrs": {"state": "DONE"}, "content": [words("tested")]}],
        },
        {"type": "expand", "attrs": {"title": "More"}, "content": [paragraph(words("inside"))]},
        {"type": "mediaSingle", "content": [{"type": "media", "attrs": {"alt": "a picture"}}]},
    )
    expected = "@Ada saw https://example.org/PAY-1\n🎉DONE on 2023-11-14\n[x] tested\nMore\ninside\na picture"
    assert text_of(document) == expected


def test_unknown_nodes_give_their_text_and_content() -> None:
    assert text_of(doc({"type": "hologram", "attrs": {"x": [1]}, "content": [words("kept")]})) == "kept"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (None, ""),
        ("", ""),
        ("h1. Wiki\r\n* text", "h1. Wiki\r\n* text"),
        ({"type": "doc", "version": 1}, ""),
        ({"type": "doc", "content": [None, {"type": "text", "text": "after null"}]}, "after null"),
        ({"type": "doc", "content": {"text": "no list"}}, "no list"),
        ({"type": "doc", "content": [{"type": "text", "text": 7}]}, ""),
        ([{"text": "a list"}], "a list"),
        (12, ""),
        ("NUL \x00", "NUL �"),
    ],
)
def test_odd_bodies_never_fail(given: Any, text: str) -> None:
    assert text_of(given) == text


def test_absurd_depth_still_gives_the_text() -> None:
    depth = 50_000
    body = b'{"type":"doc","content":[' * depth + b'{"type":"text","text":"deep \\u00fc"}' + b"]}" * depth
    assert plain_text(body) == "deep ü"


def test_missing_body() -> None:
    assert plain_text(b"") == ""
