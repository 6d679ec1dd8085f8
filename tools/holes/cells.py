"""Which cells are there? Every kind of request × every hole, in the scenarios where the kind occurs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tools.holes.catalogue import KINDS, RequestKind
from tools.holes.columns import HOLES
from tools.holes.holes import Hole
from tools.holes.results import title
from tools.holes.scenarios import CHANGES, FIRST, SCENARIOS, SWEEP, Scenario


@dataclass(frozen=True)
class Cell:
    """A hole in the answers to one kind of request, in one scenario."""

    scenario: Scenario
    kind: RequestKind
    hole: Hole
    variant: str = ""

    @property
    def title(self) -> str:
        """What the hole test prints of it."""
        return title(self.scenario.title, self.kind.name, self.hole.name, self.variant)

    @property
    def reason(self) -> str:
        """Why it does not apply; "" if it does."""
        return self.hole.reason(self.kind, self.scenario)


Seen = Mapping[Scenario, set[str]]


def scenarios_of(kind: RequestKind, seen: Seen) -> list[Scenario]:
    """Where a kind is tried: in a first load and after changes; in a sweep if it occurs in sweeps only.

    A kind that one account has shown is not tried again with another account.
    """
    for account in dict.fromkeys(scenario.account for scenario in SCENARIOS):
        own = {each.name: each for each in SCENARIOS if each.account == account and kind.name in seen.get(each, set())}
        if own:
            return [own[name] for name in (FIRST, CHANGES) if name in own] or [own[SWEEP]]
    return []


def cells(seen: Seen) -> Iterator[Cell]:
    """All cells, those that do not apply included."""
    for kind in KINDS.values():
        for scenario in scenarios_of(kind, seen):
            for hole in HOLES:
                for variant in hole.variants(kind) or ("",):
                    yield Cell(scenario, kind, hole, variant)


def unknown_kinds(seen: Seen) -> set[str]:
    """The kinds of requests that have no entry in the catalogue."""
    return {name for names in seen.values() for name in names} - KINDS.keys()
