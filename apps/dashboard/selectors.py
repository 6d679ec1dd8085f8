"""What do the pages about jobs and runs show? Read in a fixed number of queries, shaped for the templates."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery, Sum
from django.utils import timezone

from apps.dashboard.controls import ControlOffer, controls_of
from apps.jobs.models import Job, Run, StateChange
from apps.jobs.selectors import jobs_of
from apps.progress.choices import ENDED, JobState, StageState
from apps.progress.engine.bar import TotalKind
from apps.progress.engine.words import rate_words
from apps.progress.events import PlanLine, RunMessage
from apps.progress.models import StageProgress
from apps.progress.selectors import live_runs
from apps.sources.definition import ALL_STAGES, Stage, StepDefinition
from apps.sources.registry import definition
from apps.tenants.models import Role, Tenant

HISTORY = 30
# What of the loaded data is worth a line on a card, in this order.
HEADLINE_KINDS = ("issue", "issue_comment", "pull_request", "commit", "review", "pull_request_comment")
COLUMNS = ("announced", "extracted", "loaded", "embedded", "set_aside")


@dataclass(frozen=True)
class Overview:
    """A job with what is going on (``live``), its newest run and how the last one ended."""

    job: Job
    run: Run | None
    live: RunMessage | None
    last: Run | None
    today: int
    controls: list[ControlOffer]

    @property
    def percent(self) -> float:
        """What the bar shows: nothing while the job is ready for its next run."""
        return self.live.progress if self.live and self.job.state != JobState.READY else 0.0

    @property
    def loaded(self) -> list[tuple[str, int]]:
        """The most telling counts of what the last run left loaded."""
        counts = self.last.counts.get("loaded", {}) if self.last else {}
        return [(kind, counts[kind]) for kind in HEADLINE_KINDS if counts.get(kind)]

    @property
    def possible(self) -> list[ControlOffer]:
        """What the person may ask for now."""
        return [control for control in self.controls if not control.why]

    @property
    def first_controls(self) -> list[ControlOffer]:
        """The two that fit into a row of a list."""
        return [control for control in self.possible if control.is_common][:2]


@dataclass(frozen=True)
class Cell:
    """One cell of the status matrix; ``row`` is ``None`` where the step has no such stage."""

    stage: str
    row: StageProgress | None
    state: str
    estimated: bool = False

    @property
    def took(self) -> timedelta | None:
        """How long the stage worked."""
        if self.row is None or self.row.started_at is None or self.row.finished_at is None:
            return None
        return self.row.finished_at - self.row.started_at

    @property
    def rate(self) -> str:
        """How many records a second it settled, in words; empty where that says nothing."""
        seconds = self.took.total_seconds() if self.took else 0.0
        return rate_words(self.row.done / seconds) if self.row and self.row.done and seconds >= 1 else ""


@dataclass(frozen=True)
class MatrixRow:
    """A step and its cells, one per known stage."""

    step: StepDefinition
    cells: list[Cell]


@dataclass(frozen=True)
class PlanStep:
    """A progress step with its state, and those inside it."""

    title: str
    state: str
    steps: list["PlanStep"]


@dataclass(frozen=True)
class RunRow:
    """A run in the history, with how many records it took in."""

    run: Run
    volume: int

    @property
    def took(self) -> timedelta | None:
        """From the begin of the work to its end."""
        return took(self.run)


def took(run: Run) -> timedelta | None:
    """How long a run worked; ``None`` while it does, or when it never began."""
    if run.started_at is None or run.finished_at is None:
        return None
    return run.finished_at - run.started_at


def overviews(tenant: Tenant, role: Role | None, jobs: QuerySet[Job] | None = None) -> list[Overview]:
    """The given jobs of the tenant, or all of them, each with its newest runs."""
    rows = jobs_of(tenant) if jobs is None else jobs
    newest, last = _newest(rows, Q()), _newest(rows, Q(state__in=ENDED))
    today = taken_in_today(tenant)
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


def taken_in_today(tenant: Tenant) -> dict[int, int]:
    """What the runs since midnight, by the reader's clock, took in (see :func:`with_volume`), by job."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    numbers: dict[int, int] = {}
    for row in with_volume(list(Run.objects.for_tenant(tenant).filter(created_at__gte=midnight).defer("proof"))):
        numbers[row.run.job_id] = numbers.get(row.run.job_id, 0) + row.volume
    return numbers


