"""What is a run doing now? The run summary says it: a heading, a time, and one sentence.

The stored state of the run decides which summary it is. The facts of jobs only add to it, so the summary never
contradicts the rest of the card.
"""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from apps.core.choices import Tone
from apps.progress.choices import JobState, RunState, StageState
from apps.progress.engine.words import full_minute
from apps.progress.facts import RunFacts, Sign
from apps.progress.models import RunProgress

# If something was completed within this time, the run does not wait for a worker.
LATELY = timedelta(seconds=10)
KEEPS_ITS_PLACE = "It keeps its place until somebody resumes it."


class Moment(msgspec.Struct, frozen=True):
    """A time that belongs to a heading: *Paused* **since** 12:04."""

    label: Literal["at", "since", "until", "for the next run at"]
    at: datetime


class RunSummary(msgspec.Struct, kw_only=True):
    """A ``heading`` with tone and icon, a moment if one is known, and a sentence, which can be empty."""

    heading: str
    tone: Tone
    icon: str
    moment: Moment | None = None
    summary: str = ""


def summary_of(
    row: RunProgress, facts: RunFacts, *, set_aside: int, worked_at: datetime | None, now: datetime
) -> RunSummary:
    """The summary of a run. ``set_aside`` counts records; ``worked_at`` is when the run last completed something."""
    state = JobState(row.overall)
    if state == JobState.PENDING:
        why = row.waiting or "It begins as soon as a worker is free."
        return RunSummary(heading="Waiting for its turn", tone=state.tone, icon=state.icon, summary=why)
    if state == JobState.RUNNING:
        return _running(row, facts, set_aside, worked_at, now)
    if state == JobState.PAUSED:
        return _held(state, facts, "By", KEEPS_ITS_PLACE)
    if state == JobState.STOPPING:
        return _held(state, facts, "Requested by", "What is loaded stays.")
    return _ended(row, facts, set_aside)


def ready(next_run: datetime | None) -> RunSummary:
    """The summary of a job that has no run to show."""
    state = JobState.READY
    if next_run:
        moment = Moment("for the next run at", next_run)
        return RunSummary(heading=state.label, tone=state.tone, icon=state.icon, moment=moment)
    return RunSummary(heading=state.label, tone=state.tone, icon=state.icon, summary="It runs when somebody starts it.")


def run_sign(row: RunProgress, facts: RunFacts) -> Sign:
    """The state of the run as a sign: it still says how the run ended when the job is ready again."""
    if facts.outcome and row.overall in (JobState.FINISHED, JobState.READY):
        return facts.outcome
    state = run_state(row, facts)
    return Sign(state.icon, state.tone, str(state.label))


def run_state(row: RunProgress, facts: RunFacts) -> RunState | JobState:
    """The state of the run. A job that is ready again does not say how its run ended, but jobs knows it."""
    state = JobState(row.overall)
    return facts.run_state or state if state == JobState.READY else state


def _running(
    row: RunProgress, facts: RunFacts, set_aside: int, worked_at: datetime | None, now: datetime
) -> RunSummary:
    queued = StageState.QUEUED
    is_over = facts.waits_until is not None and facts.waits_until <= now
    if row.waiting and not is_over:
        until = Moment("until", full_minute(facts.waits_until)) if facts.waits_until else None
        return RunSummary(heading="Waiting", tone=queued.tone, icon=queued.icon, moment=until, summary=row.waiting)
    if facts.workers or (worked_at and now - worked_at <= LATELY):
        return _working(facts.workers, set_aside)
    if facts.lost_since:
        since = Moment("since", facts.lost_since)
        return RunSummary(
            heading="No sign of life",
            tone=Tone.WARN,
            icon="warning",
            moment=since,
            summary="Another worker takes over.",
        )
    waits = f"{facts.open_batches:,} batches wait." if facts.open_batches != 1 else "1 batch waits."
    return RunSummary(
        heading="Waiting for a free worker",
        tone=queued.tone,
        icon=JobState.PENDING.icon,
        moment=Moment("since", max(filter(None, (facts.since, worked_at)))) if facts.since else None,
        summary=waits if facts.open_batches else "The next step waits.",
    )


def _working(workers: int, set_aside: int) -> RunSummary:
    parts = [_number(workers, "worker")] if workers else []
    state = JobState.RUNNING
    tone, icon = state.tone, state.icon
    if set_aside:
        tone, icon = Tone.WARN, "warning"
        parts.append(f"{_number(set_aside, 'record')} set aside")
    return RunSummary(heading="Working", tone=tone, icon=icon, summary=", ".join(parts))


def _held(state: JobState, facts: RunFacts, by: str, then: str) -> RunSummary:
    change = facts.last_change
    if change is None:
        return RunSummary(heading=str(state.label), tone=state.tone, icon=state.icon, summary=then)
    why = f": {change.reason.rstrip('.')}" if change.reason else ""
    return RunSummary(
        heading=str(state.label),
        tone=state.tone,
        icon=state.icon,
        moment=Moment("since", change.at),
        summary=f"{by} {change.actor}{why}. {then}",
    )


def _ended(row: RunProgress, facts: RunFacts, set_aside: int) -> RunSummary:
    sign, state = run_sign(row, facts), run_state(row, facts)
    if state == JobState.FAILED:
        summary = f"{_ended_sentence(row.error)}What is done is kept."
    elif state == RunState.CANCELLED:
        summary = "What is loaded stays; the next run reads the rest."
    elif set_aside:
        summary = f"{_number(set_aside, 'record')} set aside; the rest of its work was done."
    elif sign.tone == Tone.WARN:
        summary = "Something is missing: see Completeness."
    else:
        summary = "All of its work was done."
    moment = Moment("at", facts.ended_at) if facts.ended_at else None
    return RunSummary(heading=sign.word, tone=sign.tone, icon=sign.icon, moment=moment, summary=summary)


def _ended_sentence(text: str) -> str:
    """A text of a provider with its full stop and a space; empty if there is none."""
    return f"{text.rstrip('. ')}. " if text else ""


def _number(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
