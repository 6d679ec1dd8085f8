"""How is JSON read that breaks the rules of Unicode, or is nested too deeply? With stand-ins for what is broken.

A stand-in is sound JSON. A part that is kept as ``msgspec.Raw`` gets its own bytes back, so it is stored as it came.
"""

import re
from itertools import count
from typing import Any, TypeVar

import msgspec

from apps.sources.text import REPLACEMENT

T = TypeVar("T")

MAX_DEPTH = 200  # levels of lists and objects; far more than the deepest value of a shape has
_BROKEN = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a whole pair
    r"|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"  # half of a pair
    r"|\\[^\udc80-\udcff]"  # any other escape, so that the second half of \\ does not look like the start of one
    r"|(?P<byte>[\udc80-\udcff\x00-\x08\x0b\x0c\x0e-\x1f])"  # a byte that is no UTF-8, a control character
)
_TOKENS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|(?P<open>[\[{])|(?P<close>[\]}])')


class Mended:
    """``body`` is sound JSON, as far as the given bytes are JSON at all."""

    def __init__(self, body: bytes) -> None:
        text = body.decode("utf-8-sig", errors="surrogateescape")
        self._originals: list[str] = []
        self._mark = next(mark for number in count() if (mark := f"~{number}~") not in text)
        self._stand_ins = re.compile(rf'"{self._mark}deep(\d+)~"|{self._mark}(\d+)~')
        text = self._without_depth(_BROKEN.sub(self._stand_in, text))
        self.body = text.encode()

    def restore(self, value: T) -> T:
        """``value`` with the own bytes of each ``Raw``, and with U+FFFD instead of other stand-ins."""
        return self._restored(value) if self._originals else value

    def _stand_in(self, found: re.Match[str]) -> str:
        if found["half"] or found["byte"]:
            return self._remember(found[0])
        return found[0]

    def _remember(self, original: str, kind: str = "") -> str:
        self._originals.append(original)
        return f"{self._mark}{kind}{len(self._originals) - 1}~"

    def _without_depth(self, text: str) -> str:
        """``text`` with a stand-in for each list and object that is nested too deeply."""
        parts, end, start, depth = list[str](), 0, 0, 0
        for token in _TOKENS.finditer(text):
            if token["open"]:
                depth += 1
                if depth == MAX_DEPTH + 1:
                    start = token.start()
            elif token["close"]:
                if depth == MAX_DEPTH + 1:
                    parts += (text[end:start], f'"{self._remember(text[start : token.end()], "deep")}"')
                    end = token.end()
                depth -= 1
        return "".join((*parts, text[end:])) if parts else text

    def _original(self, found: re.Match[str]) -> str:
        original = self._originals[int(found[1] or found[2])]
        return self._stand_ins.sub(self._original, original)  # what is nested too deeply may be broken as well

    def _restored(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._stand_ins.sub(REPLACEMENT, value)
        if isinstance(value, msgspec.Raw):
            text, number = self._stand_ins.subn(self._original, bytes(value).decode())
            return msgspec.Raw(text.encode(errors="surrogateescape")) if number else value
        if isinstance(value, list):
            return [self._restored(item) for item in value]
        if isinstance(value, dict):
            return {self._restored(name): self._restored(item) for name, item in value.items()}
        if isinstance(value, msgspec.Struct):
            for name in value.__struct_fields__:
                before = getattr(value, name)
                if (after := self._restored(before)) is not before:
                    msgspec.structs.force_setattr(value, name, after)
        return value
