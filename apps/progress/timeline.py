"""How was the time of a run spent? Its attempts, the work of its stages and its waits; the only writer of spans.

A span is opened and closed in the transaction of the change that it tells. Whoever opens one holds the run's row, as
the transitions do that end an attempt: so none is opened in a run that has ended, and none is left open by one.
"""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Now

from apps.progress.choices import JobState, SpanKind
from apps.progress.models import RunProgress, Span

# A batch that is in flight when its run is paused may be the first of a stage.
MAY_WORK = (JobState.RUNNING, JobState.PAUSED)


def begin_attempt(run_id: UUID) -> None:
    """A run or a new attempt of it begins; its number is the row's."""
    _open(run_id, SpanKind.ATTEMPT)


def lock_for_stages(run_id: UUID) -> bool:
    """Hold the run's row; says whether stages can begin in it (they cannot by a late message of one that has ended)."""
    return RunProgress.across_tenants.select_for_update(no_key=True).filter(pk=run_id, overall__in=MAY_WORK).exists()


def begin_stages(run_id: UUID, stages: Iterable[tuple[str, str]]) -> None:
    """Stages begin to work, under :func:`lock_for_stages`."""
    for step, stage in stages:
        _open(run_id, SpanKind.STAGE, step, stage)


def end_stages(run_id: UUID, stages: Iterable[tuple[str, str]], state: str) -> None:
    """Stages have ended as ``state`` says."""
    for step, stage in stages:
        _still_open(run_id, SpanKind.STAGE).filter(step=step, stage=stage).update(ended_at=Now(), state=state)


def wait(run_id: UUID, reason: str) -> None:
    """The run waits from now on because of ``reason``; an empty one ends the wait. The same reason goes on."""
    _still_open(run_id, SpanKind.WAIT).exclude(note=reason).update(ended_at=Now())
    if reason:
        _open(run_id, SpanKind.WAIT, note=reason)


def end_attempt(run_id: UUID, state: str, note: str) -> None:
    """The attempt has ended as ``state`` says (FINISHED, FAILED or CANCELLED), and with it all that was going on."""
    wait(run_id, "")
    _still_open(run_id, SpanKind.STAGE).update(ended_at=Now(), state=state.lower())
    _still_open(run_id, SpanKind.ATTEMPT).update(ended_at=Now(), state=state, note=note)


def spans_of(run_id: UUID) -> list[Span]:
    """The timeline of a run in the order of its beginnings; ``ended_at`` is ``None`` for what still goes on."""
    return list(Span.objects.filter(run_id=run_id))


def _open(run_id: UUID, kind: SpanKind, step: str = "", stage: str = "", note: str = "") -> None:
    """Open a span unless that one is open already."""
    attempt = RunProgress.across_tenants.values_list("attempt", flat=True).get(pk=run_id)
    span = Span(run_id=run_id, kind=kind, attempt=attempt, step=step, stage=stage, note=note, began_at=Now())
    Span.objects.bulk_create([span], ignore_conflicts=True)


def _still_open(run_id: UUID, kind: SpanKind) -> QuerySet[Span]:
    return Span.objects.filter(run_id=run_id, kind=kind, ended_at=None)
