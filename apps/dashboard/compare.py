"""How do two runs of a job differ? Settings, durations, counts and rates side by side, with the difference in words."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from apps.dashboard.run_rows import took
from apps.dashboard.templatetags.dashboard import duration, kind
from apps.jobs.models import Run
from apps.progress.choices import RunState
from apps.progress.engine.words import rate_words
from apps.progress.models import StageProgress
from apps.sources.registry import definition

MAX_OFFERED_RUNS = 20
MORE, LONGER, FASTER = ("more", "fewer"), ("longer", "shorter"), ("faster", "slower")
MIN_DIFFERENCE = 0.005  # as a share of the larger value; smaller differences are not shown
# The totals of a run that are compared, and what they are called.
TOTALS = {
    "announced": "announced by the provider",
    "extracted": "stored",
    "loaded": "loaded",
    "embedded": "embedded",
    "set_aside": "set aside",
}

Cells = dict[tuple[str, str], StageProgress]


@dataclass(frozen=True)
class Measure:
    """One number of both runs. The bars are percentages of the larger number."""

    title: str
    left: str
    right: str
    left_bar: float
    right_bar: float
    difference: str


@dataclass(frozen=True)
class Setting:
    """One setting or outcome of both runs, in words."""

    title: str
    left: str
    right: str

    @property
    def is_different(self) -> bool:
        """Whether the runs differ in it."""
        return self.left != self.right


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side. ``same`` says how many totals are equal in both runs; they are not listed."""

    left: Run
    right: Run
    settings: list[Setting]
    tables: list[tuple[str, list[Measure]]]
    same: int

    @property
    def runs(self) -> tuple[Run, Run]:
        """Both runs, the left one first."""
        return self.left, self.right


def candidates(run: Run) -> list[Run]:
    """The recent other runs of the same job, newest first."""
    runs = Run.objects.for_tenant(run.tenant_id).filter(job=run.job_id).exclude(pk=run.pk).select_related("job")
    return list(runs.order_by("-created_at")[:MAX_OFFERED_RUNS])


def chosen(run: Run, offered: list[Run], wanted: UUID | None) -> Run | None:
    """The run ``wanted`` of the same job; without it the last earlier run that finished, or else another run."""
    if wanted:
        runs = Run.objects.for_tenant(run.tenant_id).filter(job=run.job_id, pk=wanted).exclude(pk=run.pk)
        return runs.select_related("job").first()
    earlier = [other for other in offered if other.created_at < run.created_at]
    succeeded = [other for other in earlier if other.state == RunState.FINISHED]
    return next(iter([*succeeded, *earlier, *offered]), None)


def comparison(left: Run, right: Run) -> Comparison:
    """``left`` beside ``right``. Differences describe the left run."""
    stages = StageProgress.objects.filter(run__in=[left.pk, right.pk])
    cells: dict[UUID, Cells] = {left.pk: {}, right.pk: {}}
    for row in stages:
        cells[row.run_id][row.step, row.stage] = row
    totals = _without_zeros(_totals(left, right))
    differing = [measure for measure in totals if measure.difference != "no difference"]
    tables = [*_tables(left, right, cells), ("Totals at the end of the run", differing)]
    return Comparison(left, right, list(_settings(left, right)), tables, len(totals) - len(differing))


def _settings(left: Run, right: Run) -> Iterator[Setting]:
    values: dict[str, Callable[[Run], str]] = {
        "Outcome": lambda run: run.get_outcome_display() if run.outcome else run.get_state_display(),
        "Mode": lambda run: run.get_mode_display(),
        "Attempts": lambda run: str(run.attempt),
        "Changed since": lambda run: _moment(run.since),
        "Changed until": lambda run: _moment(run.until),
        "Projects or repositories": lambda run: ", ".join(run.scopes) or "All",
        "Checks for deleted records": lambda run: "Yes" if run.sweep else "No",
        "Skipped by the provider": lambda run: f"{len(run.skips):,}" if run.skips else "Nothing",
        "Error": lambda run: run.error or "None",
    }
    return (Setting(title, value(left), value(right)) for title, value in values.items())


def _tables(left: Run, right: Run, cells: dict[UUID, Cells]) -> Iterator[tuple[str, list[Measure]]]:
    steps = [(step, stage.value) for step in definition(left.job.job_type).steps for stage in step.stages]
    pairs = [
        (f"{step.title}: {stage}", cells[left.pk].get((step.key, stage)), cells[right.pk].get((step.key, stage)))
        for step, stage in steps
    ]
    whole = _measure("Whole run", _seconds(took(left)), _seconds(took(right)), _time, LONGER)
    worked = (_measure(name, _lasted(a), _lasted(b), _time, LONGER) for name, a, b in pairs)
    yield "Duration", [whole, *_without_zeros(worked)]
    yield "Records processed", _without_zeros(_measure(name, _done(a), _done(b), _number, MORE) for name, a, b in pairs)
    yield (
        "Speed",
        _without_zeros(_measure(name, _rate(a), _rate(b), rate_words, FASTER) for name, a, b in pairs),
    )


def _totals(left: Run, right: Run) -> Iterator[Measure]:
    for column, words in TOTALS.items():
        ours, theirs = left.counts.get(column, {}), right.counts.get(column, {})
        for name in sorted(ours | theirs):
            yield _measure(f"{kind(name)}: {words}", ours.get(name), theirs.get(name), _number, MORE)


def _measure(
    title: str, left: float | None, right: float | None, words: Callable[[float], str], than: tuple[str, str]
) -> Measure:
    largest = max(left or 0, right or 0) or 1
    bars = [round((value or 0) / largest * 100, 1) for value in (left, right)]
    texts = ["—" if value is None else words(value) for value in (left, right)]
    return Measure(title, texts[0], texts[1], bars[0], bars[1], _difference(left, right, words, than))


def _difference(left: float | None, right: float | None, words: Callable[[float], str], than: tuple[str, str]) -> str:
    if left is None or right is None:
        return ""
    gap = left - right
    if abs(gap) <= MIN_DIFFERENCE * max(left, right):
        return "no difference"
    share = f" ({gap / right:+.0%})" if right else ""
    return f"{words(abs(gap))} {than[0] if gap > 0 else than[1]}{share}"


def _without_zeros(measures: Iterable[Measure]) -> list[Measure]:
    return [measure for measure in measures if (measure.left_bar, measure.right_bar) != (0, 0)]


def _lasted(cell: StageProgress | None) -> float | None:
    if cell is None or cell.started_at is None or cell.finished_at is None:
        return None
    return (cell.finished_at - cell.started_at).total_seconds()


def _done(cell: StageProgress | None) -> float | None:
    return None if cell is None else cell.done


def _rate(cell: StageProgress | None) -> float | None:
    lasted = _lasted(cell)
    return cell.done / lasted if cell and lasted and cell.done else None


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else duration(timedelta(seconds=seconds))


def _number(value: float) -> str:
    return f"{value:,.0f}"


def _moment(moment: datetime | None) -> str:
    return f"{timezone.localtime(moment):%-d %b %Y, %H:%M %Z}" if moment else "No limit"
