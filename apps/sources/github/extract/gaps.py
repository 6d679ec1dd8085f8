"""What did an answer of GraphQL leave out? A null with an error beside it, or a list that is null, is no value."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from apps.sources.base import Skip, Slice
from apps.sources.github.client import ErrorNode
from apps.sources.github.kept import TOTAL
from apps.sources.reading import odd_values, read_json
from apps.sources.text import as_dict, as_list

T = TypeVar("T")

NOT_FOUND = "NOT_FOUND"
NO_REASON = "GitHub gives no reason"
NULL = b"null"


class Gap(NamedTuple):
    """A part of an object that did not come: its path inside the object ("" for all of it), and the reason."""

    path: tuple[str | int, ...] = ()
    reason: str = NO_REASON
    type: str | None = None

    @property
    def sentence(self) -> str:
        """The name of the part and the reason."""
        name = next(
            (step for step in reversed(self.path) if isinstance(step, str) and step not in ("nodes", TOTAL)), ""
        )
        return f"{name}: {self.reason}" if name else self.reason


def read_with_gaps(payload: bytes, shape: type[T], gaps: list[Gap]) -> T | None:
    """A part of a payload without its odd values, ``None`` if it cannot be read at all. Odd values are a gap.

    If parts did not come, they have a gap already.
    """
    with odd_values() as paths:
        try:
            found: T | None = read_json(payload, shape)
        except msgspec.DecodeError:
            found = None
    if paths and not gaps:
        gaps.append(Gap((), f"{paths[0]} cannot be read"))
    return found


def gaps_below(errors: Iterable[ErrorNode], *above: str) -> dict[int, list[Gap]]:
    """The gaps of the items of the list at ``above``, by the place of the item."""
    found: dict[int, list[Gap]] = {}
    for error in errors:
        path = tuple(error.path or ())
        place = path[len(above)] if path[: len(above)] == above and len(path) > len(above) else None
        if isinstance(place, int):
            found.setdefault(place, []).append(Gap(path[len(above) + 1 :], error.sentence or NO_REASON, error.type))
    return found


def gaps_of(errors: Iterable[ErrorNode], *above: str) -> list[Gap]:
    """The gaps of the object at ``above``."""
    return [
        Gap(tuple(error.path)[len(above) :], error.sentence or NO_REASON, error.type)
        for error in errors
        if error.path and tuple(error.path)[: len(above)] == above
    ]


def without_place(errors: Iterable[ErrorNode]) -> str:
    """Why something is missing anywhere in the answer, "" if each error names the place."""
    return "; ".join(dict.fromkeys(error.sentence or NO_REASON for error in errors if not error.path))


def null_lists(payload: bytes, names: Iterable[str]) -> list[Gap]:
    """The lists of an object that are null although nothing says why: even an empty list is no null."""
    fields = as_dict(read_json(payload, object))
    return [Gap((name, "nodes")) for name in names if not isinstance(as_dict(fields.get(name)).get("nodes"), list)]


def null_items(payload: bytes, names: Iterable[str]) -> list[Gap]:
    """The null items in some lists of an object."""
    fields = as_dict(read_json(payload, object))
    return [
        Gap((name, "nodes", place))
        for name in names
        for place, item in enumerate(as_list(as_dict(fields.get(name)).get("nodes")))
        if item is None
    ]


def pair(
    asked: Sequence[T], nodes: Sequence[bytes], is_about: Callable[[T, bytes], bool]
) -> list[tuple[T, bytes, int]]:
    """What was asked for, each with its answer and the answer's place; ``null`` for what the answer lacks."""
    if len(asked) == len(nodes):
        return [(one, node, place) for place, (one, node) in enumerate(zip(asked, nodes, strict=True))]
    found = []
    for one in asked:
        place = next((place for place, node in enumerate(nodes) if node != NULL and is_about(one, node)), -1)
        found.append((one, nodes[place] if place >= 0 else NULL, place))
    return found


def hole(scope: str, what: str, gaps: Iterable[Gap], again: Slice) -> Skip:
    """The skip for an object that came in part or not at all."""
    reasons = "; ".join(dict.fromkeys(gap.sentence for gap in gaps))
    return Skip(scope, f"{what} cannot be read completely: {reasons.rstrip('.')}.", again=again)
