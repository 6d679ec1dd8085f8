"""How do counts, rates and times read? The same words in messages, pages and terminals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apps.progress.engine.bar import TotalKind
from apps.progress.engine.eta import SecondsRange
from apps.sources.definition import Stage, StepDefinition

UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
NOUNS = {Stage.EXTRACTION: "record", Stage.TRANSFORM: "record", Stage.EMBEDDING: "text"}
VERBS = {Stage.EXTRACTION: "extracted", Stage.TRANSFORM: "transformed", Stage.EMBEDDING: "embedded"}


@dataclass(frozen=True)
class Unit:
    """What the counters of a stage count: ``record`` and ``transformed``."""

    noun: str
    verb: str

    def plural(self, number: int) -> str:
        """The noun behind a number."""
        return self.noun if number == 1 else f"{self.noun}s"


def unit_of(step: StepDefinition | None, stage: Stage) -> Unit:
    """The unit of a stage; ``step`` is None for a step that was added while the run was running.

    The extraction of a step with a ``unit`` counts that: issues, pull requests.
    """
    if step and step.counts:
        return Unit(step.counts, "done")
    if step and step.unit and stage == Stage.EXTRACTION:
        return Unit(step.noun or step.unit.replace("_", " "), VERBS[stage])
    return Unit(NOUNS[stage], VERBS[stage])


def count_words(done: int, total: int, kind: TotalKind, unit: Unit) -> str:
    """``863 of 1,507 records transformed``; an estimated total is marked with ``≈``, an unknown one is left out.

    Empty if nothing has been counted yet.
    """
    if not done and not total:
        return ""
    return {
        TotalKind.EXACT: f"{done:,} of {total:,} {unit.plural(total)} {unit.verb}",
        TotalKind.ESTIMATE: f"{done:,} of ≈{max(total, done):,} {unit.plural(max(total, done))} {unit.verb}",
        TotalKind.UNKNOWN: f"{done:,} {unit.plural(done)} {unit.verb} so far",
    }[kind]


def with_rate(text: str, rate: float | None) -> str:
    """A count with its rate: ``… (240/s)``."""
    return f"{text} ({rate_words(rate)})" if text and rate else text


def step_message(title: str, count: str) -> str:
    """``Fetch Issues from API: 1,200 of 5,000 issues extracted (240/s)``."""
    return f"{title}: {count}" if count else title


def left_words(left: Sequence[tuple[Unit, int, bool]], steps: Sequence[str]) -> str:
    """``Still to do: ≈9,200 records to be transformed, then Extract Dev Status``; empty if nothing is left.

    ``left`` has numbers with their units, and whether each is exact; ``steps`` are the titles of those to come.
    """
    parts = [
        f"{f'{number:,}' if is_exact else _rounded(number)} {unit.plural(number)} to be {unit.verb}"
        for unit, number, is_exact in left
    ]
    more = f" and {len(steps) - 1} more step{'' if len(steps) == 2 else 's'}" if len(steps) > 1 else ""
    following = [f"{'then ' if parts else ''}{steps[0]}{more}"] if steps else []
    return f"Still to do: {', '.join(parts + following)}" if parts or steps else ""


def _rounded(number: int) -> str:
    """``≈9,200``: an estimate with the two figures that count."""
    return f"≈{round(number, 2 - len(str(number))):,}"


def whole_percent(percent: float) -> int:
    """A percent as every page, script and API shows it: rounded down, so that 100 means success and nothing else."""
    return math.floor(percent)


def rate_words(rate: float) -> str:
    """``240/s``, ``2.5/s`` or ``24/min``."""
    if rate >= 9.95:
        return f"{rate:,.0f}/s"
    return f"{rate:.1f}/s" if rate >= 1 else f"{rate * 60:.0f}/min"


def full_minute(moment: datetime) -> datetime:
    """The next full minute: the end of a wait that is shown in minutes is never too early."""
    return (moment + timedelta(seconds=59, microseconds=999_999)).replace(second=0, microsecond=0)


def wait_words(reason: str, until: datetime | None) -> str:
    """``Waiting until 14:05 UTC: GitHub asks for a pause …``, for readers whose clock is not known."""
    return f"Waiting until {full_minute(until.astimezone(UTC)):%H:%M} UTC: {reason}" if until else reason


def range_words(span: SecondsRange) -> str:
    """``4–6 min``, ``20–40 s``, ``25 min–1.5 h``; ``under 2 min`` if the range begins at 0."""
    unit, name = _unit(span.high)
    if not span.low:
        return f"under {span.high / unit:g} {name}"
    if span.low < unit:
        smaller, smaller_name = _unit(span.low)
        return f"{span.low / smaller:g} {smaller_name}–{span.high / unit:.3g} {name}"
    return f"{span.low / unit:.3g}–{span.high / unit:.3g} {name}"


def _unit(seconds: float) -> tuple[int, str]:
    return (1, "s") if seconds <= 60 else (60, "min") if seconds <= 3600 else (3600, "h")


def duration_words(seconds: float) -> str:
    """``2 min 19 s``: the two largest units."""
    left = round(seconds)
    parts: list[str] = []
    for size, unit in UNITS:
        number, left = divmod(left, size)
        if number or (parts and len(parts) < 2):
            parts.append(f"{number} {unit}")
    return " ".join(parts[:2]) or "under 1 s"
