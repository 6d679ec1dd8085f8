"""Does the tracker of the stage table keep its promises after any sequence of updates?"""

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.progress.compat.smooth import expected_fraction
from apps.progress.compat.stages import (
    BROKEN,
    FINAL,
    STAGE_PROGRESS,
    SUCCEEDED,
    PipelineStage,
    ProgressInfo,
    ProgressTracker,
    progress_within,
)

TABLE = {
    "queued": 0,
    "downloading": 5,
    "downloaded": 15,
    "uploading": 18,
    "processing_started": 20,
    "transcribing": 25,
    "analyzing": 50,
    "processing": 70,
    "posting_tiktok": 80,
    "posting_instagram": 85,
    "uploading_clips": 90,
    "completed": 100,
    "posting_completed": 100,
    "failed": 0,
    "error": 0,
    "cancelled": 0,
}
stages = st.sampled_from(PipelineStage)
news = st.one_of(
    st.tuples(st.just("enter"), stages, st.just(0)),
    st.tuples(st.just("explicit"), stages, st.integers(0, 100)),
    st.tuples(st.just("within"), stages, st.floats(0, 1)),
)


class Memory(dict[str, ProgressInfo]):
    """Tasks in a dictionary."""

    def update(self, task_id: str, change: Callable[[ProgressInfo | None], ProgressInfo]) -> ProgressInfo:  # type: ignore[override]
        self[task_id] = change(self.get(task_id))
        return self[task_id]


@pytest.fixture
def tracker() -> ProgressTracker:
    return ProgressTracker(Memory())


def test_the_table_is_the_owners() -> None:
    assert ProgressTracker.get_all_stages() == TABLE


@pytest.mark.parametrize("progress", [math.nan, 30.0, "30", True, None])
def test_a_percent_must_be_a_whole_number(progress: Any) -> None:
    with pytest.raises(TypeError, match="progress must be a whole number from 0 to 100"):
        ProgressInfo(PipelineStage.DOWNLOADING, progress)


@pytest.mark.parametrize("progress", [101, -1])
def test_a_percent_outside_the_bar_is_refused(progress: int) -> None:
    with pytest.raises(ValueError, match="progress must be from 0 to 100"):
        ProgressInfo(PipelineStage.DOWNLOADING, progress)


def test_an_unknown_status_is_refused_with_the_names_of_all_stages(tracker: ProgressTracker) -> None:
    with pytest.raises(ValueError, match=r"no stage 'sleeping'\. There are: queued, downloading"):
        tracker.update_progress_by_status("t", "sleeping")


@pytest.mark.parametrize("message", [None, 5, "x" * 2001])
def test_a_message_must_be_a_short_text(message: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="message must"):
        ProgressInfo(PipelineStage.QUEUED, 0, message)


@pytest.mark.parametrize("task_id", ["", None, 7])
def test_a_task_needs_a_name(tracker: ProgressTracker, task_id: Any) -> None:
    with pytest.raises(ValueError, match="task_id must be a text"):
        tracker.update_progress(task_id, PipelineStage.QUEUED)


def test_a_stage_begins_at_its_number_by_member_or_name(tracker: ProgressTracker) -> None:
    assert tracker.get_progress("t") is None
    tracker.update_progress("t", PipelineStage.DOWNLOADING)
    tracker.update_progress_by_status("t", "transcribing", "Transcribing audio")
    assert tracker.get_progress("t") == ProgressInfo(PipelineStage.TRANSCRIBING, 25, "Transcribing audio")


@pytest.mark.parametrize(
    ("stage", "fraction", "progress"),
    [
        (PipelineStage.DOWNLOADING, 0.5, 10),
        (PipelineStage.TRANSCRIBING, 1.0, 50),
        (PipelineStage.PROCESSING, 0.5, 80),
        (PipelineStage.UPLOADING_CLIPS, 0.5, 95),
        (PipelineStage.POSTING_TIKTOK, 1.0, 85),
        (PipelineStage.QUEUED, 1.0, 5),
        (PipelineStage.FAILED, 1.0, 0),
    ],
)
def test_within_a_stage_progress_moves_towards_the_next(stage: PipelineStage, fraction: float, progress: int) -> None:
    assert progress_within(stage, fraction) == progress


@given(st.lists(news, max_size=30))
def test_within_an_attempt_it_never_falls_and_is_full_only_on_success(news: list[tuple[str, Any, Any]]) -> None:
    tracker, before = ProgressTracker(Memory()), None
    for kind, stage, value in news:
        if kind == "enter":
            now = tracker.update_progress("t", stage)
        elif kind == "explicit":
            now = tracker.update_progress_explicit("t", stage, value)
        else:
            now = tracker.update_progress_incremental("t", stage, value)
        assert now == tracker.get_progress("t")
        assert (now.progress == 100) == (now.status in SUCCEEDED)
        begins = kind == "enter" and (stage is PipelineStage.QUEUED or (before and before.status in FINAL))
        if before and not begins and before.status not in SUCCEEDED:
            assert now.progress >= before.progress
        if stage in FINAL:
            assert now.status == stage
        before = now


@pytest.mark.parametrize("stage", sorted(BROKEN))
def test_a_failure_keeps_the_value_where_it_stopped(tracker: ProgressTracker, stage: PipelineStage) -> None:
    tracker.update_progress_incremental("t", PipelineStage.ANALYZING, 0.5)
    assert tracker.update_progress("t", stage).progress == 60
    assert STAGE_PROGRESS[stage] == 0


def test_a_late_update_is_dropped_and_a_new_attempt_starts_again(
    tracker: ProgressTracker,
) -> None:
    tracker.update_progress("t", PipelineStage.COMPLETED)
    assert tracker.update_progress_incremental("t", PipelineStage.UPLOADING_CLIPS, 0.9).progress == 100
    assert tracker.update_progress("t", PipelineStage.DOWNLOADING).progress == 5


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0.1, 1e5))
def test_an_expected_duration_moves_forward_and_never_ends_by_itself(one: float, other: float, expected: float) -> None:
    earlier, later = sorted((one, other))
    assert 0 <= expected_fraction(earlier, expected) <= expected_fraction(later, expected) < 1


def test_an_expected_duration_is_nearly_over_in_time() -> None:
    assert expected_fraction(60, 60) == pytest.approx(0.9, abs=0.001)


@pytest.mark.parametrize(("elapsed", "expected"), [(-1, 10), (math.nan, 10), (1, 0), (1, -5), (1, math.inf)])
def test_an_impossible_duration_is_refused(elapsed: float, expected: float) -> None:
    with pytest.raises(ValueError, match="seconds"):
        expected_fraction(elapsed, expected)
