"""How far is a run? From the counters of its stages to one bar of shares.

Step *i* of *n* covers ``[i·100/n, (i+1)·100/n]`` (or its weight's share). The bar stands in the first step that is not
done. What is done ahead in later steps is shown in the matrix; the bar counts it when its step begins.

The bar never says more than is done: a stage fills its share by ``done/total`` once that total cannot grow any more.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile

from apps.progress.engine.shares import Share, weighted
from apps.sources.definition import ALL_STAGES, Part, ProgressStep, Stage

# The bar is full only on success; until then it stays below.
MAX_UNFINISHED_PERCENT = 99.9
# A running stage with a known total stays below 1 until it is finished, because it may still fail.
MAX_UNFINISHED_FRACTION = 0.999


class TotalKind(StrEnum):
    """How reliable a total is. An estimate is marked as one everywhere; an unknown total is never shown as a number."""

    EXACT = "exact"
    ESTIMATE = "estimate"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class StageCounters:
    """The counters of one stage of one step; ``total`` 0 means unknown.

    ``is_growing``: the stage has open batches of its own that may add to the total.
    """

    done: int = 0
    total: int = 0
    is_finished: bool = False
    is_growing: bool = False

    @property
    def has_begun(self) -> bool:
        """Whether anything has been counted."""
        return self.done > 0 or self.total > 0 or self.is_finished


@dataclass(frozen=True)
class Bar:
    """What the bar shows: percent, the first progress step that is not done, its own fraction (``None``: unknown).

    ``part`` is the part that this step works on; ``total_kind`` says how reliable the total of its counter is.
    """

    percent: float
    step_index: int
    total_steps: int
    step_progress: float | None
    title: str
    part: Part
    total_kind: TotalKind


@dataclass(frozen=True)
class OutlineLine:
    """A progress step as the page shows it: its stretch of the bar in percent, its fraction, the steps inside it."""

    title: str
    begin: float
    end: float
    progress: float | None
    steps: tuple["OutlineLine", ...] = ()


RunCounters = Mapping[tuple[str, Stage], StageCounters]


def _stages_up_to(cells: RunCounters, step: str, stage: Stage) -> Iterator[StageCounters]:
    for one in ALL_STAGES[: ALL_STAGES.index(stage) + 1]:
        if (step, one) in cells:
            yield cells[step, one]


def stage_fraction(cells: RunCounters, step: str, stage: Stage) -> float | None:
    """The fraction (0..1) of a stage; ``None`` while its total is unknown or may grow."""
    cell = cells.get((step, stage))
    if cell is None or cell.is_finished:
        return 1.0
    if not cell.total or may_grow(cells, step, stage):
        return None
    return min(cell.done / cell.total, MAX_UNFINISHED_FRACTION)


def may_grow(cells: RunCounters, step: str, stage: Stage) -> bool:
    """Whether anything that can add to the total of a stage is open: an earlier stage, or a list of its own."""
    *earlier, cell = _stages_up_to(cells, step, stage)
    return cell.is_growing or not all(before.is_finished for before in earlier)


def total_kind(cells: RunCounters, step: str, stage: Stage) -> TotalKind:
    """How reliable the total of a stage is."""
    cell = cells.get((step, stage), StageCounters())
    if not cell.total:
        return TotalKind.UNKNOWN
    is_exact = not may_grow(cells, step, stage) and cell.done <= cell.total
    return TotalKind.EXACT if is_exact else TotalKind.ESTIMATE


def part_fraction(cells: RunCounters, part: Part) -> float | None:
    """The fraction of a part: where its stage stands between the part's begin and end."""
    fraction = stage_fraction(cells, part.step, part.stage)
    if fraction is None:
        return None
    return min(max((fraction - part.begin) / (part.end - part.begin), 0.0), 1.0)


def step_fraction(cells: RunCounters, step: ProgressStep) -> float | None:
    """The fraction of a progress step; parts and nested steps of unknown total add nothing until they end."""
    if step.steps:
        fractions = [step_fraction(cells, inner) for inner in step.steps]
        shares = weighted([inner.weight for inner in step.steps])
    else:
        fractions = [part_fraction(cells, part) for part in step.parts]
        shares = weighted([1.0] * len(step.parts))
    if all(fraction is None for fraction in fractions):
        return None
    if all(fraction == 1.0 for fraction in fractions):
        return 1.0
    return math.fsum(share.filled(fraction) for share, fraction in zip(shares, fractions, strict=True))


def shown_fractions(steps: Sequence[ProgressStep], cells: RunCounters) -> list[float | None]:
    """The fraction of each progress step as the bar shows it: a step begins when all before it are done."""
    fractions = [step_fraction(cells, step) for step in steps]
    done = sum(1 for _ in takewhile(lambda fraction: fraction == 1.0, fractions))
    return [
        fraction if place <= done or step.is_beside else None
        for place, (step, fraction) in enumerate(zip(steps, fractions, strict=True))
    ]


def bar(
    steps: Sequence[ProgressStep],
    cells: RunCounters,
    shares: Sequence[Share] | None = None,
    *,
    is_successful: bool = False,
) -> Bar:
    """The bar of a run with these counters; 100 only when the run ``is_successful``.

    ``shares`` are the steps' stretches where they do not simply follow the weights of the definition.
    """
    shares = shares or weighted([step.weight for step in steps])
    fractions = shown_fractions(steps, cells)
    index = next((i for i, fraction in enumerate(fractions) if fraction is None or fraction < 1.0), len(steps) - 1)
    percent = 100 * math.fsum(share.filled(fraction) for share, fraction in zip(shares, fractions, strict=True))
    leaves = steps[index].leaves
    part = next((leaf for leaf in leaves if part_fraction(cells, leaf) != 1.0), leaves[-1])
    return Bar(
        percent=100.0 if is_successful else min(percent, MAX_UNFINISHED_PERCENT),
        step_index=index,
        total_steps=len(steps),
        step_progress=fractions[index],
        title=steps[index].title,
        part=part,
        total_kind=total_kind(cells, part.step, part.stage),
    )


def outline(
    steps: Sequence[ProgressStep],
    cells: RunCounters,
    shares: Sequence[Share] | None = None,
    *,
    begin: float = 0.0,
    end: float = 100.0,
) -> tuple[OutlineLine, ...]:
    """The plan between ``begin`` and ``end`` percent, step by step with what is nested in it."""
    lines = []
    at = begin
    for step, share in zip(steps, shares or weighted([step.weight for step in steps]), strict=True):
        stop = at + share.size * (end - begin)
        inner = outline(step.steps, cells, begin=at, end=stop) if step.steps else ()
        lines.append(OutlineLine(step.title, round(at, 2), round(stop, 2), step_fraction(cells, step), inner))
        at = stop
    return tuple(lines)
