"""Where in a decoded answer is a value? Paths such as ``data.nodes.*.labels``.

``*`` stands for every item of a list, ``page*`` for keys that begin so, ``a|b`` for several keys.
"""

from collections.abc import Iterator
from typing import Any

Key = str | int


def places(document: Any, path: str) -> Iterator[tuple[Any, Key, list[Key]]]:
    """Every place that ``path`` names and that exists: (container, key, the whole way to it)."""
    yield from _walk(document, path.split("."), [])


def values(document: Any, path: str) -> Iterator[Any]:
    """The values at these places; an empty path names the document."""
    if not path:
        yield document
        return
    for container, key, _ in places(document, path):
        yield container[key]


def _walk(value: Any, parts: list[str], way: list[Key]) -> Iterator[tuple[Any, Key, list[Key]]]:
    first, *rest = parts
    for key in _keys(value, first):
        if rest:
            yield from _walk(value[key], rest, [*way, key])
        else:
            yield value, key, [*way, key]


def _keys(value: Any, part: str) -> list[Key]:
    if isinstance(value, list):
        return list(range(len(value))) if part == "*" else []
    if not isinstance(value, dict):
        return []
    if part.endswith("*"):
        return [key for key in value if key.startswith(part[:-1])]
    return [key for key in part.split("|") if key in value]
