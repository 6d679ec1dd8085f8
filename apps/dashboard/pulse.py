"""Is a run well? One sentence: who works on it and how fast, what it waits for, or that nobody gives a sign of life."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from apps.jobs.choices import BatchState
from apps.jobs.models import Run, StateChange
from apps.jobs.queue.batches import LEASE, outstanding
from apps.progress.choices import RunState
from apps.progress.engine.words import rate_words
from apps.progress.events import RunMessage


@dataclass(frozen=True)
class Pulse:
    """``state`` picks icon and tone, ``word`` is the short answer, ``sentence`` the whole one."""

    state: str
    word: str
    sentence: str


def pulse_of(run: Run, live: RunMessage | None, newest: StateChange | None) -> Pulse:
    """How an active or ended run is; ``newest`` is its last transition."""
    if run.state == RunState.RUNNING:
        return _running(run, live, timezone.now())
    if run.state == RunState.PENDING:
        why = live.waiting if live and live.waiting else "It begins when a worker is free."
        return Pulse("pending", "Waiting for its turn", why)
    by = f"by {newest.actor} at {_clock(newest.at)}" if newest else "by a person"
    why = f": {newest.reason.rstrip('.')}" if newest and newest.reason else ""
    if run.state == RunState.PAUSED:
        return Pulse("paused", "Paused", f"{by}{why}. It keeps its place until somebody resumes it.")
    if run.state == RunState.STOPPING:
        return Pulse("stopping", "Stopping", f"Asked for {by}{why}. What is loaded stays.")
    return _ended(run)


def _ended(run: Run) -> Pulse:
    when = f" at {_clock(run.finished_at)}" if run.finished_at else ""
    if run.state == RunState.FAILED:
        return Pulse("failed", "Failed", f"It ended{when}. What is done is kept; see below what to do.")
    if run.state == RunState.CANCELLED:
        return Pulse("cancelled", "Stopped", f"It ended{when}. What is loaded stays; the next run reads the rest.")
    return Pulse("finished", "Ended", f"All of its work was done{when}.")


def _running(run: Run, live: RunMessage | None, now: datetime) -> Pulse:
    if run.not_before and run.not_before > now:
        return Pulse("queued", f"Waiting until {_clock(run.not_before)}", run.waiting_for)
    held = outstanding(run).filter(state=BatchState.RUNNING, lease_until__gt=now)
    workers = set(held.values_list("owner", flat=True).distinct())
    if run.driver and run.driver_lease_until and run.driver_lease_until > now:
        workers.add(run.driver)
    if workers:
        return _at_work(len(workers), live)
    if run.driver and run.driver_lease_until:
        silent = now - (run.driver_lease_until - LEASE)
        return Pulse("warning", "No sign of life", f"for {_seconds(silent)}: another worker takes over.")
    since = f" for {_seconds(now - run.dispatched_at)}" if run.dispatched_at else ""
    return Pulse("pending", "Waiting for a free worker", f"{outstanding(run).count():,} batches wait{since}.")


def _at_work(workers: int, live: RunMessage | None) -> Pulse:
    parts = [f"{workers} worker{'' if workers == 1 else 's'}"]
    if live and live.rate:
        parts.append(f"{rate_words(live.rate)}")
    aside = sum(counts.failed for stages in live.counts.values() for counts in stages.values()) if live else 0
    if aside:
        parts.append(f"{aside:,} records set aside")
        return Pulse("warning", "Working, with losses", ", ".join(parts))
    return Pulse("healthy", "Healthy", ", ".join(parts))


def _seconds(span: timedelta) -> str:
    seconds = max(int(span.total_seconds()), 0)
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"


def _clock(moment: datetime) -> str:
    return timezone.localtime(moment).strftime("%H:%M")
