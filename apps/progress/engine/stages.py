"""How does work with fixed percentages per stage report progress? A table of stages and one tracker.

The table says where a stage *begins*; within it, progress moves towards where the next one begins. Failed, cancelled
and erroneous work has 0 in the table, which only says that it earns nothing: the stored progress of such a task keeps
the value where it stopped, so that people see how far it came.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

MAX_MESSAGE = 2000


class PipelineStage(StrEnum):
    """The stages that a task can be in."""

    QUEUED = "queued"
    DOWNLOADING = "downloading"
    DOWNLOADED = "downloaded"
    UPLOADING = "uploading"
    PROCESSING_STARTED = "processing_started"
    TRANSCRIBING = "transcribing"
    ANALYZING = "analyzing"
    PROCESSING = "processing"
    POSTING_TIKTOK = "posting_tiktok"
    POSTING_INSTAGRAM = "posting_instagram"
    UPLOADING_CLIPS = "uploading_clips"
    COMPLETED = "completed"
    POSTING_COMPLETED = "posting_completed"
    FAILED = "failed"
    ERROR = "error"
    CANCELLED = "cancelled"


STAGE_PROGRESS: dict[PipelineStage, int] = {
    PipelineStage.QUEUED: 0,
    PipelineStage.DOWNLOADING: 5,
    PipelineStage.DOWNLOADED: 15,
    PipelineStage.UPLOADING: 18,
    PipelineStage.PROCESSING_STARTED: 20,
    PipelineStage.TRANSCRIBING: 25,
    PipelineStage.ANALYZING: 50,
    PipelineStage.PROCESSING: 70,
    PipelineStage.POSTING_TIKTOK: 80,
    PipelineStage.POSTING_INSTAGRAM: 85,
    PipelineStage.UPLOADING_CLIPS: 90,
    PipelineStage.COMPLETED: 100,
    PipelineStage.POSTING_COMPLETED: 100,
    PipelineStage.FAILED: 0,
    PipelineStage.ERROR: 0,
    PipelineStage.CANCELLED: 0,
}
SUCCEEDED = frozenset({PipelineStage.COMPLETED, PipelineStage.POSTING_COMPLETED})
BROKEN = frozenset({PipelineStage.FAILED, PipelineStage.ERROR, PipelineStage.CANCELLED})
FINAL = SUCCEEDED | BROKEN
# Posting is a task of its own: processing goes on to uploading the clips, not to posting.
_POSTING = (PipelineStage.POSTING_TIKTOK, PipelineStage.POSTING_INSTAGRAM, PipelineStage.POSTING_COMPLETED)
_MAIN = tuple(stage for stage in PipelineStage if stage not in BROKEN and stage not in _POSTING)


@dataclass(frozen=True)
class ProgressInfo:
    """Where a task is: its ``status``, whole percent (0..100), a message, and whether the percent is an estimate.

    Raises ``TypeError`` or ``ValueError`` for anything else: NaN, 101, ``"30"`` and ``True`` are no percent.
    """

    status: PipelineStage
    progress: int
    message: str = ""
    estimate: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", stage_named(self.status))
        if isinstance(self.progress, bool) or not isinstance(self.progress, int):
            raise TypeError(f"progress must be a whole number from 0 to 100, not {self.progress!r}.")
        if not 0 <= self.progress <= 100:
            raise ValueError(f"progress must be from 0 to 100, not {self.progress}.")
        if not isinstance(self.message, str):
            raise TypeError(f"message must be a text, not {self.message!r}.")
        if len(self.message) > MAX_MESSAGE:
            raise ValueError(f"message must have at most {MAX_MESSAGE:,} characters, not {len(self.message):,}.")


class ProgressStore(Protocol):
    """Where tasks keep their progress."""

    def get(self, task_id: str) -> ProgressInfo | None:
        """What is stored for a task; ``None`` for one that is not known."""

    def update(self, task_id: str, change: Callable[[ProgressInfo | None], ProgressInfo]) -> ProgressInfo:
        """Replace what is stored by ``change(stored)``, with nobody else in between; returns what is stored then."""


class ProgressTracker:
    """Everything that changes the progress of tasks.

    Within an attempt progress never decreases, 100 comes only with success, and a failure keeps the value where it
    stopped. An attempt ends with a final stage; a new one begins when the task is queued, or when a stage begins
    after a final one. Late news of an attempt that has ended are dropped.
    """

    def __init__(self, store: ProgressStore) -> None:
        self._store = store

    def get_progress(self, task_id: str) -> ProgressInfo | None:
        """Where the task is; ``None`` for one that nobody has reported yet."""
        return self._store.get(task_id)

    def update_progress(self, task_id: str, stage: PipelineStage, message: str = "") -> ProgressInfo:
        """The task enters ``stage``: it jumps to the stage's number."""
        stage = stage_named(stage)
        return self._change(task_id, ProgressInfo(stage, STAGE_PROGRESS[stage], message), begins=True)

    def update_progress_by_status(self, task_id: str, status: str, message: str = "") -> ProgressInfo:
        """The same from the name of a stage, such as ``"transcribing"``."""
        return self.update_progress(task_id, stage_named(status), message)

    def update_progress_explicit(self, task_id: str, status: str, progress: int, message: str = "") -> ProgressInfo:
        """The task is in ``status`` at a percentage of the caller's own."""
        return self._change(task_id, ProgressInfo(stage_named(status), progress, message))

    def update_progress_incremental(
        self, task_id: str, stage: PipelineStage, fraction: float, message: str = "", *, estimate: bool = False
    ) -> ProgressInfo:
        """The task has done ``fraction`` (0..1) of ``stage``; ``estimate`` says that this is only expected."""
        progress = progress_within(stage_named(stage), fraction)
        return self._change(task_id, ProgressInfo(stage, progress, message, estimate))

    @staticmethod
    def get_all_stages() -> dict[str, int]:
        """Every stage with its number, by name."""
        return {stage.value: progress for stage, progress in STAGE_PROGRESS.items()}

    def _change(self, task_id: str, news: ProgressInfo, *, begins: bool = False) -> ProgressInfo:
        if not isinstance(task_id, str) or not task_id:
            raise ValueError(f"task_id must be a text that is not empty, not {task_id!r}.")
        return self._store.update(task_id, lambda before: merged(before, news, begins=begins))


