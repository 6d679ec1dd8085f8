"""What does a live message look like? Typed, versioned, numbered; every one carries the whole visible state.

Because a message holds absolute values and never increments, a lost, doubled or merged one does no harm: the newest
``seq`` wins.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from apps.progress.choices import StageState
from apps.progress.models import RunProgress, StageProgress
from apps.sources.registry import definition

VERSION = 1
MessageType = Literal["snapshot", "job_status", "progress_update"]


class StageCounts(msgspec.Struct):
    """The counters of one stage; ``total`` is null when unknown; times are ISO 8601 in UTC."""

    done: int
    failed: int
    total: int | None
    started_at: datetime | None
    finished_at: datetime | None


class RunMessage(msgspec.Struct):
    """The state of one run as every live message and every snapshot tells it.

    ``overall`` (alias ``status``) is the job's state, ``progress`` its percent, ``steps`` the state of every stage by
    step key, ``counts`` their counters. ``step_progress`` is null while the current step's total is unknown.
    """

    type: MessageType
    tenant: int
    job: int
    job_type: str
    run: str
    seq: int
    ts: datetime
    overall: str
    status: str
    progress: float
    step_index: int
    total_steps: int
    step_title: str
    step_progress: float | None
    message: str
    waiting: str
    error: str
    attempt: int
    steps: dict[str, dict[str, str]]
    counts: dict[str, dict[str, StageCounts]]
    v: int = VERSION

    def as_json(self) -> dict[str, Any]:
        """The message as plain values."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def run_message(kind: MessageType, row: RunProgress, stages: Iterable[StageProgress]) -> RunMessage:
    """The message that tells the stored state ``row`` with its ``stages``."""
    job = definition(row.job_type)
    steps: dict[str, dict[str, str]] = {}
    counts: dict[str, dict[str, StageCounts]] = {}
    for cell in stages:
        steps.setdefault(cell.step, {})[cell.stage] = cell.state
        counts.setdefault(cell.step, {})[cell.stage] = StageCounts(
            cell.done, cell.failed, cell.total or None, cell.started_at, cell.finished_at
        )
    if row.overall == "READY":
        # After the reset the matrix of the job is idle again; the run keeps its own end in the counters.
        steps = {step: dict.fromkeys(states, str(StageState.IDLE)) for step, states in steps.items()}
    return RunMessage(
        type=kind,
        tenant=row.tenant_id,
        job=row.job_id,
        job_type=row.job_type,
        run=str(row.run),
        seq=row.seq,
        ts=datetime.now(UTC),
        overall=row.overall,
        status=row.overall,
        progress=round(row.percent, 2),
        step_index=row.step_index,
        total_steps=len(job.progress_steps),
        step_title=job.progress_steps[row.step_index].title,
        step_progress=None if row.step_progress is None else round(row.step_progress, 4),
        message=row.message,
        waiting=row.waiting,
        error=row.error,
        attempt=row.attempt,
        steps=steps,
        counts=counts,
    )
