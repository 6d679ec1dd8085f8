"""Is everything there? A proof: per kind and project or repository what was listed, stored, loaded and embedded.

A proof is a list of lines, kept with its run (``Run.proof``). Every difference is told by number and by id; a run with
a difference is incomplete. How the lines are computed is in ``proving``.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

SHOWN = 100  # ids of one difference that are kept
TOLD = 3  # differences that the run's sentence names


class Missing(msgspec.Struct, frozen=True):
    """How many records a column lacks, and at most :data:`SHOWN` of their ids."""

    number: int = 0
    ids: list[str] = []


class Line(msgspec.Struct, omit_defaults=True):
    """The numbers of one kind in one project or repository ("" for what belongs to none, or is not told).

    ``None`` says that the column does not apply. ``listed`` is known, and ``exact``, where the provider listed ids in
    this run; ``transformed`` is what was not set aside on the way; ``loaded`` is known where there is a table of that
    kind, ``texts`` and ``embedded`` where it has texts.
    ``set_aside`` waits in quarantine, ``dismissed`` is what a person gave up with a reason: neither counts as missing.
    """

    kind: str
    scope: str = ""
    listed: int | None = None
    exact: bool = False
    extracted: int | None = None
    transformed: int | None = None
    loaded: int | None = None
    texts: int | None = None
    embedded: int | None = None
    set_aside: int = 0
    dismissed: int = 0
    missing_raw: Missing = Missing()
    missing_loaded: Missing = Missing()
    missing_embedded: Missing = Missing()
    nothing_found: bool = False

    @property
    def differs(self) -> bool:
        """Whether something is missing here."""
        return self.nothing_found or any(missing.number for _, missing in self.differences)

    @property
    def differences(self) -> list[tuple[str, Missing]]:
        """What is missing, each with the words that say from where."""
        found = (
            ("listed by the provider, but not stored", self.missing_raw),
            ("stored, but not loaded", self.missing_loaded),
            ("loaded, but not embedded", self.missing_embedded),
        )
        return [(words, missing) for words, missing in found if missing.number]

    @property
    def sentences(self) -> list[str]:
        """What is wrong here, for people."""
        place, kind = self.scope or "the site", self.kind.replace("_", " ")
        told = [f"{place}: {missing.number:,} × {kind} {words}" for words, missing in self.differences]
        if self.nothing_found and not self.kind:
            told.append("the provider gave nothing at all: check the chosen projects and what the token may see")
        elif self.nothing_found:
            told.append(f"{place}: no {kind} was found, although {self.extracted or 0:,} are stored")
        return told


def stored(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """The lines as the run keeps them."""
    return [msgspec.to_builtins(line) for line in lines]


def lines_of(proof: list[dict[str, Any]]) -> list[Line]:
    """The lines that a run keeps."""
    return msgspec.convert(proof, list[Line])


def sentences(lines: Iterable[Line]) -> Iterator[str]:
    """Everything that is wrong, one sentence each."""
    for line in lines:
        yield from line.sentences


def summary(lines: Iterable[Line]) -> str:
    """What is wrong, short enough for a line; "" for nothing."""
    told = list(sentences(lines))
    rest = f"; and {len(told) - TOLD:,} more" if len(told) > TOLD else ""
    return "; ".join(told[:TOLD]) + rest


def unread(lines: Iterable[Line]) -> set[str]:
    """The projects or repositories that have to be asked again: not all that they have is stored."""
    return {line.scope for line in lines if line.nothing_found or line.missing_raw.number}
