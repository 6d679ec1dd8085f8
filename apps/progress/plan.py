"""What is the plan of one run? The definition of its job, with the shares and the new steps that the run has stored."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from apps.progress.choices import STAGE_DONE, JobState
from apps.progress.engine import words
from apps.progress.engine.bar import Bar, OutlineLine, RunCounters, StageCounters, bar, outline
from apps.progress.engine.eta import Pace, SecondsRange, estimate, expires_at
from apps.progress.engine.forecast import forecast, left_to_do
from apps.progress.engine.history import advances, counter_key
from apps.progress.engine.shares import Share, weighted
from apps.progress.engine.words import Unit
from apps.progress.models import RunProgress, StageProgress
from apps.sources.definition import Part, ProgressStep, Stage
from apps.sources.registry import definition

# The last successful runs of the same job and mode are the history of the next one.
MAX_EARLIER_RUNS = 5
SUCCEEDED = 100.0


class StageRow(msgspec.Struct):
    """The shown columns of a :class:`StageProgress`, for code that reads them without Django's models."""

    step: str
    stage: str
    state: str
    done: int
    failed: int
    total: int
    started_at: datetime | None
    finished_at: datetime | None
    open_lists: int = 0


AnyStage = StageProgress | StageRow


def steps_of(row: RunProgress) -> tuple[ProgressStep, ...]:
    """The progress steps of a run: those of its definition, then those that were discovered while it ran."""
    found = tuple(
        ProgressStep(step["title"], (Part(step["key"], Stage(step["stage"])),), step["weight"], is_beside=True)
        for step in row.discovered
    )
    return definition(row.job_type).progress_steps + found


def shares_of(row: RunProgress) -> list[Share]:
    """The shares of a run's progress steps, in their order."""
    return [Share(*share) for share in row.shares] or weighted([step.weight for step in steps_of(row)])


def stored_shares(shares: list[Share]) -> list[list[float]]:
    """Shares as the row stores them; :func:`shares_of` reads them."""
    return [[share.left, share.earned, share.begin] for share in shares]


def cells_of(stages: Iterable[AnyStage]) -> RunCounters:
    """The counters of a run's stages, for the engine."""
    return {
        (cell.step, Stage(cell.stage)): StageCounters(
            cell.done, cell.total, is_finished=cell.state in STAGE_DONE, is_growing=cell.open_lists > 0
        )
        for cell in stages
    }


def bar_of(row: RunProgress, cells: RunCounters, *, is_successful: bool) -> Bar:
    """The bar of a run with these counters."""
    return bar(steps_of(row), cells, shares_of(row), is_successful=is_successful)


def lines_of(row: RunProgress, cells: RunCounters) -> tuple[OutlineLine, ...]:
    """The plan as the page shows it."""
    return outline(steps_of(row), cells, shares_of(row))


def unit_of(row: RunProgress, part: Part) -> Unit:
    """What the counters of a stage count; a step that was added while the run was running has no definition."""
    steps = {step.key: step for step in definition(row.job_type).steps}
    return words.unit_of(steps.get(part.step), part.stage)


def eta_of(row: RunProgress, cells: RunCounters, part: Part, pace: Pace, now: float) -> SecondsRange | None:
    """How many seconds the run still takes, by earlier runs or else by itself; ``None`` if that is unknown."""
    return _eta_by_history(row, cells, part, pace, now) or forecast(cells, pace, now)


def _eta_by_history(row: RunProgress, cells: RunCounters, part: Part, pace: Pace, now: float) -> SecondsRange | None:
    order = _counters(steps_of(row))
    here = counter_key(part.step, part.stage)
    finished = {counter_key(step, stage) for (step, stage), other in cells.items() if other.is_finished}
    later = [counter for counter in order if counter != here and counter not in finished]
    history = row.history
    left = left_to_do(cells, part.step, part.stage)
    return estimate(pace, left, history.get(here, []), [history.get(counter, []) for counter in later], now)


def stored_pace(row: RunProgress) -> Pace | None:
    """The pace as of the last sample; ``None`` before the first."""
    return msgspec.convert(row.pace, Pace) if row.pace else None


def stored_eta(row: RunProgress) -> SecondsRange | None:
    """In how many seconds the run ends, as of the last sample; ``None`` if that was unknown."""
    return None if row.eta_low is None or row.eta_high is None else SecondsRange(row.eta_low, row.eta_high)


def live_pace(row: RunProgress, now: datetime) -> Pace | None:
    """The pace if it is still meaningful: the run works, does not wait, and its last sample is recent."""
    pace = stored_pace(row)
    if pace is None or row.overall != JobState.RUNNING or row.waiting:
        return None
    expires = expires_at(pace)
    return pace if expires is not None and now.timestamp() <= expires else None


def _counters(steps: tuple[ProgressStep, ...]) -> list[str]:
    return list(dict.fromkeys(counter_key(part.step, part.stage) for step in steps for part in step.leaves))


def learn(row: RunProgress) -> None:
    """Give a new run the history of its job; and learnt shares, if the definition asks for them."""
    earlier = (
        RunProgress.objects.for_tenant(row.tenant_id)
        .filter(job_id=row.job_id, mode=row.mode, percent=SUCCEEDED)
        .order_by("-created_at")
        .prefetch_related("stages")[:MAX_EARLIER_RUNS]
    )
    job = definition(row.job_type)
    order = _counters(job.progress_steps)
    runs = [advances(order, _spans(run)) for run in earlier]
    row.history = {counter: [round(run[counter], 1) for run in runs] for counter in order} if runs else {}
    if job.with_learned_weights:
        from apps.progress.compat.learning import learnt_shares  # no job of the product asks for it

        row.shares = stored_shares(learnt_shares(job.progress_steps, runs))


def _spans(run: RunProgress) -> dict[str, tuple[float | None, float | None]]:
    return {
        counter_key(cell.step, cell.stage): (
            cell.started_at.timestamp() if cell.started_at else None,
            cell.finished_at.timestamp() if cell.finished_at else None,
        )
        for cell in run.stages.all()
    }
