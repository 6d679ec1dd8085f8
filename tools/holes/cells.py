"""Which cells are there? Every kind of request × every hole, in the scenarios where the kind occurs.

A cell of the table has one hole. To try many holes in few runs, several kinds of requests get a hole at once: kinds of
one level, so that no hole keeps the request of another one from being made.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tools.holes.catalogue import KINDS, RequestKind
from tools.holes.columns import HOLES
from tools.holes.holes import Hole
from tools.holes.results import title
from tools.holes.scenarios import CHANGES, FIRST, SCENARIOS, SWEEP, Scenario

Seen = Mapping[Scenario, set[str]]


@dataclass(frozen=True)
class Part:
    """A hole in the answers to one kind of request, in one of its forms."""

    kind: RequestKind
    hole: Hole
    variant: str = ""

    @property
    def name(self) -> str:
        """The hole, with its form."""
        return f"{self.hole.name} {self.variant.removeprefix('data.')}".strip()


@dataclass(frozen=True)
class Cell:
    """One hole, or several in one run, in one scenario."""

    scenario: Scenario
    parts: tuple[Part, ...]

    @property
    def kinds(self) -> str:
        """The kinds of requests."""
        return " + ".join(part.kind.name for part in self.parts)

    @property
    def holes(self) -> str:
        """The holes, in the same order."""
        return " + ".join(part.name for part in self.parts)

    @property
    def title(self) -> str:
        """What the hole test prints of it."""
        return title(self.scenario.title, self.kinds, self.holes)

    @property
    def reason(self) -> str:
        """Why it does not apply; "" if it does."""
        reasons = [part.hole.reason(part.kind, self.scenario) for part in self.parts]
        return "" if "" in reasons else reasons[0]


def scenarios_of(kind: RequestKind, seen: Seen) -> list[Scenario]:
    """Where a kind is tried: in a first load and after changes; in a sweep if it occurs in sweeps only.

    A kind that one account has shown is not tried again with another account.
    """
    for account in dict.fromkeys(scenario.account for scenario in SCENARIOS):
        own = {each.name: each for each in SCENARIOS if each.account == account and kind.name in seen.get(each, set())}
        if own:
            return [own[name] for name in (FIRST, CHANGES) if name in own] or [own[SWEEP]]
    return []


def single_cells(seen: Seen) -> Iterator[Cell]:
    """All cells with one hole, those that do not apply included."""
    for kind in KINDS.values():
        for scenario in scenarios_of(kind, seen):
            for hole in HOLES:
                for variant in hole.variants(kind) or ("",):
                    yield Cell(scenario, (Part(kind, hole, variant),))


def rounds_of_cells(seen: Seen, rounds: int, seed: int) -> Iterator[Cell]:
    """Cells with several holes. In each round each kind gets one hole in each of its scenarios: the rarest so far."""
    used = Counter[str]()
    for number in range(rounds):
        parts: dict[tuple[Scenario, int], list[Part]] = {}
        for place, kind in enumerate(KINDS.values()):
            for scenario in scenarios_of(kind, seen):
                part = _rarest(kind, scenario, used, place + number + seed)
                if part:
                    used[f"{kind.name} {part.name}"] += len(HOLES)
                    used[part.hole.name] += 1
                    parts.setdefault((scenario, kind.level), []).append(part)
        for (scenario, _), together in parts.items():
            yield Cell(scenario, tuple(together))


def _rarest(kind: RequestKind, scenario: Scenario, used: Counter[str], start: int) -> Part | None:
    """The hole that was used least, for this kind and at all; of equals, the next one from ``start``."""
    possible = [
        Part(kind, hole, variant)
        for hole in HOLES
        if not hole.is_for_all and not kind.is_gate and not hole.reason(kind, scenario)
        for variant in hole.variants(kind)
    ]
    turned = possible[start % len(possible) :] + possible[: start % len(possible)] if possible else []
    return min(turned, key=lambda part: used[f"{kind.name} {part.name}"] + used[part.hole.name], default=None)


def unknown_kinds(seen: Seen) -> set[str]:
    """The kinds of requests that have no entry in the catalogue."""
    return {name for names in seen.values() for name in names} - KINDS.keys()
