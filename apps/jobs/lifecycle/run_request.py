"""What may a run be asked to read, and how much would that be?"""

from collections.abc import Sequence
from datetime import UTC, datetime

from django.core.exceptions import ValidationError

from apps.jobs.choices import RunMode
from apps.jobs.execution.context import RunContext
from apps.jobs.lifecycle.services import Scope, planned_run
from apps.jobs.models import Job, QueueItem, Run, Watermark
from apps.sources.base import Estimate
from apps.sources.definition import Stage

NAMED = 10  # how many known scopes a refusal lists
# Whatever lies beyond cannot be told in every time zone, nor stored.
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class BadScope(ValueError):
    """What cannot be asked for; the sentence says what can."""


def known_scopes(job: Job) -> list[str]:
    """The projects or repositories that a job has read or is set to read, by name."""
    if job.integration is None:
        return []
    synced = Watermark.objects.for_tenant(job.tenant_id).filter(integration=job.integration)
    newest = Run.objects.for_tenant(job.tenant_id).filter(job=job).order_by("-created_at")[:1]
    asked = QueueItem.objects.for_tenant(job.tenant_id).filter(run__in=newest, stage=Stage.EXTRACTION)
    found = {*job.integration.scopes, *synced.values_list("scope", flat=True)}
    found |= set(asked.values_list("covers__scope", flat=True).distinct())
    return sorted(found - {"", None}, key=str.lower)


def scope_of(
    job: Job,
    mode: str = RunMode.INCREMENTAL,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    scopes: Sequence[str] = (),
    sweep: bool = False,
) -> Scope:
    """What a person has asked for, checked; raises :class:`BadScope`."""
    if mode not in RunMode.values:
        raise BadScope(f"There is no mode {mode!r}; there are {', '.join(RunMode.values)}.")
    if mode != RunMode.RANGE and (since or until or scopes):
        raise BadScope("From, to and a choice of projects or repositories belong to the mode 'range'.")
    if sweep and mode != RunMode.INCREMENTAL:
        raise BadScope("A run of everything looks for deletions in any case, a range never: leave the choice out.")
    if mode == RunMode.RANGE and job.integration is None:
        raise BadScope(f"{job.name} reads from no provider: it has no range. Run it on what changed, or on everything.")
    if mode == RunMode.RETRANSFORM and job.integration is None:
        raise BadScope(f"{job.name} stores no raw records: there is nothing to transform again.")
    if mode == RunMode.RANGE and not (since or until or scopes):
        raise BadScope("Say which range: from, to, or some projects or repositories.")
    _check_times(since, until)
    return Scope(RunMode(mode), since, until, _canonical(job, scopes), sweep)


def _check_times(since: datetime | None, until: datetime | None) -> None:
    for moment in filter(None, (since, until)):
        if moment.tzinfo is None:
            raise BadScope(f"Give a time with its zone, such as {moment.isoformat()}Z.")
        if not EARLIEST <= moment <= LATEST:
            raise BadScope(f"Choose times between {EARLIEST.year} and {LATEST.year}.")
    if since and until and since >= until:
        raise BadScope("The range ends before it begins: choose a 'from' that is earlier than its 'to'.")


def _canonical(job: Job, scopes: Sequence[str]) -> tuple[str, ...]:
    if not scopes:
        return ()
    known = {name.lower(): name for name in known_scopes(job)}
    if not known:
        raise BadScope("No project or repository is known yet: run the job once, or name some in its integration.")
    if unknown := [name for name in scopes if name.strip().lower() not in known]:
        listed = ", ".join(list(known.values())[:NAMED]) + (", …" if len(known) > NAMED else "")
        raise BadScope(f"{job.name} knows no {', '.join(unknown[:NAMED])}. There are {listed}.")
    return tuple(dict.fromkeys(known[name.strip().lower()] for name in scopes))


def estimate(job: Job, scope: Scope) -> list[Estimate]:
    """How many records such a run would fetch. It asks the provider and stores nothing.

    Raises :class:`BadScope` for a job or an address that cannot be asked, and
    :class:`~apps.sources.errors.SourceError` with what the provider says.
    """
    if job.integration is None:
        raise BadScope(f"{job.name} reads from no provider: there is nothing to estimate.")
    try:
        context = RunContext(planned_run(job, scope))
    except ValidationError as error:
        raise BadScope(" ".join(error.messages)) from error
    try:
        return context.source.estimate(context)
    finally:
        context.http.close()
