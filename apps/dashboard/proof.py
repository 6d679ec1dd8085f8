"""What does the proof of a run look like? Its numbers side by side per kind, and everything that is missing by id."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from apps.jobs.models import Run
from apps.jobs.proof.lines import Line, Missing, lines_of
from apps.warehouse.models import MODELS


@dataclass(frozen=True)
class Cell:
    """A number of a row: ``share`` (0 to 100) of what it should reach, None where it does not apply."""

    column: str
    number: int | None
    share: float | None = None
    exact: bool = True


@dataclass(frozen=True)
class Row:
    """The numbers of one kind, in one project or repository or in all of them."""

    line: Line
    announced: int | None = None

    @property
    def cells(self) -> list[Cell]:
        """The columns, each measured by the one before that it should equal."""
        line, source = self.line, self.line.listed if self.line.exact else self.announced
        return [
            Cell("At the source", source, exact=line.exact),
            Cell("Stored", line.extracted, _share(line.extracted, line.listed)),
            Cell("Transformed", line.transformed, _share(line.transformed, line.extracted)),
            Cell("Loaded", line.loaded, _share(line.loaded, line.extracted)),
            Cell("Embedded", line.embedded, _share(line.embedded, line.texts)),
        ]

    @property
    def verdict(self) -> str:
        """``differs``, ``set-aside`` or ``agrees``."""
        if self.line.differs:
            return "differs"
        return "set-aside" if self.line.set_aside else "agrees"


@dataclass(frozen=True)
class Kind:
    """A kind with its places, and how much of it there is in all, whatever this run was about."""

    total: Row
    places: list[Row]
    in_all: int | None

    @property
    def name(self) -> str:
        """The kind."""
        return self.total.line.kind

    @property
    def is_loaded_kind(self) -> bool:
        """Whether this is a loaded table; else an answer of the provider that feeds others."""
        return self.name in MODELS


@dataclass(frozen=True)
class Finding:
    """Something that is missing in one place; ``words`` says from where, ``ids`` are some of them."""

    line: Line
    words: str
    missing: Missing

    @property
    def rest(self) -> int:
        """How many are not listed."""
        return self.missing.number - len(self.missing.ids)

    @property
    def is_stored(self) -> bool:
        """Whether the raw records can be looked at."""
        return self.missing is not self.line.missing_raw


@dataclass(frozen=True)
class ProofView:
    """What the page shows; without kinds there is nothing to compare yet."""

    run: Run
    kinds: list[Kind] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    set_aside: int = 0

    @property
    def verdict(self) -> str:
        """``differs``, ``set-aside`` or ``agrees``."""
        if self.findings or self.notes:
            return "differs"
        return "set-aside" if self.set_aside else "agrees"


def proof_of(run: Run | None) -> ProofView | None:
    """The proof of a run; None for a job that never ran."""
    if run is None:
        return None
    lines = lines_of(run.proof)
    by_kind: dict[str, list[Line]] = {}
    for line in lines:
        by_kind.setdefault(line.kind, []).append(line)
    in_all = run.counts.get("extracted", {}) | {k: n for k, n in run.counts.get("loaded", {}).items() if n}
    kinds = [_kind(run, name, of_kind, in_all.get(name)) for name, of_kind in by_kind.items() if name]
    return ProofView(
        run,
        sorted(kinds, key=lambda kind: (not kind.is_loaded_kind, kind.name)),
        [Finding(line, words, missing) for line in lines for words, missing in line.differences],
        [line.sentences[-1] for line in lines if line.nothing_found],
        sum(line.set_aside for line in lines),
    )


def _kind(run: Run, name: str, lines: list[Line], in_all: int | None) -> Kind:
    total = Line(
        name,
        listed=_sum(line.listed for line in lines),
        exact=any(line.exact for line in lines),
        extracted=_sum(line.extracted for line in lines),
        transformed=_sum(line.transformed for line in lines),
        loaded=_sum(line.loaded for line in lines),
        texts=_sum(line.texts for line in lines),
        embedded=_sum(line.embedded for line in lines),
        set_aside=sum(line.set_aside for line in lines),
        dismissed=sum(line.dismissed for line in lines),
        nothing_found=any(line.differs for line in lines),
    )
    places = [Row(line) for line in lines if line.scope or len(lines) > 1]
    return Kind(Row(total, run.announced.get(name)), places, in_all)


def _sum(numbers: Iterable[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def _share(number: int | None, expected: int | None) -> float | None:
    """In percent; None where nothing says how much it should be."""
    if number is None or expected is None:
        return None
    return min(100.0, 100.0 * number / expected) if expected else 100.0
