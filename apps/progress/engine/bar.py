"""How far is a run? From the counters of its stages to one bar of shares.

Step *i* of *n* covers ``[i·100/n, (i+1)·100/n]`` (or its weight's share); the bar is the sum of share × fraction over
all progress steps, so work done ahead in a later step counts as soon as it is done.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from apps.sources.definition import ALL_STAGES, JobDefinition, Part, ProgressStep, Stage

# The bar is full only on success; until then it stays below.
NEARLY_FULL = 99.9
# A running stage with a known total is never quite done by itself: it may still fail.
NEARLY_DONE = 0.999


@dataclass(frozen=True)
class Cell:
    """The counters of one stage of one step; ``total`` 0 means unknown."""

    done: int = 0
    total: int = 0
    finished: bool = False


@dataclass(frozen=True)
class Bar:
    """What the bar shows: percent, the first progress step that is not done, its own fraction (``None``: unknown)."""

    percent: float
    step_index: int
    total_steps: int
    step_progress: float | None
    title: str


Cells = Mapping[tuple[str, Stage], Cell]


def _own_fraction(cell: Cell) -> float | None:
    if cell.finished:
        return 1.0
    return min(cell.done / cell.total, NEARLY_DONE) if cell.total else None


def stage_fraction(cells: Cells, step: str, stage: Stage) -> float | None:
    """The fraction (0..1) of a stage; ``None`` when its total is unknown.

    While an earlier stage of the step still runs, the later one has seen only that share of the records, so its own
    fraction is scaled down by the earlier one's.
    """
    fraction: float | None = 1.0
    for one in ALL_STAGES[: ALL_STAGES.index(stage) + 1]:
        cell = cells.get((step, one))
        if cell is None:
            continue
        own = _own_fraction(cell)
        fraction = None if own is None or fraction is None else fraction * own
        if cell.finished:
            fraction = 1.0
    return fraction


def _part_fraction(cells: Cells, part: Part) -> float | None:
    fraction = stage_fraction(cells, part.step, part.stage)
    if fraction is None:
        return None
    return min(max((fraction - part.begin) / (part.end - part.begin), 0.0), 1.0)


def step_fraction(cells: Cells, step: ProgressStep) -> float | None:
    """The mean fraction of a progress step's parts; parts of unknown total add nothing until they end."""
    fractions = [_part_fraction(cells, part) for part in step.parts]
    if all(fraction is None for fraction in fractions):
        return None
    return sum(fraction or 0.0 for fraction in fractions) / len(fractions)


def overall_percent(step_index: int, total_steps: int, step_progress: float | None) -> float:
    """Equal shares: the percent at ``step_progress`` (0..1) of a step; ``None`` means the step's end (total unknown).

    The formula of the owner's progress document: ``(i + p) · 100 / n``.
    """
    if not 0 <= step_index < total_steps:
        raise ValueError(f"step_index must be from 0 to {total_steps - 1}, not {step_index}.")
    if step_progress is not None and not 0.0 <= step_progress <= 1.0:
        raise ValueError(f"step_progress must be from 0.0 to 1.0 or None, not {step_progress}.")
    return (step_index + (1.0 if step_progress is None else step_progress)) * 100 / total_steps


def bar(definition: JobDefinition, cells: Cells, *, succeeded: bool = False) -> Bar:
    """The bar of a run with these counters; 100 only when it ``succeeded``."""
    steps = definition.progress_steps
    fractions = [step_fraction(cells, step) for step in steps]
    index = next((i for i, fraction in enumerate(fractions) if fraction is None or fraction < 1.0), len(steps) - 1)
    weights = [step.weight for step in steps]
    percent = (
        sum((fraction or 0.0) * weight for fraction, weight in zip(fractions, weights, strict=True))
        / sum(weights)
        * 100
    )
    return Bar(
        percent=100.0 if succeeded else min(percent, NEARLY_FULL),
        step_index=index,
        total_steps=len(steps),
        step_progress=fractions[index],
        title=steps[index].title,
    )
