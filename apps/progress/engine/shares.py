"""Which stretch of the bar does each progress step fill? Equal, weighted, or changed while the run goes on.

All numbers are parts of the whole bar (0..1); the shares of a run always add up to 1.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """One step's stretch: ``earned`` when its fraction was ``begin``, and ``left`` to fill from there on.

    Only a step that was discovered while running leaves others with an ``earned`` part: ground once covered stays.
    """

    left: float
    earned: float = 0.0
    begin: float = 0.0

    @property
    def size(self) -> float:
        """The whole stretch."""
        return self.earned + self.left

    def filled(self, fraction: float | None) -> float:
        """How much of the bar the step fills at this fraction (0..1; ``None``, unknown, counts as 0)."""
        if self.begin >= 1.0:
            return self.earned
        return self.earned + self.left * max((fraction or 0.0) - self.begin, 0.0) / (1.0 - self.begin)


def weighted(weights: Sequence[float]) -> list[Share]:
    """Shares in proportion to the weights; equal ones give equal shares."""
    if not weights:
        raise ValueError("A bar needs at least one progress step.")
    for weight in weights:
        if not math.isfinite(weight) or weight <= 0:
            raise ValueError(f"A progress step's weight must be a number above 0, not {weight}.")
    total = math.fsum(weights)
    return [Share(weight / total) for weight in weights]


def discovered(shares: Sequence[Share], fractions: Sequence[float | None], weight: float = 1.0) -> list[Share]:
    """The shares after one more step has turned up: it takes its stretch from what is left to do.

    The bar stands where it stood. The new step weighs as much as ``weight`` steps of which nothing is done.
    """
    if not math.isfinite(weight) or weight <= 0:
        raise ValueError(f"A progress step's weight must be a number above 0, not {weight}.")
    done = [min(max(fraction or 0.0, share.begin), 1.0) for share, fraction in zip(shares, fractions, strict=True)]
    filled = [share.filled(fraction) for share, fraction in zip(shares, done, strict=True)]
    work_left = math.fsum(1.0 - fraction for fraction in done)
    kept = work_left / (work_left + weight)
    changed = [
        Share((share.size - earned) * kept, earned, fraction)
        for share, earned, fraction in zip(shares, filled, done, strict=True)
    ]
    return [*changed, Share(1.0 - math.fsum(share.size for share in changed))]
