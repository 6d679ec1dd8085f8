"""How was the time of a run spent? In attempts, in the work of its stages, and in waits. Only this module writes spans.

A span is opened and closed in the transaction of the change that it records. The code that opens a span locks the
run's row, and so does a transition that ends an attempt. So no span begins in a run that has ended, and none stays open
there.
"""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Now

from apps.progress.choices import JobState, SpanKind
from apps.progress.models import RunProgress, Span

# A worker may still work at the first batch of a stage when the run is paused.
MAY_WORK = (JobState.RUNNING, JobState.PAUSED)


def begin_attempt(run_id: UUID) -> None:
    """A run or a new attempt of it begins. The number of the attempt is in the row."""
    _open(run_id, SpanKind.ATTEMPT)


def lock_for_stages(run_id: UUID) -> bool:
    """Lock the run's row; says whether stages can begin. They cannot if the run has ended before a late message."""
    return RunProgress.across_tenants.select_for_update(no_key=True).filter(pk=run_id, overall__in=MAY_WORK).exists()


def begin_stages(run_id: UUID, stages: Iterable[tuple[str, str]]) -> None:
    """Stages begin to work; the caller holds :func:`lock_for_stages`."""
    for step, stage in stages:
        _open(run_id, SpanKind.STAGE, step, stage)


def end_stages(run_id: UUID, stages: Iterable[tuple[str, str]], state: str) -> None:
    """Stages have ended in ``state``."""
    for step, stage in stages:
        _still_open(run_id, SpanKind.STAGE).filter(step=step, stage=stage).update(ended_at=Now(), state=state)


def wait(run_id: UUID, reason: str) -> None:
    """The run waits from now on for this ``reason``. An empty reason ends the wait; the same reason continues it."""
    _still_open(run_id, SpanKind.WAIT).exclude(note=reason).update(ended_at=Now())
    if reason:
        _open(run_id, SpanKind.WAIT, note=reason)


def end_attempt(run_id: UUID, state: str, note: str) -> None:
    """The attempt has ended in ``state`` (FINISHED, FAILED or CANCELLED); its stages and its wait have ended too."""
    wait(run_id, "")
    _still_open(run_id, SpanKind.STAGE).update(ended_at=Now(), state=state.lower())
    _still_open(run_id, SpanKind.ATTEMPT).update(ended_at=Now(), state=state, note=note)


def spans_of(run_id: UUID) -> list[Span]:
    """The spans of a run in the order in which they began; ``ended_at`` is ``None`` while a span lasts."""
    return list(Span.objects.filter(run_id=run_id))


def _open(run_id: UUID, kind: SpanKind, step: str = "", stage: str = "", note: str = "") -> None:
    """Open a span unless the same one is open already."""
    attempt = RunProgress.across_tenants.values_list("attempt", flat=True).get(pk=run_id)
    span = Span(run_id=run_id, kind=kind, attempt=attempt, step=step, stage=stage, note=note, began_at=Now())
    Span.objects.bulk_create([span], ignore_conflicts=True)


def _still_open(run_id: UUID, kind: SpanKind) -> QuerySet[Span]:
    return Span.objects.filter(run_id=run_id, kind=kind, ended_at=None)
