"""Which cells are there? Every kind of request × every hole, in the scenarios where the kind occurs.

A cell of the table has one hole. To try many holes in few runs, several kinds of requests get a hole at once: kinds of
one level, so that no hole keeps the request of another one from being made.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count

from tools.holes.catalogue import KINDS, RequestKind
from tools.holes.columns import HOLES
from tools.holes.holes import Hole
from tools.holes.options import Options
from tools.holes.results import AND, title
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

    @property
    def is_alone(self) -> bool:
        """Whether other holes beside it would not be met."""
        return self.hole.is_for_all or self.hole.is_passing or self.kind.is_gate


@dataclass(frozen=True)
class Cell:
    """One hole, or several in one run, in one scenario."""

    scenario: Scenario
    parts: tuple[Part, ...]

    @property
    def kinds(self) -> str:
        """The kinds of requests."""
        return AND.join(part.kind.name for part in self.parts)

    @property
    def holes(self) -> str:
        """The holes, in the same order."""
        return AND.join(part.name for part in self.parts)

    @property
    def title(self) -> str:
        """What the hole test prints of it."""
        return title(self.scenario.title, self.kinds, self.holes)

    @property
    def singles(self) -> list["Cell"]:
        """Each of several holes in a cell of its own."""
        return [Cell(self.scenario, (part,)) for part in self.parts] if len(self.parts) > 1 else []

    @property
    def reason(self) -> str:
        """Why it does not apply; "" if it does."""
        reasons = [part.hole.reason(part.kind, self.scenario) for part in self.parts]
        return "" if "" in reasons else reasons[0]


def scenarios_of(kind: RequestKind, seen: Seen) -> list[Scenario]:
    """Where a kind is tried: in a first load and after changes; in a sweep if it occurs in sweeps only.

    A kind that one account has shown is not tried again with another account. Where GraphQL is switched off, its only
    answer is that.
    """
    for account in dict.fromkeys(scenario.account for scenario in SCENARIOS):
        if kind.is_graphql and not account.with_graphql:
            continue
        own = {each.name: each for each in SCENARIOS if each.account == account and kind.name in seen.get(each, set())}
        if own:
            return [own[name] for name in (FIRST, CHANGES) if name in own] or [own[SWEEP]]
    return []


def all_cells(seen: Seen, options: Options) -> Iterator[Cell]:
    """Every cell that is asked for: first those with one hole, then those with several.

    A hole that concerns everything is alone in its run, and so is a hole without which nothing is known. What does
    not apply comes with its reason.
    """
    joinable: dict[tuple[Scenario, RequestKind], list[Part]] = {}
    for place, kind in enumerate(KINDS.values()):
        for scenario in scenarios_of(kind, seen):
            wanted = [part for part in parts_of(kind) if options.wants(scenario.title, kind.name, part.name)]
            alone = [part for part in wanted if part.is_alone or part.hole.reason(kind, scenario)]
            if not options.rounds:
                yield from (Cell(scenario, (part,)) for part in alone)
            rest = [part for part in wanted if part not in alone]
            start = (place + options.seed) % len(rest) if rest else 0
            joinable[scenario, kind] = rest[start:] + rest[:start]
    yield from _joint_cells(joinable, options.rounds)


def parts_of(kind: RequestKind) -> list[Part]:
    """Every hole in the answers to a kind of request, in every form."""
    return [Part(kind, hole, variant) for hole in HOLES for variant in hole.variants(kind) or ("",)]


def _joint_cells(left: dict[tuple[Scenario, RequestKind], list[Part]], rounds: int) -> Iterator[Cell]:
    """In each round each kind gets one hole in each of its scenarios, until all were tried or ``rounds`` are over."""
    for _ in range(rounds) if rounds else count():
        together: dict[tuple[Scenario, int], list[Part]] = {}
        for (scenario, kind), parts in left.items():
            if parts:
                together.setdefault((scenario, kind.level), []).append(parts.pop(0))
        if not together:
            return
        for (scenario, _), parts in together.items():
            yield Cell(scenario, tuple(parts))


def unknown_kinds(seen: Seen) -> set[str]:
    """The kinds of requests that have no entry in the catalogue."""
    return {name for names in seen.values() for name in names} - KINDS.keys()
