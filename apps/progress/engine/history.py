"""What do earlier runs teach? How long each counter kept a run busy, and what each progress step weighs by that."""

import math
from collections.abc import Mapping, Sequence
from statistics import median

from apps.sources.definition import ProgressStep

# A step that took no time at all still gets this share, so that people see it pass.
SMALLEST_SHARE = 0.01

Span = tuple[float | None, float | None]


def advances(order: Sequence[str], spans: Mapping[str, Span]) -> dict[str, float]:
    """By how many seconds each counter pushed the end of the run further, in the order of the plan.

    ``spans`` are the begin and end (epoch seconds) of every counter. Counters that worked side by side share their
    time: the later one of the plan gets only what it needed longer. The sum is the run's time.
    """
    begins = [begin for begin, _ in spans.values() if begin is not None]
    now = min(begins, default=0.0)
    seconds: dict[str, float] = {}
    for counter in order:
        _, end = spans.get(counter, (None, None))
        seconds[counter] = max(end - now, 0.0) if begins and end is not None else 0.0
        now += seconds[counter]
    return seconds


def step_seconds(step: ProgressStep, spent: Mapping[str, float]) -> float:
    """How long a run was busy with a progress step, from the :func:`advances` of its counters."""
    return math.fsum(
        spent.get(counter_key(part.step, part.stage), 0.0) * (part.end - part.begin) for part in step.leaves
    )


def counter_key(step: str, stage: str) -> str:
    """The name of a stage's counter in stored history."""
    return f"{step}/{stage}"


def learnt_weights(runs: Sequence[Sequence[float]]) -> list[float]:
    """The median share of run time per progress step over several runs (seconds per step), each at least 1 %.

    Runs that took no time teach nothing; without any other the answer is empty.
    """
    timed = [run for run in runs if math.fsum(run) > 0]
    if not timed:
        return []
    shares = [[seconds / math.fsum(run) for seconds in run] for run in timed]
    return [max(median(step), SMALLEST_SHARE) for step in zip(*shares, strict=True)]
