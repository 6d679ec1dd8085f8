"""What does the app jobs know for the card of a run? Who works on it, who paused or stopped it, what is possible.

The app progress asks about several runs at once, in the states that its own rows have. A change that is
stored meanwhile comes with the next message.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from apps.jobs.choices import BATCH_OPEN, BatchState, Outcome
from apps.jobs.lifecycle.controls import MAIN_CONTROLS, possible_in
from apps.jobs.lifecycle.transitions import MANUAL
from apps.jobs.models import Batch, Job, Run, StateChange
from apps.jobs.queue.batches import LEASE
from apps.progress.choices import JobState, RunState
from apps.progress.facts import LastChange, RunFacts, Sign
from apps.progress.models import RunProgress

NOBODY = UUID(int=0)
COLUMNS = (
    "pk",
    "state",
    "outcome",
    "finished_at",
    "not_before",
    "driver",
    "driver_lease_until",
    "dispatched_at",
    "job__next_run",
    "job__is_active",
    "workers",
    "open_batches",
)
# In these states the card says who asked for the state.
HELD = (JobState.PAUSED, JobState.STOPPING)


def facts_of(rows: Sequence[RunProgress]) -> dict[UUID, RunFacts]:
    """What is known about these runs. A run that has been deleted is missing."""
    runs = _with_numbers(Run.across_tenants.filter(pk__in=[row.run for row in rows]))
    found = {run["pk"]: run for run in runs.values(*COLUMNS)}
    known = [row for row in rows if row.run in found]
    changes = _last_changes([row.run for row in known if row.overall in HELD])
    now = timezone.now()
    return {row.run: _facts(JobState(row.overall), found[row.run], changes, now) for row in known}


def _with_numbers(runs: QuerySet[Run]) -> QuerySet[Run]:
    """The runs with their workers beside the chain. The open batches are counted only if no worker works on the run."""
    of_run = Batch.across_tenants.filter(run=OuterRef("pk")).order_by()
    # The worker that drives the chain also owns the batches that it works on.
    held = of_run.filter(state=BatchState.RUNNING, lease_until__gt=Now())
    held = held.exclude(owner=Coalesce(OuterRef("driver"), NOBODY))
    undone = of_run.filter(state__in=BATCH_OPEN)
    is_idle = Q(~Exists(held), Q(driver=None) | Q(driver_lease_until__lte=Now()), state=RunState.RUNNING)
    return runs.annotate(
        workers=_count(held, Count("owner", distinct=True)),
        open_batches=Case(When(is_idle, then=_count(undone, Count("pk"))), default=0),
    )


def _count(batches: QuerySet[Batch], number: Count) -> Coalesce:
    return Coalesce(Subquery(batches.values("run").annotate(number=number).values("number")), 0)


def rest_of(job: Job) -> RunFacts:
    """What is known about a job that never ran."""
    return _of_state(JobState.READY, job.next_run if job.is_active else None)


def _of_state(state: JobState, next_run: datetime | None, **more: Any) -> RunFacts:
    controls = possible_in(state)
    main = next((name for name in MAIN_CONTROLS if name in controls), "")
    return RunFacts(controls=controls, main_control=main, next_run=next_run, **more)


def _facts(
    state: JobState,
    run: dict[str, Any],
    changes: dict[UUID, StateChange],
    now: datetime,
) -> RunFacts:
    workers = _workers(run, now)
    outcome = Outcome(run["outcome"])
    change = changes.get(run["pk"])
    is_lost = run["driver"] is not None and run["driver_lease_until"] is not None
    return _of_state(
        state,
        run["job__next_run"] if run["job__is_active"] else None,
        run_state=RunState(run["state"]),
        outcome=Sign(outcome.icon, outcome.tone, str(outcome.label)) if outcome else None,
        ended_at=run["finished_at"],
        last_change=_last_change(change) if change and change.after == state else None,
        waits_until=run["not_before"],
        workers=workers,
        lost_since=run["driver_lease_until"] - LEASE if is_lost and not workers else None,
        open_batches=run["open_batches"],
        since=run["dispatched_at"],
    )


def _workers(run: dict[str, Any], now: datetime) -> int:
    """How many workers hold a lease: those of batches beside the chain, and the worker that drives the chain."""
    until = run["driver_lease_until"]
    return int(run["workers"]) + (run["driver"] is not None and until is not None and until > now)


def _last_change(change: StateChange) -> LastChange:
    return LastChange(change.actor, change.at, "" if change.reason == MANUAL else change.reason)


def _last_changes(runs: list[UUID]) -> dict[UUID, StateChange]:
    if not runs:
        return {}
    newest = StateChange.objects.filter(run__in=runs).order_by("run_id", "-at", "-id").distinct("run_id")
    return {change.run_id: change for change in newest if change.run_id}
