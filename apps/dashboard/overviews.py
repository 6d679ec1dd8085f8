"""What do the home page and the list of jobs show about each job?"""

from dataclasses import dataclass

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from apps.dashboard.controls import ControlOffer, controls_of
from apps.dashboard.run_rows import with_volume
from apps.jobs.lifecycle.facts import rest_of
from apps.jobs.models import Job, Run
from apps.jobs.selectors import jobs_of
from apps.progress.card import Card, rest_card
from apps.progress.choices import ENDED, JobState
from apps.progress.events import RunMessage
from apps.progress.facts import Sign
from apps.progress.selectors import live_runs
from apps.sources.rows import HEADLINE_KINDS
from apps.tenants.models import Role, Tenant

ROW_CONTROLS = 2


@dataclass(frozen=True)
class Overview:
    """A job with the state of its newest run (``live``), and the last run that ended."""

    job: Job
    live: RunMessage | None
    last: Run | None
    today: int
    controls: list[ControlOffer]

    @property
    def state(self) -> Sign:
        """The state of the job."""
        return job_state(self.job, self.live)

    @property
    def card(self) -> Card:
        """The card of the newest run, or that of a job that is ready for its next one."""
        return job_card(self.job, self.live)

    @property
    def loaded(self) -> list[tuple[str, int]]:
        """How many records of the most important kinds were loaded after the last run."""
        counts = self.last.counts.get("loaded", {}) if self.last else {}
        return [(kind, counts[kind]) for kind in HEADLINE_KINDS if counts.get(kind)]

    @property
    def row_controls(self) -> list[ControlOffer]:
        """The controls that have a button in a row of a list; the script shows the first ones that are available."""
        return [control for control in self.controls if control.is_common and not control.obstacle]

    @property
    def available(self) -> list[str]:
        """The names of the controls that are available now, as many as fit into a row of a list."""
        names = [control.name for control in self.row_controls if control.name in self.card.controls]
        return names[:ROW_CONTROLS]

    @property
    def max_controls(self) -> int:
        """How many controls fit into a row of a list."""
        return ROW_CONTROLS


def job_card(job: Job, live: RunMessage | None) -> Card:
    """What the pages of a job draw: the card of its newest run, or that of a job that is ready for its next one."""
    return live.job_card if live else rest_card(job.job_type, rest_of(job))


def job_state(job: Job, live: RunMessage | None) -> Sign:
    """The state of a job, from the same message as its card."""
    if live:
        return live.job_state
    state = JobState(job.state)
    return Sign(state.icon, state.tone, str(state.label))


def overviews(tenant: Tenant, role: Role | None, jobs: QuerySet[Job] | None = None) -> list[Overview]:
    """The given jobs of the tenant, or all of them, each with its newest runs."""
    rows = jobs_of(tenant) if jobs is None else jobs
    last = _last_ended(rows)
    today = read_today(tenant)
    live = {message.job: message for message in live_runs(tenant.pk)}
    return [
        Overview(job, live.get(job.pk), last.get(job.pk), today.get(job.pk, 0), controls_of(job, role)) for job in rows
    ]


def read_today(tenant: Tenant) -> dict[int, int]:
    """How much the runs since midnight in the user's time zone have read (see :func:`with_volume`), by job."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    numbers: dict[int, int] = {}
    for row in with_volume(list(Run.objects.for_tenant(tenant).filter(created_at__gte=midnight).defer("proof"))):
        numbers[row.run.job_id] = numbers.get(row.run.job_id, 0) + row.volume
    return numbers


def _last_ended(jobs: QuerySet[Job]) -> dict[int, Run]:
    """The newest ended run of each job, by one index look-up per job, however long its history is."""
    ended = Run.across_tenants.filter(job=OuterRef("pk"), state__in=ENDED).order_by("-created_at")
    ids = jobs.annotate(newest=Subquery(ended.values("pk")[:1])).values("newest")
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
