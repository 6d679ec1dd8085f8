"""How far is a stage when only its expected duration is known? It comes nearer to its end and never reaches it.

The fraction is an estimate and shown as one. Only the true end of the stage ends it.
"""

import math

from apps.progress.engine.bar import MAX_UNFINISHED_FRACTION


def expected_fraction(elapsed: float, expected: float) -> float:
    """The fraction (0..1, always below 1) after ``elapsed`` seconds: 0.9 when the ``expected`` seconds are over."""
    for name, seconds in (("elapsed", elapsed), ("expected", expected)):
        if not math.isfinite(seconds) or seconds < 0:
            raise ValueError(f"{name} must be seconds from 0 on, not {seconds}.")
    if not expected:
        raise ValueError("expected must be above 0 seconds: without an expectation there is no estimate.")
    # Nearly a straight line up to two thirds of the time, then slower and slower.
    return min(math.tanh(1.4722 * elapsed / expected), MAX_UNFINISHED_FRACTION)
