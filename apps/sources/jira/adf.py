"""What does a rich text say? Atlassian Document Format, wiki text or a plain string as plain text."""

import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from apps.sources.text import clean

BLOCKS = frozenset(
    {
        "paragraph", "heading", "codeBlock", "blockquote", "panel", "rule", "listItem", "taskItem",
        "decisionItem", "tableRow", "tableCell", "tableHeader", "mediaSingle", "mediaGroup", "expand",
        "nestedExpand", "caption", "blockCard", "embedCard", "extension", "bodiedExtension",
    }
)  # fmt: skip
LEADS = {"listItem": "- ", "decisionItem": "- ", "taskItem": "[ ] ", "date": "", "hardBreak": "\n"}
_TEXTS = re.compile(rb'"text"\s*:\s*("(?:[^"\\]|\\.)*")')
_MANY_BREAKS = re.compile(r"\n{2,}")


class Attributes(msgspec.Struct, gc=False, rename="camel"):
    """What nodes without text say; those of unknown nodes may hold anything."""

    text: Any = None
    short_name: Any = None
    url: Any = None
    title: Any = None
    alt: Any = None
    timestamp: Any = None
    state: Any = None


class Node(msgspec.Struct, gc=False):
    """A node of a document, as far as its text goes."""

    type: Any = ""
    text: Any = None
    content: "list[Node] | None" = None
    attrs: Attributes | None = None


_decoder = msgspec.json.Decoder(Node | str | None)


def plain_text(body: msgspec.Raw | bytes) -> str:
    """The text of a JSON ``body``: a document, a string (wiki text) or null. Odd ones give what they have."""
    if not bytes(body):
        return ""
    try:
        document = _decoder.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return _texts_in(bytes(body))
    return render(document) if isinstance(document, Node) else clean(document).strip()


def render(document: Node) -> str:
    """The text of a document, one line per block. The stack is its own, so depth does not matter."""
    parts: list[str] = []
    stack: list[Node | str] = [document]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            parts.append(node)
            continue
        kind, text = node.type, node.text
        if isinstance(text, str):
            parts.append(text)
        if kind == "text":
            continue
        if kind in BLOCKS:
            stack.append("\n")
        if node.content:
            stack.extend(node.content[::-1])
        if node.attrs or kind in LEADS:
            parts.append(_lead(kind, node.attrs or Attributes()))
    return clean(_MANY_BREAKS.sub("\n", "".join(parts)).strip())


def _lead(kind: object, attrs: Attributes) -> str:
    """What a node itself says, before its content."""
    if kind == "taskItem":
        return "[x] " if attrs.state == "DONE" else "[ ] "
    if kind == "date":
        return _day(attrs.timestamp)
    if kind in LEADS:
        return LEADS[str(kind)]
    if isinstance(attrs.title, str):
        return f"{attrs.title}\n"
    said = attrs.text or attrs.short_name or attrs.url or attrs.alt
    return said if isinstance(said, str) else ""


def _day(timestamp: object) -> str:
    try:
        return datetime.fromtimestamp(int(str(timestamp)) / 1000, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return ""


def _texts_in(body: bytes) -> str:
    """Every ``text`` of a document that cannot be read as one (broken shape, absurd depth)."""
    found = []
    for quoted in _TEXTS.findall(body):
        try:
            found.append(msgspec.json.decode(quoted, type=str))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return clean(" ".join(found).strip())
