"""What was done on which day? Runs by page, and a grid of days and jobs; as fast with 100,000 runs as with ten."""

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

PAGE = 25
DAYS = 14
# How a day of a job is summed up: by the first of these that happened.
GRAVITY = (
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
class Wanted:
    """Which runs are asked for; ``before`` is the last run of the page before, as its time and id."""

    job_id: int | None = None
    state: str = ""
    day: date | None = None
    before: tuple[datetime, UUID] | None = None

    @property
    def is_narrowed(self) -> bool:
        """Whether any run is left out."""
        return bool(self.job_id or self.state or self.day or self.before)


@dataclass(frozen=True)
class Cell:
    """One day of one job: how many runs, and the gravest way in which one of them ended."""

    day: date
    number: int = 0
    gravest: str = ""


@dataclass(frozen=True)
class GridRow:
    """A job and its days, the oldest first."""

    job: Job
    cells: list[Cell]


def run_page(tenant: Tenant, wanted: Wanted) -> tuple[list[Run], Run | None]:
    """A page of runs, newest first, and its last run where older ones follow."""
    found = list(_wanted(tenant, wanted).select_related("job").order_by("-created_at", "-pk")[: PAGE + 1])
    return found[:PAGE], found[PAGE - 1] if len(found) > PAGE else None


def _wanted(tenant: Tenant, wanted: Wanted) -> QuerySet[Run]:
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
    """The last days of every job, by the reader's calendar."""
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


def _cell(day: date, ends: dict[str, int]) -> Cell:
    gravest = next((str(end) for end in GRAVITY if end in ends), "")
    return Cell(day, sum(ends.values()), gravest.replace("_", "-").lower())


def _begin(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
