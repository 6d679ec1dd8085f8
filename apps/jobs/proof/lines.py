"""Is everything there? A proof: per kind and project or repository what was listed, stored, loaded and embedded.

A proof is a list of lines that is stored with its run (``Run.proof``). It gives the number and the ids of everything
that is missing; a run with something missing is incomplete. ``counting`` computes the lines.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

MAX_MISSING_IDS = 100  # stored per column of a line
MAX_SUMMARY_SENTENCES = 3


class Missing(msgspec.Struct, frozen=True):
    """How many records a column lacks, and at most :data:`MAX_MISSING_IDS` of their ids."""

    number: int = 0
    ids: list[str] = []


class ProofLine(msgspec.Struct, omit_defaults=True):
    """The numbers of one kind in one project or repository; ``scope`` is "" if there is none, or it is not known.

    ``None``: the column does not apply. ``listed`` is known, and ``exact``, if the provider listed ids in this run.
    ``transformed`` are the records that were not set aside. ``loaded`` is known if the kind has a table, ``texts`` and
    ``embedded`` if it has texts. ``set_aside`` waits in quarantine, and a person has ``dismissed`` some with a reason:
    neither is missing. The ids of ``missing_children`` are those of their parents.
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
    missing_children: Missing = Missing()
    nothing_found: bool = False

    @property
    def differs(self) -> bool:
        """Whether something is missing here."""
        return self.nothing_found or any(missing.number for _, missing in self.differences)

    @property
    def differences(self) -> list[tuple[str, Missing]]:
        """What is missing, with the words that say where."""
        found = (
            ("listed by the provider, but not stored", self.missing_raw),
            ("stored, but not loaded", self.missing_loaded),
            ("loaded, but not embedded", self.missing_embedded),
            ("announced with their parents, but not loaded", self.missing_children),
        )
        return [(words, missing) for words, missing in found if missing.number]

    @property
    def sentences(self) -> list[str]:
        """What is wrong here, in sentences."""
        place, kind = self.scope or "the site", self.kind.replace("_", " ")
        found = [f"{place}: {missing.number:,} × {kind} {words}" for words, missing in self.differences]
        if self.nothing_found and not self.kind:
            found.append("the provider returned nothing at all: check the chosen projects and the rights of the token")
        elif self.nothing_found:
            found.append(f"{place}: no {kind} was found, although {self.extracted or 0:,} are stored")
        return found


def encode(lines: Iterable[ProofLine]) -> list[dict[str, Any]]:
    """The lines as the column stores them."""
    return [msgspec.to_builtins(line) for line in lines]


def decode(proof: list[dict[str, Any]]) -> list[ProofLine]:
    """The lines that the column stores."""
    return msgspec.convert(proof, list[ProofLine])


def sentences(lines: Iterable[ProofLine]) -> Iterator[str]:
    """Everything that is wrong, one sentence each."""
    for line in lines:
        yield from line.sentences


def summary(lines: Iterable[ProofLine]) -> str:
    """What is wrong, in one line; "" if nothing is."""
    found = list(sentences(lines))
    more = len(found) - MAX_SUMMARY_SENTENCES
    return "; ".join(found[:MAX_SUMMARY_SENTENCES]) + (f"; and {more:,} more" if more > 0 else "")


def unread(lines: Iterable[ProofLine]) -> set[str]:
    """The projects or repositories to read again, because not all of their records are stored."""
    return {line.scope for line in lines if line.nothing_found or line.missing_raw.number}
