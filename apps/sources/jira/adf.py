"""How does a rich text become plain text? It may be Atlassian Document Format, wiki text or a plain string."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import msgspec

from apps.sources.mending import Mended
from apps.sources.reading import note_odd_value
from apps.sources.text import as_dict, clean

BLOCKS = frozenset(
    {
        "paragraph", "heading", "codeBlock", "blockquote", "panel", "rule", "listItem", "taskItem",
        "decisionItem", "tableRow", "tableCell", "tableHeader", "mediaSingle", "mediaGroup", "expand",
        "nestedExpand", "caption", "blockCard", "embedCard", "extension", "bodiedExtension",
    }
)  # fmt: skip
LEADS = {"listItem": "- ", "decisionItem": "- ", "taskItem": "[ ] ", "date": "", "hardBreak": "\n"}
_TEXTS = re.compile(rb'"(?:text|href|url)"\s*:\s*("(?:[^"\\]|\\.)*")')
_MANY_BREAKS = re.compile(r"\n{2,}")
_ATTRIBUTE = "an attribute of a rich text"
_SCHEME = re.compile(r"^(?:https?://|mailto:)")


class RichTextAttributesPayload(msgspec.Struct, gc=False, rename="camel"):
    """The attributes that contain a text, a name or an address. Unknown nodes may have any values here."""

    text: Any = None
    short_name: Any = None
    title: Any = None
    alt: Any = None
    file_name: Any = None
    stored_file_name: Any = msgspec.field(default=None, name="__fileName")
    url: Any = None
    href: Any = None
    data: Any = None
    timestamp: Any = None
    state: Any = None


class RichTextPayload(msgspec.Struct, gc=False):
    """A node of a document, as far as it matters for the text. A mark of a node has the same shape."""

    type: str
    text: str | None = None
    content: "list[RichTextPayload] | None" = None
    marks: "list[RichTextPayload] | None" = None
    attrs: RichTextAttributesPayload | None = None


class _Code(str):
    """The text of a code block: its blank lines and its indentation have a meaning."""

    __slots__ = ()


_decoder: msgspec.json.Decoder[RichTextPayload | str | None] = msgspec.json.Decoder(RichTextPayload | str | None)


def plain_text(body: msgspec.Raw | bytes, path: str) -> str:
    """The text of a JSON ``body``: a document, a string (wiki text) or null.

    A broken body gives the texts and addresses in it; its ``path`` is noted as an odd value.
    """
    if not bytes(body):
        return ""
    try:
        document = _document(bytes(body))
    except (msgspec.DecodeError, RecursionError):
        note_odd_value(path)
        return _texts_in(bytes(body))
    return render(document) if isinstance(document, RichTextPayload) else clean(document).strip()


def _document(body: bytes) -> RichTextPayload | str | None:
    """The document; what is no Unicode becomes U+FFFD."""
    try:
        return _decoder.decode(body)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError):
        mended = Mended(body)
        return mended.restore(_decoder.decode(mended.body))


def render(document: RichTextPayload) -> str:
    """The text of a document, one line per block. It uses a stack of its own, so the depth does not matter."""
    parts: list[str] = []
    stack: list[RichTextPayload | str] = [document]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            parts.append(node)
            continue
        kind, content = node.type, node.content or []
        parts.append(node.text or "")
        if kind == "text":
            continue
        if kind in BLOCKS:
            stack.append("\n")
        if kind == "codeBlock":
            parts.append(_Code("".join(child.text or "" for child in content)))
            continue
        if node.marks:
            stack.append(_address(_link(node), ""))
        stack.extend(_with_addresses(content)[::-1])
        if node.attrs or kind in LEADS:
            parts.append(_lead(kind, node.attrs or RichTextAttributesPayload()))
    return clean(_joined(parts))


def _joined(parts: Iterable[str]) -> str:
    """The text without blank lines, but for those of code."""
    pieces: list[str] = []
    for is_code, some in groupby(filter(None, parts), lambda part: isinstance(part, _Code)):
        text = "".join(some)
        if not is_code:
            text = _MANY_BREAKS.sub("\n", text if pieces else text.lstrip())
        pieces.append(text)
    return "".join(pieces).rstrip()


def _with_addresses(content: list[RichTextPayload]) -> list[RichTextPayload | str]:
    """The nodes, with its address behind each linked text. A link may consist of several texts."""
    if not any(node.marks for node in content):
        return list(content)
    nodes: list[RichTextPayload | str] = []
    for link, some in groupby(content, lambda node: _link(node) if node.type == "text" else ""):
        linked = list(some)
        label = "".join(node.text or "" for node in linked)
        nodes += [*linked, _address(link, label)]
    return nodes


def _link(node: RichTextPayload) -> str:
    """The address that a node is linked to, "" for none."""
    return _first_text(*(mark.attrs.href for mark in node.marks or [] if mark.type == "link" and mark.attrs))


def _address(address: str, label: str) -> str:
    """An address as it stands behind its label; nothing if the label says it already."""
    is_said = _SCHEME.sub("", label.strip()).rstrip("/") == _SCHEME.sub("", address).rstrip("/")
    return "" if is_said or not address else f" ({address})"


def _lead(kind: str, attrs: RichTextAttributesPayload) -> str:
    """The text of a node itself, before its content: its name, and the address of a card or a picture."""
    if kind == "taskItem":
        return "[x] " if attrs.state == "DONE" else "[ ] "
    if kind == "date":
        return _day(attrs.timestamp)
    if kind in LEADS:
        return LEADS[kind]
    card = as_dict(attrs.data)
    label = _first_text(
        attrs.text, attrs.short_name, attrs.title, card.get("name"), card.get("title"), attrs.alt, attrs.file_name,
        attrs.stored_file_name,
    )  # fmt: skip
    address = _first_text(attrs.url, card.get("url"))
    if address:
        return label + _address(address, label) if label else address
    return f"{label}\n" if label and label == attrs.title else label


def _first_text(*values: object) -> str:
    """The first text that is not empty, "" for none. What is no text is an odd value."""
    if not all(value is None or isinstance(value, str) for value in values):
        note_odd_value(_ATTRIBUTE)
    return next((value for value in values if isinstance(value, str) and value), "")


def _day(timestamp: object) -> str:
    try:
        return datetime.fromtimestamp(int(str(timestamp)) / 1000, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        note_odd_value(_ATTRIBUTE)
        return ""


def _texts_in(body: bytes) -> str:
    """Every text and address of a document that cannot be read (broken shape, absurd depth)."""
    found = []
    for quoted in _TEXTS.findall(body):
        try:
            found.append(msgspec.json.decode(quoted, type=str))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return clean(" ".join(found).strip())
