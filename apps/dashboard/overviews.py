"""What do the home page and the list of jobs show about each job?"""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from apps.dashboard.controls import ControlOffer, controls_of
from apps.dashboard.run_rows import with_volume
from apps.jobs.models import Job, Run
from apps.jobs.selectors import jobs_of
from apps.progress.choices import ENDED, JobState
from apps.progress.events import RunMessage
from apps.progress.selectors import live_runs
from apps.sources.rows import HEADLINE_KINDS
from apps.tenants.models import Role, Tenant


@dataclass(frozen=True)
class Overview:
    """A job with its newest run, the live state of that run, and the last run that ended."""

    job: Job
    run: Run | None
    live: RunMessage | None
    last: Run | None
    today: int
    controls: list[ControlOffer]

    @property
    def percent(self) -> float:
        """The percent of the bar; 0 while the job is ready for its next run."""
        return self.live.progress if self.live and self.job.state != JobState.READY else 0.0

    @property
    def loaded(self) -> list[tuple[str, int]]:
        """How many records of the most important kinds were loaded after the last run."""
        counts = self.last.counts.get("loaded", {}) if self.last else {}
        return [(kind, counts[kind]) for kind in HEADLINE_KINDS if counts.get(kind)]

    @property
    def possible(self) -> list[ControlOffer]:
        """The controls that the person can use now."""
        return [control for control in self.controls if not control.why]

    @property
    def first_controls(self) -> list[ControlOffer]:
        """The two controls that fit into a row of a list."""
        return [control for control in self.possible if control.is_common][:2]


def overviews(tenant: Tenant, role: Role | None, jobs: QuerySet[Job] | None = None) -> list[Overview]:
    """The given jobs of the tenant, or all of them, each with its newest runs."""
    rows = jobs_of(tenant) if jobs is None else jobs
    newest, last = _newest(rows, Q()), _newest(rows, Q(state__in=ENDED))
    today = read_today(tenant)
    live = {UUID(message.run): message for message in live_runs(tenant.pk)}
    return [
        Overview(
            job,
            run := newest.get(job.pk),
            live.get(run.pk) if run else None,
            last.get(job.pk),
            today.get(job.pk, 0),
            controls_of(job, role),
        )
        for job in rows
    ]


def read_today(tenant: Tenant) -> dict[int, int]:
    """How much the runs since midnight in the user's time zone have read (see :func:`with_volume`), by job."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    numbers: dict[int, int] = {}
    for row in with_volume(list(Run.objects.for_tenant(tenant).filter(created_at__gte=midnight).defer("proof"))):
        numbers[row.run.job_id] = numbers.get(row.run.job_id, 0) + row.volume
    return numbers


def _newest(jobs: QuerySet[Job], which: Q) -> dict[int, Run]:
    """The newest run of each job that fulfils ``which``, by one index look-up per job, however long its history is."""
    runs = Run.across_tenants.filter(which, job=OuterRef("pk")).order_by("-created_at")
    ids = jobs.annotate(newest=Subquery(runs.values("pk")[:1])).values("newest")
    return {run.job_id: run for run in Run.across_tenants.filter(pk__in=ids).defer("proof")}


def filtered_jobs(tenant: Tenant, *, state: str, job_type: str, text: str) -> QuerySet[Job]:
    """The tenant's jobs with this state, this type and this text in their name. An empty value matches all jobs."""
    wanted = Q()
    if state:
        wanted &= Q(state=state)
    if job_type:
        wanted &= Q(job_type=job_type)
    if text:
        wanted &= Q(name__icontains=text)
    return jobs_of(tenant).filter(wanted)
