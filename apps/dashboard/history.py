"""Which runs were there, and on which day? Runs by page, and a grid of jobs and days. Both are fast with many runs."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from apps.jobs.choices import Outcome
from apps.jobs.models import Job, Run
from apps.jobs.selectors import jobs_of
from apps.progress.choices import RunState
from apps.tenants.models import Tenant

PAGE_SIZE = 25
DAYS = 14
# The outcomes from worst to best. The cell of a day shows the worst one.
WORST_FIRST = (
    RunState.FAILED,
    Outcome.INCOMPLETE,
    Outcome.WITH_QUARANTINE,
    RunState.CANCELLED,
    RunState.RUNNING,
    RunState.PAUSED,
    RunState.STOPPING,
    RunState.PENDING,
    Outcome.COMPLETE,
)


@dataclass(frozen=True)
class RunFilter:
    """Which runs are wanted. ``before`` is the last run of the previous page, as its time and id."""

    job_id: int | None = None
    state: str = ""
    day: date | None = None
    before: tuple[datetime, UUID] | None = None

    @property
    def is_narrowed(self) -> bool:
        """Whether the filter leaves out any runs."""
        return bool(self.job_id or self.state or self.day or self.before)


@dataclass(frozen=True)
class GridDay:
    """One day of one job: the number of runs and the worst outcome."""

    day: date
    number: int = 0
    worst: str = ""


@dataclass(frozen=True)
class GridRow:
    """A job and its days, oldest first."""

    job: Job
    cells: list[GridDay]


def run_page(tenant: Tenant, wanted: RunFilter) -> tuple[list[Run], Run | None]:
    """A page of runs, newest first, and the last run of the page if there are older runs."""
    found = list(_wanted(tenant, wanted).select_related("job").order_by("-created_at", "-pk")[: PAGE_SIZE + 1])
    return found[:PAGE_SIZE], found[PAGE_SIZE - 1] if len(found) > PAGE_SIZE else None


def _wanted(tenant: Tenant, wanted: RunFilter) -> QuerySet[Run]:
    runs = Run.objects.for_tenant(tenant).defer("proof")
    if wanted.job_id:
        runs = runs.filter(job=wanted.job_id)
    if wanted.state:
        runs = runs.filter(state=wanted.state)
    if wanted.day:
        runs = runs.filter(created_at__gte=_begin(wanted.day), created_at__lt=_begin(wanted.day + timedelta(days=1)))
    if wanted.before:
        moment, run_id = wanted.before
        runs = runs.filter(created_at__lte=moment).exclude(created_at=moment, pk__gte=run_id)
    return runs


def grid(tenant: Tenant) -> list[GridRow]:
    """The last days of every job, in the user's time zone."""
    today = timezone.localdate()
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    ended = (
        Run.objects.for_tenant(tenant)
        .filter(created_at__gte=_begin(days[0]))
        .values_list("job", TruncDate("created_at"), "state", "outcome")
        .annotate(Count("pk"))
        .order_by()
    )
    found: dict[tuple[int, date], dict[str, int]] = {}
    for job_id, day, state, outcome, number in ended:
        found.setdefault((job_id, day), {})[outcome or state] = number
    return [GridRow(job, [_cell(day, found.get((job.pk, day), {})) for day in days]) for job in jobs_of(tenant)]


def _cell(day: date, ends: dict[str, int]) -> GridDay:
    worst = next((str(end) for end in WORST_FIRST if end in ends), "")
    return GridDay(day, sum(ends.values()), worst.replace("_", "-").lower())


def _begin(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