def _newest(jobs: QuerySet[Job], which: Q) -> dict[int, Run]:
    """The newest run of each job among ``which``: one look into the index per job, however long its history."""
    runs = Run.across_tenants.filter(which, job=OuterRef("pk")).order_by("-created_at")
    ids = jobs.annotate(newest=Subquery(runs.values("pk")[:1])).values("newest")
    return {run.job_id: run for run in Run.across_tenants.filter(pk__in=ids).defer("proof")}


def filtered_jobs(tenant: Tenant, *, state: str, job_type: str, text: str) -> QuerySet[Job]:
    """The tenant's jobs in a state, of a type, with a text in their name; an empty value asks for all."""
    wanted = Q()
    if state:
        wanted &= Q(state=state)
    if job_type:
        wanted &= Q(job_type=job_type)
    if text:
        wanted &= Q(name__icontains=text)
    return jobs_of(tenant).filter(wanted)


def matrix(run: Run | None, job: Job, live: RunMessage | None, *, as_of_job: bool) -> list[MatrixRow]:
    """The status matrix of a run; ``as_of_job``: idle again once the job is ready for its next one."""
    rows = StageProgress.objects.filter(run_id=run.pk) if run else StageProgress.objects.none()
    idle = as_of_job and job.state == JobState.READY
    known = {} if idle else {(row.step, row.stage): row for row in rows}

    def cell(step: StepDefinition, stage: Stage) -> Cell:
        row = known.get((step.key, stage.value))
        counts = live.counts.get(step.key, {}).get(stage.value) if live else None
        estimated = counts is not None and counts.total_kind == TotalKind.ESTIMATE
        state = str(row.state if row else StageState.IDLE if stage in step.stages else "")
        is_held = state == StageState.RUNNING and live is not None and live.overall == JobState.PAUSED
        return Cell(stage.value, row, JobState.PAUSED.lower() if is_held else state, estimated)

    return [MatrixRow(step, [cell(step, stage) for stage in ALL_STAGES]) for step in definition(job.job_type).steps]


def plan(run: Run | None, job: Job, live: RunMessage | None, *, as_of_job: bool) -> list[PlanStep]:
    """The progress steps of a run; ``as_of_job`` as in :func:`matrix`."""
    if run is None or live is None:
        return [PlanStep(step.title, StageState.IDLE, []) for step in definition(job.job_type).progress_steps]
    idle = as_of_job and job.state == JobState.READY

    def step(line: PlanLine, current: str = StageState.IDLE) -> PlanStep:
        state = StageState.FINISHED if line.progress == 1 else current
        return PlanStep(line.title, StageState.IDLE if idle else state, [step(inner) for inner in line.steps])

    return [
        step(line, run.state.lower() if index == live.step_index else StageState.IDLE)
        for index, line in enumerate(live.plan)
    ]


def changes_of(job: Job, run: Run | None = None) -> list[StateChange]:
    """The newest transitions of a job, or all of one run."""
    changes = StateChange.objects.filter(job=job)
    return list(changes.filter(run=run) if run else changes[:HISTORY])


def with_volume(runs: list[Run]) -> list[RunRow]:
    """The runs with the number of records that each of them extracted (texts embedded, where it extracts none)."""
    taken_in = (
        StageProgress.objects.filter(run__in=[run.pk for run in runs])
        .values_list("run")
        .annotate(extracted=Sum("done", filter=Q(stage=Stage.EXTRACTION)), embedded=Sum("done"))
    )
    volumes = {run_id: extracted if extracted is not None else embedded for run_id, extracted, embedded in taken_in}
    return [RunRow(run, volumes.get(run.pk, 0)) for run in runs]


def recent_runs(job: Job, limit: int = 10) -> list[RunRow]:
    """The newest runs of one job."""
    runs = Run.objects.for_tenant(job.tenant_id).filter(job=job).select_related("job").order_by("-created_at")
    return with_volume(list(runs[:limit]))


def run_of(tenant: Tenant, run_id: UUID) -> Run | None:
    """One run of the tenant with its job."""
    runs = Run.objects.for_tenant(tenant).select_related("job__integration", "job__tenant", "integration")
    return runs.filter(pk=run_id).first()


def is_current(run: Run) -> bool:
    """Whether it is its job's newest run: the one that the job's controls act on."""
    newer = Run.objects.for_tenant(run.tenant_id).filter(job=run.job_id, created_at__gt=run.created_at)
    return not newer.exists()
