"""Are the bars of a timeline at the position of their times, whatever the length of the run?"""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.dashboard.timeline import MAX_TICKS, Scale, ticks, timeline
from apps.progress.choices import SpanKind
from apps.progress.models import Span
from apps.sources.definition import JobDefinition, StepDefinition

BEGIN = datetime(2026, 11, 22, 13, 59, 7, tzinfo=UTC)
JOB = JobDefinition("jira", "Jira", (StepDefinition("one", "First step"), StepDefinition("two", "Second step")), ())


def span(pk: int, kind: SpanKind, begin: float, end: float | None, **more: str) -> Span:
    began = BEGIN + timedelta(seconds=begin)
    ended = None if end is None else BEGIN + timedelta(seconds=end)
    return Span(pk=pk, kind=kind, began_at=began, ended_at=ended, attempt=1, **more)


@given(st.floats(1, 400 * 86_400))
def test_the_axis_has_a_few_ticks_at_round_times(seconds: float) -> None:
    found = list(ticks(Scale(BEGIN, BEGIN + timedelta(seconds=seconds))))
    assert len(found) <= MAX_TICKS
    assert all(0 <= tick.x <= 100 for tick in found)
    assert [tick.x for tick in found] == sorted(tick.x for tick in found)


@pytest.mark.parametrize(
    ("seconds", "texts"),
    [
        (8, ["13:59:08", "13:59:10", "13:59:12", "13:59:14"]),
        (120, ["13:59:30", "14:00:00", "14:00:30", "14:01:00"]),
        (3 * 3600, ["14:00", "15:00", "16:00"]),
    ],
)
def test_ticks_are_read_from_a_clock(seconds: int, texts: list[str]) -> None:
    assert [tick.text for tick in ticks(Scale(BEGIN, BEGIN + timedelta(seconds=seconds)))] == texts


def test_no_spans_give_no_timeline() -> None:
    assert timeline(JOB, [], None) is None


def test_bars_stand_in_lanes_by_step_and_stage() -> None:
    spans = [
        span(1, SpanKind.ATTEMPT, 0, 100, state="FINISHED"),
        span(2, SpanKind.STAGE, 0, 50, step="two", stage="extraction", state="finished"),
        span(3, SpanKind.STAGE, 50, 75, step="one", stage="transform", state="finished"),
        span(4, SpanKind.WAIT, 75, 100, note="Rate limit."),
    ]
    drawn = timeline(JOB, spans, BEGIN + timedelta(seconds=100))
    assert drawn
    assert [title for title, _ in drawn.groups] == ["Whole run", "First step", "Second step"]
    (stretch,) = drawn.groups[1][1][0].stretches
    assert (stretch.x, stretch.width) == (50, 25)
    assert stretch.label == "Transform of First step: 13:59:57 to 14:00:22, 25.0 s, finished"
    (wait,) = drawn.groups[0][1][1].stretches
    assert wait.label.endswith("25.0 s. Rate limit.")


def test_a_span_that_has_not_ended_reaches_to_the_end() -> None:
    spans = [span(1, SpanKind.ATTEMPT, 0, None)]
    drawn = timeline(JOB, spans, BEGIN + timedelta(seconds=10))
    assert drawn
    (stretch,) = drawn.groups[0][1][0].stretches
    assert (stretch.x, stretch.width, stretch.state, stretch.is_open) == (0, 100, "running", True)


def test_many_short_bars_are_joined_and_no_bar_is_too_narrow() -> None:
    spans = [span(i, SpanKind.WAIT, i, i + 0.5, note=f"Reason {i}") for i in range(3000)]
    drawn = timeline(JOB, spans, BEGIN + timedelta(seconds=3000))
    assert drawn
    stretches = drawn.groups[0][1][0].stretches
    assert len(stretches) < 10
    assert sum(stretch.number for stretch in stretches) == 3000
    assert all(stretch.width >= 0.4 and stretch.x + stretch.width <= 100.5 for stretch in stretches)
    assert len(drawn.entries) == 500
