"""Which requests does a hole hit in one cell? Those of one kind, and only those about its target if there is one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from tools.holes.catalogue import RequestKind
from tools.holes.exchange import Answer, Asked
from tools.holes.paths import Key, places, values

Ask = Callable[[Asked], Answer]
# What the lists of a query's ids are called in its answer.
ALIASES = {"ids": "nodes"}


@dataclass
class Aim:
    """One kind of request, a target ("" for all), a variant of the hole, and how often an answer was changed."""

    kind: RequestKind
    target: str = ""
    variant: str = ""
    times: int = 0
    lock: Lock = field(default_factory=Lock, repr=False)

    def hits(self, asked: Asked) -> bool:
        """Whether this request is hit."""
        return asked.kind == self.kind.name and (not self.target or self.target in self.objects(asked))

    def objects(self, asked: Asked) -> list[str]:
        """The objects that a request names."""
        return self.kind.about(asked) if self.kind.about else []

    def places(self, asked: Asked, document: Any, path: str) -> list[tuple[Any, Key, list[Key]]]:
        """The places of ``path`` in an answer that belong to the target."""
        found = list(places(document, path))
        if not self.target or not self.kind.is_bulk or not self.kind.is_graphql:
            return found
        return [place for place in found if is_of_target(asked, self.target, place[2])]

    def count(self) -> None:
        """Note that an answer was changed."""
        with self.lock:
            self.times += 1


def is_of_target(asked: Asked, target: str, way: list[Key]) -> bool:
    """Whether a place in the answer of a query with several ids belongs to one of them."""
    for name, value in asked.variables.items():
        if isinstance(value, list) and target in value:
            return way[1] == ALIASES.get(name, name) and (len(way) < 3 or way[2] == value.index(target))
        if value == target and name.startswith("id"):
            return way[1] == f"page{name.removeprefix('id')}"
    return False


def items_of(kind: RequestKind, answer: Answer) -> list[Any]:
    """The items of the lists in an answer; of several lists, all."""
    if kind.listing is None or answer.status != 200:
        return []
    found = values(answer.json(), kind.listing.items)
    return [item for value in found if isinstance(value, list) for item in value]


def is_last_page(kind: RequestKind, answer: Answer) -> bool:
    """Whether nothing follows this page."""
    if kind.end == "url":
        return 'rel="next"' not in answer.headers.get("link", "")
    ends = kind.listing.ends if kind.listing else ()
    if not ends:
        return not items_of(kind, answer)
    document = answer.json()
    return all(value == end for path, end in ends for value in values(document, path))
