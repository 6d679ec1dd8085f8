"""When will a run end that no earlier run can tell? What it has done itself says how much is left, and how fast.

A stage that still receives records will do for each record of the stage before it as much as so far. The stages of a
run work side by side, so its end is that of the slowest. If they share processors, each becomes faster when others end:
that is the low end of the range. Nobody knows the work of a step that has not begun: it may take nothing, and at most
as long as the longest step so far. Without a known total there is no forecast.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from apps.progress.engine.bar import RunCounters, StageCounters, may_grow
from apps.progress.engine.eta import Growth, Pace, SecondsRange, around, coarse, expires_at
from apps.progress.engine.history import counter_key
from apps.sources.definition import ALL_STAGES, Stage

# Before so many seconds of work there is no forecast.
MIN_SECONDS_ALONE = 60.0


@dataclass(frozen=True)
class StepLeft:
    """What is left of a step: the seconds that each unfinished stage needs, by itself, at its present rate.

    ``longest`` is how many seconds the slowest stage takes in all. ``is_known``: nothing else is left.
    """

    spans: dict[Stage, SecondsRange]
    longest: float
    is_known: bool


def forecast(cells: RunCounters, pace: Pace, now: float) -> SecondsRange | None:
    """About how many seconds the run still takes, by what it has done itself; ``None`` if that is unknown."""
    expires = expires_at(pace)
    if expires is None or now > expires or pace.worked < MIN_SECONDS_ALONE:
        return None
    steps = [_left_of_step(cells, pace, step) for step in dict.fromkeys(step for step, _ in cells)]
    known = [step for step in steps if step is not None]
    spans = [span for step in known for span in step.spans.values()]
    if len(known) < len(steps) or not spans:
        return None
    # The first stage of a step waits for the provider, so it becomes no faster when others end.
    fetching = [step.spans[stage].low for step in known for stage in step.spans if stage == Stage.EXTRACTION]
    low = max([max(span.low for span in spans) / len(spans), *fetching])
    unknown = sum(not step.is_known for step in known) * max(step.longest for step in known)
    return coarse(SecondsRange(low, max(span.high for span in spans) + unknown))


def _left_of_step(cells: RunCounters, pace: Pace, step: str) -> StepLeft | None:
    """What is left of a step; ``None`` if it works and the total of its first stage is unknown."""
    spans, longest, is_known = dict[Stage, SecondsRange](), 0.0, has_begun(cells, step)
    for stage, _ in _stages(cells, step) if is_known else ():
        left = left_to_do(cells, step, stage)
        if left is None and _stage_before(cells, step, stage) is None:
            return None
        growth = pace.counters.get(counter_key(step, stage), Growth(0))
        rest = left / growth.rate if left is not None and growth.rate else None
        if rest:
            spans[stage] = around(rest, growth.samples)
        is_known = is_known and (left == 0 or rest is not None)
        longest = max(longest, growth.worked + (rest or 0.0))
    return StepLeft(spans, longest, is_known)


def left_to_do(cells: RunCounters, step: str, stage: Stage) -> float | None:
    """How many items a stage still has to do, with those that it will receive; ``None`` if that is unknown."""
    total = _expected_total(cells, step, stage)
    return None if total is None else max(total - cells[step, stage].done, 0.0)


def has_begun(cells: RunCounters, step: str) -> bool:
    """Whether anything of a step has been counted or is finished."""
    return any(cell.has_begun for _, cell in _stages(cells, step))


def _expected_total(cells: RunCounters, step: str, stage: Stage) -> float | None:
    cell, before = cells[step, stage], _stage_before(cells, step, stage)
    if cell.is_finished:
        return cell.done
    if not may_grow(cells, step, stage):
        return cell.total if cell.total or before else None
    if before is None or cell.is_growing:
        return None
    total, done = _expected_total(cells, step, before), cells[step, before].done
    return cell.total + max(total - done, 0.0) * cell.total / done if total is not None and done else None


def _stages(cells: RunCounters, step: str) -> Iterator[tuple[Stage, StageCounters]]:
    return ((stage, cells[step, stage]) for stage in ALL_STAGES if (step, stage) in cells)


def _stage_before(cells: RunCounters, step: str, stage: Stage) -> Stage | None:
    before = [one for one in ALL_STAGES[: ALL_STAGES.index(stage)] if (step, one) in cells]
    return before[-1] if before else None
