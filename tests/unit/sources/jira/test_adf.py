"""Does a rich text become the text that a reader sees, for all its nodes?"""

import json
from typing import Any

import pytest

from apps.sources.jira.adf import plain_text
from apps.sources.reading import odd_values


def text_of(document: Any) -> str:
    return plain_text(json.dumps(document).encode(), "body")


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


def link(href: Any) -> dict[str, Any]:
    return {"type": "link", "attrs": {"href": href}}


def linked(text: str, href: Any, *marks: str) -> dict[str, Any]:
    return words(text, marks=[*({"type": mark} for mark in marks), link(href)])


PULL = "https://github.com/o/r/pull/42"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([words("see "), linked("this change", PULL), words(".")], f"see this change ({PULL})."),
        ([linked("this ", PULL), linked("change", PULL, "strong"), words("!")], f"this change ({PULL})!"),
        ([linked("one", "https://a.example"), linked("two", "https://b.example")],
         "one (https://a.example)two (https://b.example)"),
        ([linked(PULL, PULL)], PULL),
        ([linked("github.com/o/r/pull/42/", PULL)], "github.com/o/r/pull/42/"),
        ([linked("ada@example.org", "mailto:ada@example.org")], "ada@example.org"),
        ([linked("write", "mailto:ada@example.org")], "write (mailto:ada@example.org)"),
        ([linked("odd", 7), words(" "), linked("none", None), words("", marks=[{"type": "link"}])], "odd none"),
    ],
)  # fmt: skip
def test_links_keep_their_addresses(content: list[Any], text: str) -> None:
    assert text_of(doc(paragraph(*content))) == text


@pytest.mark.parametrize(
    ("node", "text"),
    [
        ({"type": "blockCard", "attrs": {"url": PULL}}, PULL),
        ({"type": "embedCard", "attrs": {"url": PULL, "title": "The change"}}, f"The change ({PULL})"),
        ({"type": "inlineCard", "attrs": {"data": {"name": "Plan", "url": PULL}}}, f"Plan ({PULL})"),
        ({"type": "inlineCard", "attrs": {"url": PULL, "data": {"title": "Plan"}}}, f"Plan ({PULL})"),
        ({"type": "inlineCard", "attrs": {"url": {"odd": 1}, "data": [2]}}, ""),
        ({"type": "media", "attrs": {"type": "file", "id": "1", "alt": "screen.png"}}, "screen.png"),
        ({"type": "media", "attrs": {"type": "file", "id": "1", "__fileName": "log.txt"}}, "log.txt"),
        ({"type": "mediaInline", "attrs": {"fileName": "log.txt"}, "marks": [link(PULL)]}, f"log.txt ({PULL})"),
        ({"type": "media", "attrs": {"type": "external", "url": PULL, "alt": "a picture"}}, f"a picture ({PULL})"),
        ({"type": "mediaSingle", "marks": [link(PULL)], "content": [{"type": "media", "attrs": {"alt": "x"}}]},
         f"x ({PULL})"),
    ],
)  # fmt: skip
def test_cards_and_media_keep_names_and_addresses(node: dict[str, Any], text: str) -> None:
    assert text_of(doc(paragraph(words("before")), node, paragraph(words("after")))).split("\n", 1)[1].startswith(text)
    assert text_of(doc(node)) == text


def code(text: str) -> dict[str, Any]:
    return {"type": "codeBlock", "content": [words(text)]}


def test_code_keeps_its_blank_lines_and_its_indentation() -> None:
    source = "    if a:\n\n\n        b()\n"
    item = {"type": "listItem", "content": [code(source)]}
    assert text_of(doc(paragraph(), code(source))) == source.rstrip()
    assert text_of(doc(paragraph(words("a\n\n\nb")), paragraph(), code(source), paragraph(words("c")))) == (
        f"a\nb\n{source}\nc"
    )
    assert text_of(doc({"type": "bulletList", "content": [item]})) == f"- {source}".rstrip()


def test_what_a_broken_body_says_and_that_it_is_odd() -> None:
    broken = {
        "type": "doc",
        "content": [paragraph(linked("this", PULL)), {"type": "inlineCard", "attrs": {"url": PULL}}, 5],
    }
    with odd_values() as paths:
        assert text_of(broken) == f"this {PULL} {PULL}"
        assert text_of(12) == ""
        assert text_of(doc(paragraph(words("fine")))) == "fine"
    assert paths == ["body", "body"]


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
    assert plain_text(body, "body") == "deep ü"


def test_missing_body() -> None:
    assert plain_text(b"", "body") == ""


def test_half_a_surrogate_pair_is_no_odd_value() -> None:
    with odd_values() as paths:
        text = plain_text(
            rb'{"type":"doc","content":[{"type":"paragraph","content":[{"type":"text","text":"a \ud83d b"}]}]}', "x"
        )
    assert (text, paths) == ("a � b", [])
