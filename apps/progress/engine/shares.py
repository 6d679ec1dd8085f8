"""Which part of the bar does each progress step fill? Equal parts, weighted parts, or parts that change during a run.

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
        check_weight(weight)
    total = math.fsum(weights)
    return [Share(weight / total) for weight in weights]


def check_weight(weight: float) -> None:
    """Raise ``ValueError`` unless ``weight`` is a number above 0."""
    if not math.isfinite(weight) or weight <= 0:
        raise ValueError(f"A progress step's weight must be a number above 0, not {weight}.")
