"""What do the status matrix and the progress steps of a run show?"""

from dataclasses import dataclass
from datetime import timedelta

from apps.jobs.models import Job, Run
from apps.progress.choices import JobState, StageState
from apps.progress.engine.bar import TotalKind
from apps.progress.engine.words import rate_words
from apps.progress.events import PlanLine, RunMessage
from apps.progress.models import StageProgress
from apps.sources.definition import ALL_STAGES, Stage, StepDefinition
from apps.sources.registry import definition


@dataclass(frozen=True)
class MatrixCell:
    """One cell of the status matrix. ``row`` is ``None`` if the step has no such stage or the stage has not started."""

    stage: str
    row: StageProgress | None
    state: str
    is_estimated: bool = False

    @property
    def took(self) -> timedelta | None:
        """How long the stage worked."""
        if self.row is None or self.row.started_at is None or self.row.finished_at is None:
            return None
        return self.row.finished_at - self.row.started_at

    @property
    def rate(self) -> str:
        """How many records the stage finished per second, in words; empty if the stage was too short to measure."""
        seconds = self.took.total_seconds() if self.took else 0.0
        return rate_words(self.row.done / seconds) if self.row and self.row.done and seconds >= 1 else ""


@dataclass(frozen=True)
class MatrixRow:
    """A step and its cells, one for each stage."""

    step: StepDefinition
    cells: list[MatrixCell]


@dataclass(frozen=True)
class PlanStep:
    """A progress step with its state and its nested steps."""

    title: str
    state: str
    steps: list["PlanStep"]


def matrix(run: Run | None, job: Job, live: RunMessage | None, *, is_job_page: bool) -> list[MatrixRow]:
    """The status matrix of a run. On the page of a job, all stages are idle while the job is ready for its next run."""
    rows = StageProgress.objects.filter(run_id=run.pk) if run else StageProgress.objects.none()
    is_idle = is_job_page and job.state == JobState.READY
    known = {} if is_idle else {(row.step, row.stage): row for row in rows}

    def cell(step: StepDefinition, stage: Stage) -> MatrixCell:
        row = known.get((step.key, stage.value))
        counts = live.counts.get(step.key, {}).get(stage.value) if live else None
        is_estimated = counts is not None and counts.total_kind == TotalKind.ESTIMATE
        state = str(row.state if row else StageState.IDLE if stage in step.stages else "")
        is_held = state == StageState.RUNNING and live is not None and live.overall == JobState.PAUSED
        return MatrixCell(stage.value, row, JobState.PAUSED.lower() if is_held else state, is_estimated)

    return [MatrixRow(step, [cell(step, stage) for stage in ALL_STAGES]) for step in definition(job.job_type).steps]


def plan(run: Run | None, job: Job, live: RunMessage | None, *, is_job_page: bool) -> list[PlanStep]:
    """The progress steps of a run. ``is_job_page`` is as in :func:`matrix`."""
    if run is None or live is None:
        return [PlanStep(step.title, StageState.IDLE, []) for step in definition(job.job_type).progress_steps]
    is_idle = is_job_page and job.state == JobState.READY

    def step(line: PlanLine, current: str = StageState.IDLE) -> PlanStep:
        state = StageState.FINISHED if line.progress == 1 else current
        return PlanStep(line.title, StageState.IDLE if is_idle else state, [step(inner) for inner in line.steps])

    return [
        step(line, run.state.lower() if index == live.step_index else StageState.IDLE)
        for index, line in enumerate(live.plan)
    ]
