"""What should a run read, and is that request valid?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from apps.jobs.choices import RunMode
from apps.jobs.models import Batch, Job, Run, Watermark
from apps.jobs.queue.covers import scopes_of
from apps.sources.definition import Stage
from apps.warehouse.selectors import present_names

MAX_LISTED_SCOPES = 10  # known projects or repositories that a refusal lists
# Times outside of these cannot be shown in every time zone, or cannot be stored.
MIN_TIME, MAX_TIME = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class InvalidRequestError(ValueError):
    """A run cannot be asked for this; the sentence says what is possible."""


@dataclass(frozen=True)
class RunRequest:
    """What a run reads: what changed, everything, or a range of time and of projects or repositories (``scopes``).

    ``sweep``: an incremental run also looks for deletions, although that is not due yet.
    """

    mode: RunMode = RunMode.INCREMENTAL
    since: datetime | None = None
    until: datetime | None = None
    scopes: Sequence[str] = ()
    sweep: bool = False

    def new_run(self, job: Job) -> Run:
        """A run of ``job`` that reads this; it is not stored yet."""
        return Run(
            tenant_id=job.tenant_id,
            job=job,
            integration=job.integration,
            mode=self.mode,
            since=self.since,
            until=self.until,
            scopes=list(self.scopes),
            sweep=self.sweep,
        )


WHAT_CHANGED = RunRequest()


def known_scopes(job: Job) -> list[str]:
    """The projects or repositories that a job has read or is set to read, by their present names."""
    if job.integration is None:
        return []
    synced = Watermark.objects.for_tenant(job.tenant_id).filter(integration=job.integration)
    newest = Run.objects.for_tenant(job.tenant_id).filter(job=job).order_by("-created_at")[:1]
    slices = Batch.objects.for_tenant(job.tenant_id).filter(run__in=newest, stage=Stage.EXTRACTION)
    found = {*job.integration.scopes, *synced.values_list("scope", flat=True), *scopes_of(slices)} - {""}
    return sorted({*present_names(job.integration, found).values()}, key=str.lower)


def build_request(
    job: Job,
    mode: str = RunMode.INCREMENTAL,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    scopes: Sequence[str] = (),
    sweep: bool = False,
) -> RunRequest:
    """Check what a person asks for and return it as a request; raises :class:`InvalidRequestError`."""
    if mode not in RunMode.values:
        raise InvalidRequestError(f"There is no mode {mode!r}. The modes are {', '.join(RunMode.values)}.")
    if mode != RunMode.RANGE and (since or until or scopes):
        raise InvalidRequestError("Only the mode 'range' takes a start, an end, projects or repositories.")
    if sweep and mode != RunMode.INCREMENTAL:
        raise InvalidRequestError(
            "Only the mode 'incremental' takes a sweep: a full run always looks for deletions, a range never does."
        )
    if mode == RunMode.RANGE and job.integration is None:
        raise InvalidRequestError(
            f"{job.name} reads from no provider, so it has no range. Run it incrementally or fully."
        )
    if mode == RunMode.RETRANSFORM and job.integration is None:
        raise InvalidRequestError(f"{job.name} stores no raw records, so there is nothing to transform again.")
    if mode == RunMode.RANGE and not (since or until or scopes):
        raise InvalidRequestError("Choose a range: a start, an end, or some projects or repositories.")
    _check_times(since, until)
    return RunRequest(RunMode(mode), since, until, _known_names(job, scopes), sweep)


def _check_times(since: datetime | None, until: datetime | None) -> None:
    for moment in filter(None, (since, until)):
        if moment.tzinfo is None:
            raise InvalidRequestError(f"Give a time with its time zone, such as {moment.isoformat()}Z.")
        if not MIN_TIME <= moment <= MAX_TIME:
            raise InvalidRequestError(f"Choose times between {MIN_TIME.year} and {MAX_TIME.year}.")
    if since and until and since >= until:
        raise InvalidRequestError("The range ends before it begins: choose a start that is earlier than the end.")


def _known_names(job: Job, scopes: Sequence[str]) -> tuple[str, ...]:
    """The chosen projects or repositories, each once, as the provider calls them now."""
    if not scopes or job.integration is None:
        return ()
    known = {name.lower(): name for name in known_scopes(job)}
    if not known:
        raise InvalidRequestError(
            "No project or repository is known yet: run the job once, or name some in its integration."
        )
    present = present_names(job.integration, [name.strip() for name in scopes])
    if unknown := [name for name, now in present.items() if now.lower() not in known]:
        listed = ", ".join(list(known.values())[:MAX_LISTED_SCOPES]) + (", …" if len(known) > MAX_LISTED_SCOPES else "")
        raise InvalidRequestError(
            f"{job.name} does not know {', '.join(unknown[:MAX_LISTED_SCOPES])}. It knows {listed}."
        )
    return tuple(dict.fromkeys(known[now.lower()] for now in present.values()))
