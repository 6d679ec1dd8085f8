"""How long did the last runs take and how much did they take in? Two rows of bars as plain geometry for an SVG."""

from collections.abc import Sequence
from dataclasses import dataclass

from apps.dashboard.selectors import RunRow

STEP = 16  # from one bar to the next, in the units of the drawing
WIDTH = 10
HEIGHT = 64
LEAST = 2


@dataclass(frozen=True)
class Bar:
    """One run: where its bar stands and how high it is."""

    row: RunRow
    x: int
    y: float
    height: float
    width: int = WIDTH


@dataclass(frozen=True)
class Chart:
    """Bars from the oldest to the newest run in a drawing of ``width`` × ``height``."""

    bars: list[Bar]
    width: int
    highest: float
    height: int = HEIGHT


def duration_chart(rows: Sequence[RunRow]) -> Chart:
    """Seconds that each run worked."""
    return _chart(rows, [row.took.total_seconds() if row.took else 0.0 for row in rows])


def volume_chart(rows: Sequence[RunRow]) -> Chart:
    """Records that each run took in."""
    return _chart(rows, [float(row.volume) for row in rows])


def _chart(rows: Sequence[RunRow], values: Sequence[float]) -> Chart:
    highest = max(values, default=0.0)
    bars = []
    for position, (row, value) in enumerate(zip(reversed(rows), reversed(values), strict=True)):
        height = max(LEAST, round(value / highest * HEIGHT, 1)) if highest else LEAST
        bars.append(Bar(row, position * STEP, HEIGHT - height, height))
    return Chart(bars, max(len(bars) * STEP, STEP), highest)
