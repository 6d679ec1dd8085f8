"""Into which passages is a text cut? Each gets its own vector, so that a search finds what a long text contains.

A vector has one meaning. In the vector of a whole long text, the meaning of a single sentence is lost.
"""

import re
from collections.abc import Iterator

# GitHub accepts texts of 65,536 characters, Jira of half as many. The rest of a longer text is not embedded.
MAX_DOCUMENT_CHARS = 65_536
# Jira and GitHub accept no longer titles. A longer first line is not a title.
MAX_TITLE_CHARS = 256
# One part of so many in a passage may be the title, and one part the end of the passage before. Measured with static
# vectors and real issues: with both, a search finds more related issues and still finds single sentences.
PARTS = 5
# Raise this number when the code cuts texts in another way: then every text is embedded again.
VERSION = 1

_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])|\n+")


def preparation(size: int) -> str:
    """How a text is cut into passages of ``size``. A text that was cut in another way is embedded again."""
    return f"passages {VERSION}/{size}"


def passages_to_embed(text: str, size: int) -> list[str]:
    """What the embedder gets: the passages of ``text``. The start of the title precedes each passage but the first."""
    title, _ = _title_and_body(text)
    start = title if len(title) <= size // PARTS else title[: size // PARTS].rpartition(" ")[0]
    first, *others = passages_of(text, size)
    return [first, *(f"{start}\n\n{passage}" if start else passage for passage in others)]


def passages_of(text: str, size: int) -> list[str]:
    """The passages of ``text``, made of whole sentences where possible; one blank passage for a blank text.

    A passage and the start of the title have at most ``size`` characters together. The first has the whole title.
    """
    title, body = _title_and_body(text)
    passages = _passages(body, size - min(len(title), size // PARTS), size // PARTS)
    first, *others = [passage for passage in passages if passage] or [""]
    return [f"{title}\n\n{first}" if title else first, *others]


def _title_and_body(text: str) -> tuple[str, str]:
    """The first line, if it is short enough for a title and more text follows, and the rest."""
    text = text[:MAX_DOCUMENT_CHARS].strip()
    line, _, rest = text.partition("\n")
    return (line.strip(), rest.strip()) if rest and len(line) <= MAX_TITLE_CHARS else ("", text)


def _passages(text: str, room: int, overlap: int) -> Iterator[str]:
    """As many sentences as ``room`` characters hold. A passage begins with the last short sentences before it."""
    sentences = list(_sentences(text, room))
    first = 0
    for number, (_, end) in enumerate(sentences):
        if end - sentences[first][0] <= room:
            continue
        start, previous_end = sentences[first][0], sentences[number - 1][1]
        yield text[start:previous_end].strip()
        first = number
        while previous_end - sentences[first - 1][0] <= overlap and end - sentences[first - 1][0] <= room:
            first -= 1
    if sentences:
        yield text[sentences[first][0] :].strip()


def _sentences(text: str, room: int) -> Iterator[tuple[int, int]]:
    """Start and end of each sentence or line. A longer one than ``room`` is cut, between words where possible."""
    start = 0
    for end in [*(found.end() for found in _SENTENCE_END.finditer(text)), len(text)]:
        while end - start > room:
            cut_at = text.rfind(" ", start + room // 2, start + room) + 1 or start + room
            yield start, cut_at
            start = cut_at
        if start < end:
            yield start, end
            start = end
