"""What does a page show of a run's proof? The numbers of each kind side by side, and the ids of missing records."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from apps.dashboard.templatetags.dashboard import kind as kind_words
from apps.jobs.models import Run
from apps.jobs.proof.lines import Missing, ProofLine, decode
from apps.warehouse.models import MODELS


@dataclass(frozen=True)
class ProofFigure:
    """A number in a row. ``share`` is its percentage of the expected number; ``None`` if nothing is expected."""

    column: str
    number: int | None
    share: float | None = None
    is_exact: bool = True


@dataclass(frozen=True)
class ProofRow:
    """The numbers of one kind, in one project or repository or in all of them."""

    line: ProofLine
    announced: int | None = None

    @property
    def cells(self) -> list[ProofFigure]:
        """The numbers of the columns, each compared with the number that it should equal."""
        line, source = self.line, self.line.listed if self.line.exact else self.announced
        return [
            ProofFigure("At the source", source, is_exact=line.exact),
            ProofFigure("Stored", line.extracted, _share(line.extracted, line.listed)),
            ProofFigure("Transformed", line.transformed, _share(line.transformed, line.extracted)),
            ProofFigure("Loaded", line.loaded, _share(line.loaded, line.extracted)),
            ProofFigure("Embedded", line.embedded, _share(line.embedded, line.texts)),
        ]

    @property
    def result(self) -> str:
        """``differs``, ``set-aside`` or ``agrees``."""
        if self.line.differs:
            return "differs"
        return "set-aside" if self.line.set_aside else "agrees"


@dataclass(frozen=True)
class ProofKind:
    """A kind with its projects or repositories, and how many records of it are stored in all, also of other runs."""

    total: ProofRow
    places: list[ProofRow]
    in_all: int | None

    @property
    def name(self) -> str:
        """The name of the kind."""
        return self.total.line.kind

    @property
    def title(self) -> str:
        """The name of the kind in words. Raw answers are distinguished from the loaded rows of the same name."""
        return kind_words(self.name) if self.is_loaded_kind else f"{kind_words(self.name)} (raw answers)"

    @property
    def is_loaded_kind(self) -> bool:
        """Whether this kind has a table of loaded rows. Other kinds are answers that feed loaded kinds."""
        return self.name in MODELS


@dataclass(frozen=True)
class Finding:
    """Records that are missing in one project or repository. ``words`` says where they are missing."""

    line: ProofLine
    words: str
    missing: Missing

    @property
    def rest(self) -> int:
        """How many missing records are not listed by id."""
        return self.missing.number - len(self.missing.ids)

    @property
    def is_stored(self) -> bool:
        """Whether the raw records of the missing ones are stored."""
        return self.missing is not self.line.missing_raw


@dataclass(frozen=True)
class ProofView:
    """The proof as the page shows it. Without kinds, there is nothing to compare yet."""

    run: Run
    kinds: list[ProofKind] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    set_aside: int = 0

    @property
    def result(self) -> str:
        """``differs``, ``set-aside`` or ``agrees``."""
        if self.findings or self.notes:
            return "differs"
        return "set-aside" if self.set_aside else "agrees"


def proof_of(run: Run | None) -> ProofView | None:
    """The proof of a run; ``None`` for a job without a run."""
    if run is None:
        return None
    lines = decode(run.proof)
    by_kind: dict[str, list[ProofLine]] = {}
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


def _kind(run: Run, name: str, lines: list[ProofLine], in_all: int | None) -> ProofKind:
    total = ProofLine(
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
    places = [ProofRow(line) for line in lines if line.scope or len(lines) > 1]
    return ProofKind(ProofRow(total, run.announced.get(name)), places, in_all)


def _sum(numbers: Iterable[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def _share(number: int | None, expected: int | None) -> float | None:
    """``number`` in percent of ``expected``; ``None`` if one of them is unknown."""
    if number is None or expected is None:
        return None
    return min(100.0, 100.0 * number / expected) if expected else 100.0
