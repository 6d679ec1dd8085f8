"""How long did the listed runs take, and how much did they read? Two bar charts as plain geometry for an SVG."""

from collections.abc import Sequence
from dataclasses import dataclass

from apps.dashboard.run_rows import RunRow

STEP = 16  # distance from one bar to the next, in units of the drawing
WIDTH = 10
HEIGHT = 64
MIN_BAR_HEIGHT = 2


@dataclass(frozen=True)
class ChartBar:
    """The bar of one run."""

    row: RunRow
    x: int
    y: float
    height: float
    width: int = WIDTH


@dataclass(frozen=True)
class Chart:
    """Bars from the oldest to the newest run, in a drawing of ``width`` × ``height``."""

    bars: list[ChartBar]
    width: int
    highest: float
    height: int = HEIGHT

    @property
    def newest(self) -> ChartBar:
        """The bar of the newest run."""
        return self.bars[-1]


def duration_chart(rows: Sequence[RunRow]) -> Chart:
    """How many seconds each run took."""
    return _chart(rows, [row.took.total_seconds() if row.took else 0.0 for row in rows])


def volume_chart(rows: Sequence[RunRow]) -> Chart:
    """How many records each run read."""
    return _chart(rows, [float(row.volume) for row in rows])


def _chart(rows: Sequence[RunRow], values: Sequence[float]) -> Chart:
    highest = max(values, default=0.0)
    bars = []
    for position, (row, value) in enumerate(zip(reversed(rows), reversed(values), strict=True)):
        height = max(MIN_BAR_HEIGHT, round(value / highest * HEIGHT, 1)) if highest else MIN_BAR_HEIGHT
        bars.append(ChartBar(row, position * STEP, HEIGHT - height, height))
    return Chart(bars, max(len(bars) * STEP, STEP), highest)
