"""How much does each progress step weigh, by the time that earlier runs spent in it? See ``with_learned_weights``."""

import math
from collections.abc import Mapping, Sequence
from statistics import median

from apps.progress.engine.history import counter_key
from apps.progress.engine.shares import Share, weighted
from apps.sources.definition import ProgressStep

# A step that took no time still gets this share, so that people see it pass.
MIN_STEP_SHARE = 0.01


def learnt_shares(steps: Sequence[ProgressStep], runs: Sequence[Mapping[str, float]]) -> list[Share]:
    """The shares by the seconds of each counter in earlier runs; empty if no earlier run has usable times."""
    weights = learnt_weights([[step_seconds(step, run) for step in steps] for run in runs])
    return weighted(weights) if weights else []


def step_seconds(step: ProgressStep, spent: Mapping[str, float]) -> float:
    """How long a run was busy with a progress step, by the seconds of each counter."""
    return math.fsum(
        spent.get(counter_key(part.step, part.stage), 0.0) * (part.end - part.begin) for part in step.leaves
    )


def learnt_weights(runs: Sequence[Sequence[float]]) -> list[float]:
    """The median share of run time per progress step over several runs (seconds per step), each at least 1 %.

    A run that took no time is left out. The answer is empty if no run took time.
    """
    timed = [run for run in runs if math.fsum(run) > 0]
    if not timed:
        return []
    shares = [[seconds / math.fsum(run) for seconds in run] for run in timed]
    return [max(median(step), MIN_STEP_SHARE) for step in zip(*shares, strict=True)]
