"""Why did a run fail, what was completed, and what happens next?"""

from dataclasses import dataclass, field
from datetime import datetime

from apps.jobs.choices import BatchState
from apps.jobs.models import Batch, Job, Run
from apps.jobs.selectors import automatic_retry_at
from apps.progress import log
from apps.progress.choices import STAGE_DONE, RunState, StageState
from apps.progress.models import StageProgress
from apps.sources.definition import Stage
from apps.sources.registry import definition

MAX_BATCH_ERRORS = 5


@dataclass(frozen=True)
class BatchError:
    """The last error of a batch, and how many attempts it had."""

    step: str
    stage: str
    attempts: int
    error: str


@dataclass(frozen=True)
class RunFailure:
    """A failed run: its ``cause`` as a sentence, the done, partly done and missing steps, and the next retry.

    ``line`` is the log line with the error. ``retry_at`` is the time of the next automatic retry. ``kept`` is how many
    records were extracted.
    """

    cause: str
    line: int | None
    done: list[str] = field(default_factory=list)
    partly: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    kept: int = 0
    retry_at: datetime | None = None
    batches: list[BatchError] = field(default_factory=list)


def failure_of(run: Run | None, job: Job) -> RunFailure | None:
    """The failure of a run; ``None`` if it did not fail."""
    if run is None or not (run.state == RunState.FAILED or (run.error and run.state == RunState.CANCELLED)):
        return None
    stages = list(StageProgress.objects.filter(run_id=run.pk))
    failure = RunFailure(
        run.error or job.error or "No cause was recorded.",
        log.newest_error(run.pk),
        kept=sum(stage.done for stage in stages if stage.stage == Stage.EXTRACTION),
        retry_at=automatic_retry_at(run),
        batches=_batch_errors(run),
    )
    for step in definition(job.job_type).steps:
        states = {stage.state for stage in stages if stage.step == step.key}
        if states <= STAGE_DONE:
            failure.done.append(step.title)
        elif states <= {StageState.IDLE}:
            failure.missing.append(step.title)
        else:
            failure.partly.append(step.title)
    return failure


def _batch_errors(run: Run) -> list[BatchError]:
    failed = Batch.objects.for_tenant(run.tenant_id).filter(run=run).exclude(error="")
    failed = failed.exclude(state=BatchState.FINISHED).order_by("-attempts", "pk")
    found = failed.values_list("step", "stage", "attempts", "error")[:MAX_BATCH_ERRORS]
    return [BatchError(*values) for values in found]
