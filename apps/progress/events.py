"""What does a live message look like? It has a type, a version and a number, and it carries the whole state of a run.

A message has absolute values and no increments. So a message that is lost, doubled or merged does no harm: the newest
``seq`` wins.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from apps.progress.card import Card, card_of, rest_card
from apps.progress.choices import JobState, StageState
from apps.progress.engine.bar import OutlineLine, RunCounters, TotalKind, total_kind
from apps.progress.engine.eta import Pace, expires_at, known_rate
from apps.progress.engine.words import range_words
from apps.progress.facts import RunFacts, Sign, facts_of
from apps.progress.models import RunProgress
from apps.progress.plan import AnyStage, cells_of, lines_of, live_pace, stored_eta
from apps.progress.run_summary import run_sign
from apps.sources.definition import Stage

VERSION = 1
MessageType = Literal["snapshot", "job_status", "progress_update"]


class StageCounts(msgspec.Struct):
    """The counters of one stage; ``total`` is null when unknown; times are ISO 8601 in UTC."""

    done: int
    failed: int
    total: int | None
    started_at: datetime | None
    finished_at: datetime | None
    total_kind: TotalKind


class Eta(msgspec.Struct):
    """The run ends in ``low`` to ``high`` seconds; ``text`` says the same. It is too old after ``expires_at``."""

    low: float
    high: float
    text: str
    expires_at: datetime


class PlanLine(msgspec.Struct):
    """A progress step: from ``begin`` to ``end`` percent of the bar; ``progress`` 0..1, null when unknown."""

    title: str
    begin: float
    end: float
    progress: float | None
    steps: list["PlanLine"]


class RunMessage(msgspec.Struct):
    """The state of one run: the same in every live message and in every snapshot.

    ``overall`` (alias ``status``) is the state of the job, ``progress`` the percent of the run. ``steps`` has the state
    of every stage by step key, ``counts`` their counters. ``step_progress`` is null while the total of the current step
    is unknown; ``total_kind`` says whether that total is exact. ``rate`` is how many items the current step completes
    per second; ``rate`` and ``eta`` are null while they are unknown. ``plan`` has all progress steps with their
    stretches of the bar.

    ``card`` is what the page of the run draws. ``rest`` is what the pages of its job draw instead while the job is
    ready for its next run; else it is null. ``job_state`` and ``run_state`` are both states as signs: a job is
    *finished*, its run is *complete*.
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
    job_name: str
    total_kind: TotalKind
    rate: float | None
    eta: Eta | None
    plan: list[PlanLine]
    is_active: bool
    job_state: Sign
    run_state: Sign
    card: Card
    rest: Card | None
    v: int = VERSION

    @property
    def job_card(self) -> Card:
        """What the pages of the job draw (no field of the message)."""
        return self.rest or self.card

    def as_json(self) -> dict[str, Any]:
        """The message as plain values."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def run_message(kind: MessageType, row: RunProgress, stages: Iterable[AnyStage]) -> RunMessage:
    """The message about the stored state ``row`` with its ``stages``."""
    return run_messages(kind, [(row, stages)])[0]


def run_messages(kind: MessageType, stored: Iterable[tuple[RunProgress, Iterable[AnyStage]]]) -> list[RunMessage]:
    """The messages about these stored states. Jobs is asked once for all of them."""
    found = [(row, list(stages)) for row, stages in stored]
    facts = facts_of([row for row, _ in found])
    return [_message(kind, row, stages, facts[row.run], datetime.now(UTC)) for row, stages in found]


def _message(
    kind: MessageType, row: RunProgress, stages: Sequence[AnyStage], facts: RunFacts, now: datetime
) -> RunMessage:
    cells = cells_of(stages)
    state = JobState(row.overall)
    pace = live_pace(row, now)
    return RunMessage(
        type=kind,
        tenant=row.tenant_id,
        job=row.job_id,
        job_name=row.job_name,
        job_type=row.job_type,
        run=str(row.run),
        seq=row.seq,
        ts=now,
        overall=row.overall,
        status=row.overall,
        progress=round(row.percent, 2),
        step_index=row.step_index,
        total_steps=row.total_steps,
        step_title=row.step_title,
        step_progress=None if row.step_progress is None else round(row.step_progress, 4),
        total_kind=TotalKind(row.total_kind),
        message=row.message,
        waiting=row.waiting,
        error=row.error,
        attempt=row.attempt,
        steps=_states(row, stages),
        counts=_counts(stages, cells),
        rate=round(rate, 3) if pace and (rate := known_rate(pace)) else None,
        eta=_eta(row, pace) if pace else None,
        plan=_plan(lines_of(row, cells)),
        is_active=state.is_active,
        job_state=Sign(state.icon, state.tone, str(state.label)),
        run_state=run_sign(row, facts),
        card=card_of(row, stages, facts, now),
        rest=rest_card(row.job_type, facts) if state.is_idle else None,
    )


def _states(row: RunProgress, stages: Sequence[AnyStage]) -> dict[str, dict[str, str]]:
    states: dict[str, dict[str, str]] = {}
    for cell in stages:
        # After the reset the matrix of the job is idle again. The counters of the run still show how it ended.
        state = str(StageState.IDLE) if row.overall == JobState.READY else cell.state
        states.setdefault(cell.step, {})[cell.stage] = state
    return states


def _counts(stages: Sequence[AnyStage], cells: RunCounters) -> dict[str, dict[str, StageCounts]]:
    counts: dict[str, dict[str, StageCounts]] = {}
    for cell in stages:
        counts.setdefault(cell.step, {})[cell.stage] = StageCounts(
            cell.done,
            cell.failed,
            cell.total or None,
            cell.started_at,
            cell.finished_at,
            total_kind(cells, cell.step, Stage(cell.stage)),
        )
    return counts


def _eta(row: RunProgress, pace: Pace) -> Eta | None:
    expires = expires_at(pace)
    span = stored_eta(row)
    if span is None or expires is None:
        return None
    return Eta(span.low, span.high, range_words(span), datetime.fromtimestamp(expires, UTC))


def _plan(lines: Iterable[OutlineLine]) -> list[PlanLine]:
    return [
        PlanLine(
            line.title,
            line.begin,
            line.end,
            None if line.progress is None else round(line.progress, 4),
            _plan(line.steps),
        )
        for line in lines
    ]
