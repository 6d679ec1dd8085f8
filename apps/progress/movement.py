"""What becomes of the visible state of a run by its counters? The bar and, while it works, its pace and its end."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from apps.progress.choices import JobState
from apps.progress.engine import words
from apps.progress.engine.bar import Bar, RunCounters
from apps.progress.engine.eta import Pace, known_rate, observed, sampled
from apps.progress.engine.history import counter_key
from apps.progress.models import RunProgress
from apps.progress.plan import AnyStage, bar_of, cells_of, eta_of, stored_pace, unit_of


def moved(row: RunProgress, stages: Sequence[AnyStage], now: datetime) -> dict[str, Any]:
    """The new values of the row of a run, by the counters of its stages."""
    cells = cells_of(stages)
    bar = bar_of(row, cells, is_successful=row.overall == JobState.FINISHED)
    changes = _bar_changes(row, bar)
    if row.overall == JobState.RUNNING:
        changes |= _running_changes(row, bar, cells, now.timestamp())
    return changes


def _bar_changes(row: RunProgress, bar: Bar) -> dict[str, Any]:
    return {
        "percent": max(row.percent, bar.percent),
        "step_index": bar.step_index,
        "total_steps": bar.total_steps,
        "step_title": bar.title,
        "step_progress": bar.step_progress,
        "total_kind": bar.total_kind,
    }


def _running_changes(row: RunProgress, bar: Bar, cells: RunCounters, seconds: float) -> dict[str, Any]:
    """The pace, the ETA by that pace, and the message with the counts of the current step."""
    part = bar.part
    cell = cells[part.step, part.stage]
    pace = _pace(row, bar, cells, seconds)
    span = None if row.waiting else eta_of(row, cells, part, pace, seconds)
    count = words.count_words(cell.done, cell.total, bar.total_kind, unit_of(row, part))
    return {
        "pace": msgspec.to_builtins(pace),
        "eta_low": span.low if span else None,
        "eta_high": span.high if span else None,
        "message": words.step_message(bar.title, words.with_rate(count, known_rate(pace))),
    }


def _pace(row: RunProgress, bar: Bar, cells: RunCounters, seconds: float) -> Pace:
    """The pace after a look at the counters; a wait leaves it as it was."""
    pace, part = stored_pace(row), bar.part
    if row.waiting and pace is not None:
        return pace
    pace = sampled(pace, counter_key(part.step, part.stage), cells[part.step, part.stage].done, seconds)
    at_work = {key: cell.done for key, cell in cells.items() if cell.has_begun and not cell.is_finished}
    return observed(pace, {counter_key(*key): done for key, done in at_work.items()}, seconds)