def stage_named(status: str) -> PipelineStage:
    """The stage with this name; an error names those there are."""
    try:
        return PipelineStage(status)
    except ValueError:
        raise ValueError(f"There is no stage {status!r}. There are: {', '.join(PipelineStage)}.") from None


def progress_within(stage: PipelineStage, fraction: float) -> int:
    """The whole percent at ``fraction`` (0..1) of a stage: from its own number towards the next stage's."""
    if isinstance(fraction, bool) or not isinstance(fraction, int | float):
        raise TypeError(f"fraction must be a number from 0 to 1, not {fraction!r}.")
    if not 0 <= fraction <= 1:
        raise ValueError(f"fraction must be from 0 to 1, not {fraction!r}.")
    begin = STAGE_PROGRESS[stage]
    return min(begin + math.floor(fraction * (_end_of(stage) - begin) + 1e-9), 100)


def _end_of(stage: PipelineStage) -> int:
    flow = _POSTING if stage in _POSTING else _MAIN
    following = flow[flow.index(stage) + 1 :] if stage in flow else ()
    return STAGE_PROGRESS[following[0]] if following else STAGE_PROGRESS[stage]


def merged(before: ProgressInfo | None, news: ProgressInfo, *, begins: bool) -> ProgressInfo:
    """What is stored after ``news``; ``begins`` says that they tell of the begin of a stage."""
    floor = before.progress if before else 0
    if before and before.status in FINAL and news.status not in FINAL:
        if not begins:
            return before
        floor = 0
    if news.status == PipelineStage.QUEUED and begins:
        floor = 0
    if news.status in SUCCEEDED:
        return replace(news, progress=100)
    if news.status in BROKEN:
        return replace(news, progress=min(floor, 99))
    return replace(news, progress=min(max(floor, news.progress), 99))
