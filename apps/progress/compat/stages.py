"""How does work with fixed percentages per stage report progress? By a table of stages and one tracker.

The table says at which percentage a stage *begins*. Within the stage, progress moves towards the begin of the next one.
FAILED, ERROR and CANCELLED have 0 in the table; the stored progress of such a task keeps the value where it stopped, so
that people see how far it came.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

MAX_MESSAGE_LENGTH = 2000


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
    """Where a task is: its ``status``, a whole percent (0..100), a message, and whether the percent is an estimate.

    Raises ``TypeError`` or ``ValueError`` for other values: NaN, 101, ``"30"`` and ``True`` are no percent.
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
        if len(self.message) > MAX_MESSAGE_LENGTH:
            raise ValueError(f"message must have at most {MAX_MESSAGE_LENGTH:,} characters, not {len(self.message):,}.")


class ProgressStore(Protocol):
    """Where the progress of tasks is stored."""

    def get(self, task_id: str) -> ProgressInfo | None:
        """What is stored for a task; ``None`` for an unknown one."""

    def update(self, task_id: str, change: Callable[[ProgressInfo | None], ProgressInfo]) -> ProgressInfo:
        """Replace what is stored by ``change(stored)`` in one step; returns what is stored then."""


class ProgressTracker:
    """Everything that changes the progress of tasks.

    Within an attempt, progress never decreases. It is 100 only on success, and a failure keeps the value where it
    stopped. An attempt ends with a final stage. A new one begins when the task is queued, or when a stage begins after
    a final one. An update of an attempt that has ended is dropped.
    """

    def __init__(self, store: ProgressStore) -> None:
        self._store = store

    def get_progress(self, task_id: str) -> ProgressInfo | None:
        """Where the task is; ``None`` when nothing was reported yet."""
        return self._store.get(task_id)

    def update_progress(self, task_id: str, stage: PipelineStage, message: str = "") -> ProgressInfo:
        """The task enters ``stage`` and jumps to the percentage of the stage."""
        stage = stage_named(stage)
        return self._change(task_id, ProgressInfo(stage, STAGE_PROGRESS[stage], message), is_begin=True)

    def update_progress_by_status(self, task_id: str, status: str, message: str = "") -> ProgressInfo:
        """The same, with the name of a stage, such as ``"transcribing"``."""
        return self.update_progress(task_id, stage_named(status), message)

    def update_progress_explicit(self, task_id: str, status: str, progress: int, message: str = "") -> ProgressInfo:
        """The task is in ``status`` at a percentage that the caller chose."""
        return self._change(task_id, ProgressInfo(stage_named(status), progress, message))

    def update_progress_incremental(
        self, task_id: str, stage: PipelineStage, fraction: float, message: str = "", *, estimate: bool = False
    ) -> ProgressInfo:
        """The task has done ``fraction`` (0..1) of ``stage``; ``estimate`` says that this is not measured."""
        progress = progress_within(stage_named(stage), fraction)
        return self._change(task_id, ProgressInfo(stage, progress, message, estimate))

    @staticmethod
    def get_all_stages() -> dict[str, int]:
        """The percentage of every stage, by its name."""
        return {stage.value: progress for stage, progress in STAGE_PROGRESS.items()}

    def _change(self, task_id: str, update: ProgressInfo, *, is_begin: bool = False) -> ProgressInfo:
        if not isinstance(task_id, str) or not task_id:
            raise ValueError(f"task_id must be a text that is not empty, not {task_id!r}.")
        return self._store.update(task_id, lambda before: merged(before, update, is_begin=is_begin))


def stage_named(status: str) -> PipelineStage:
    """The stage with this name; the error for an unknown one names all."""
    try:
        return PipelineStage(status)
    except ValueError:
        raise ValueError(f"There is no stage {status!r}. There are: {', '.join(PipelineStage)}.") from None


def progress_within(stage: PipelineStage, fraction: float) -> int:
    """The whole percent at ``fraction`` (0..1) of a stage, between its own percentage and that of the next stage."""
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


def merged(before: ProgressInfo | None, update: ProgressInfo, *, is_begin: bool) -> ProgressInfo:
    """What is stored after ``update``; ``is_begin`` says that a stage begins with it."""
    floor = before.progress if before else 0
    if before and before.status in FINAL and update.status not in FINAL:
        if not is_begin:
            return before
        floor = 0
    if update.status == PipelineStage.QUEUED and is_begin:
        floor = 0
    if update.status in SUCCEEDED:
        return replace(update, progress=100)
    if update.status in BROKEN:
        return replace(update, progress=min(floor, 99))
    return replace(update, progress=min(max(floor, update.progress), 99))
