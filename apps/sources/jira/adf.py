"""How does a rich text become plain text? It may be Atlassian Document Format, wiki text or a plain string."""

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


class RichTextAttributesPayload(msgspec.Struct, gc=False, rename="camel"):
    """The attributes that contain a text. Unknown nodes may have any values here."""

    text: Any = None
    short_name: Any = None
    url: Any = None
    title: Any = None
    alt: Any = None
    timestamp: Any = None
    state: Any = None


class RichTextPayload(msgspec.Struct, gc=False):
    """A node of a document, as far as it matters for the text."""

    type: Any = ""
    text: Any = None
    content: "list[RichTextPayload] | None" = None
    attrs: RichTextAttributesPayload | None = None


_decoder = msgspec.json.Decoder(RichTextPayload | str | None)


def plain_text(body: msgspec.Raw | bytes) -> str:
    """The text of a JSON ``body``: a document, a string (wiki text) or null. A broken body gives the texts in it."""
    if not bytes(body):
        return ""
    try:
        document = _decoder.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return _texts_in(bytes(body))
    return render(document) if isinstance(document, RichTextPayload) else clean(document).strip()


def render(document: RichTextPayload) -> str:
    """The text of a document, one line per block. It uses a stack of its own, so the depth does not matter."""
    parts: list[str] = []
    stack: list[RichTextPayload | str] = [document]
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
            parts.append(_lead(kind, node.attrs or RichTextAttributesPayload()))
    return clean(_MANY_BREAKS.sub("\n", "".join(parts)).strip())


def _lead(kind: object, attrs: RichTextAttributesPayload) -> str:
    """The text of a node itself, before its content."""
    if kind == "taskItem":
        return "[x] " if attrs.state == "DONE" else "[ ] "
    if kind == "date":
        return _day(attrs.timestamp)
    if kind in LEADS:
        return LEADS[str(kind)]
    if isinstance(attrs.title, str):
        return f"{attrs.title}\n"
    text = attrs.text or attrs.short_name or attrs.url or attrs.alt
    return text if isinstance(text, str) else ""


def _day(timestamp: object) -> str:
    try:
        return datetime.fromtimestamp(int(str(timestamp)) / 1000, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return ""


def _texts_in(body: bytes) -> str:
    """Every ``text`` of a document that cannot be read (broken shape, absurd depth)."""
    found = []
    for quoted in _TEXTS.findall(body):
        try:
            found.append(msgspec.json.decode(quoted, type=str))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return clean(" ".join(found).strip())
