"""How is the state of a run drawn? As one card: all of its parts come from the same stored state.

The pages and the admin site draw the card with the same templates. When a newer message comes, a script puts its texts
into the same places. Only this module decides what the texts say.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from apps.core.choices import Tone
from apps.progress.choices import JobState, RunState, StageState
from apps.progress.engine import words
from apps.progress.engine.bar import RunCounters, TotalKind, may_grow, step_fraction, total_kind
from apps.progress.engine.eta import known_rate
from apps.progress.engine.forecast import has_begun, left_to_do
from apps.progress.facts import RunFacts, Sign
from apps.progress.models import RunProgress
from apps.progress.plan import AnyStage, bar_of, cells_of, live_pace, steps_of, stored_eta, stored_pace, unit_of
from apps.progress.run_summary import RunSummary, ready, run_state, summary_of
from apps.sources.definition import Part, ProgressStep, Stage
from apps.sources.registry import definition

NOTHING = "—"
END_UNKNOWN = "The end is not known yet"
NOTHING_TO_DO = "nothing to do"


class Meter(msgspec.Struct):
    """A bar that is filled to ``width`` percent; ``text`` says the percent. ``is_unknown``: the step has no total."""

    width: float
    text: str
    tone: Tone
    is_unknown: bool = False


class Counter(msgspec.Struct):
    """What the run counts now. ``total`` is null if it is unknown, ``rate`` (per second) if nothing is completed."""

    done: int
    total: int | None
    unit: str
    is_estimate: bool
    rate: float | None
    text: str


class StageCard(msgspec.Struct):
    """One cell of the status matrix: its state, its numbers with their unit, and how long it took at which rate."""

    sign: Sign
    numbers: str
    took: str


class StepCard(msgspec.Struct):
    """A progress step of the plan, its title as the word of its sign, and the steps nested in it."""

    sign: Sign
    steps: list["StepCard"]


class Card(RunSummary, kw_only=True):
    """Everything that a page shows of the state of a run.

    ``line`` is the text for lists. ``step`` says which step of how many, ``eta_text`` when the run ends, and ``left``
    what is still to do beside what the ``counter`` counts. ``controls``
    are the names of the controls that the state allows; the ``main_control`` is the one that a person most likely
    wants. The page has no button for a control that the person's role does not allow.
    """

    meter: Meter
    line: str
    counter: Counter | None
    step: str
    eta_text: str
    left: str
    controls: list[str]
    main_control: str
    cells: dict[str, dict[str, StageCard]]
    plan: list[StepCard]


def card_of(row: RunProgress, stages: Sequence[AnyStage], facts: RunFacts, now: datetime) -> Card:
    """The card of a run for its own page: it still shows the end of the run when the job is ready again."""
    cells = cells_of(stages)
    state = run_state(row, facts)
    pace = stored_pace(row)
    worked_at = datetime.fromtimestamp(pace.at, UTC) if pace and pace.at and pace.run_samples else None
    set_aside = sum(cell.failed for cell in stages)
    summary = summary_of(row, facts, set_aside=set_aside, worked_at=worked_at, now=now)
    counter = _counter(row, cells, now) if state.is_active or state.is_failed else None
    has_counts = state.is_working and not row.waiting and counter is not None and counter.text
    return Card(
        **msgspec.structs.asdict(summary),
        meter=_meter(row, summary.tone),
        line=counter.text if has_counts and counter else summary.summary,
        counter=counter,
        step=_step(row, state),
        eta_text=_eta_text(row, now),
        left=_left(row, cells) if state.is_working or state.is_paused else "",
        controls=list(facts.controls) if row.current else [],
        main_control=facts.main_control if row.current else "",
        cells=_stage_cards(row, stages, cells, state),
        plan=_plan(row, stages, cells, state),
    )


def rest_card(job_type: str, facts: RunFacts) -> Card:
    """The card of a job that is ready for its next run: it shows no run, and every stage is idle."""
    job = definition(job_type)
    idle = StageState.IDLE
    sign = Sign(idle.icon, idle.tone, str(idle.label))
    summary = ready(facts.next_run)
    return Card(
        **msgspec.structs.asdict(summary),
        meter=meter_of(0.0, JobState.READY),
        line=summary.summary,
        counter=None,
        step="",
        eta_text="",
        left="",
        controls=list(facts.controls),
        main_control=facts.main_control,
        cells={step.key: {stage.value: StageCard(sign, "", "") for stage in step.stages} for step in job.steps},
        plan=[StepCard(Sign(idle.icon, idle.tone, step.title), []) for step in job.progress_steps],
    )


def meter_of(percent: float | None, state: JobState | RunState) -> Meter:
    """The bar of a run or of a job from its percent and state alone. A job that is ready has an empty bar."""
    if percent is None or state.is_idle:
        return Meter(0.0, NOTHING, Tone.NEUTRAL)
    return Meter(round(percent, 2), f"{words.whole_percent(percent)} %", state.tone)


def _meter(row: RunProgress, tone: Tone) -> Meter:
    is_unknown = row.overall == JobState.RUNNING and row.step_progress is None
    return Meter(round(row.percent, 2), f"{words.whole_percent(row.percent)} %", tone, is_unknown)


def _counter(row: RunProgress, cells: RunCounters, now: datetime) -> Counter | None:
    """The counter of the stage that is next to be done; ``None`` if nothing has been counted yet."""
    bar = bar_of(row, cells, is_successful=False)
    cell, unit = cells[bar.part.step, bar.part.stage], unit_of(row, bar.part)
    text = words.count_words(cell.done, cell.total, bar.total_kind, unit)
    if not text:
        return None
    pace = live_pace(row, now)
    rate = known_rate(pace) if pace else None
    return Counter(
        cell.done,
        cell.total or None,
        f"{unit.plural(0)} {unit.verb}",
        bar.total_kind == TotalKind.ESTIMATE,
        round(rate, 3) if rate else None,
        words.with_rate(text, rate),
    )


def _step(row: RunProgress, state: JobState | RunState) -> str:
    if not state.is_within_step:
        return ""
    place = f"{row.step_index + 1} of {row.total_steps}: {row.step_title}"
    return f"Failed in step {place}" if state.is_failed else f"Step {place}"


def _eta_text(row: RunProgress, now: datetime) -> str:
    if row.overall != JobState.RUNNING or row.waiting:
        return ""
    span = stored_eta(row)
    return f"Ends in {words.range_words(span)}" if span and live_pace(row, now) else END_UNKNOWN


def _left(row: RunProgress, cells: RunCounters) -> str:
    """What is left of the stages beside the current one, and the progress steps of which nothing has begun."""
    current = bar_of(row, cells, is_successful=False).part
    found: dict[words.Unit, list[tuple[float, bool]]] = {}
    for (step, stage), cell in cells.items():
        if (step, stage) != (current.step, current.stage) and has_begun(cells, step) and not cell.is_finished:
            left = left_to_do(cells, step, stage)
            number = cell.total - cell.done if left is None else left
            found.setdefault(unit_of(row, Part(step, stage)), []).append((number, not may_grow(cells, step, stage)))
    left_over = [
        (unit, round(sum(number for number, _ in parts)), all(is_exact for _, is_exact in parts))
        for unit, parts in found.items()
    ]
    steps = [step.title for step in steps_of(row) if not any(has_begun(cells, part.step) for part in step.leaves)]
    return words.left_words([one for one in left_over if one[1] > 0], steps)


def _stage_cards(
    row: RunProgress, stages: Sequence[AnyStage], cells: RunCounters, state: JobState | RunState
) -> dict[str, dict[str, StageCard]]:
    cards: dict[str, dict[str, StageCard]] = {}
    for stage in stages:
        kind = total_kind(cells, stage.step, Stage(stage.stage))
        unit = unit_of(row, Part(stage.step, Stage(stage.stage)))
        card = StageCard(_stage_sign(stage, state), _numbers(stage, kind, unit), _took(stage))
        cards.setdefault(stage.step, {})[stage.stage] = card
    return cards


def _stage_sign(stage: AnyStage, state: JobState | RunState) -> Sign:
    """The state of a stage. A pause holds a stage that is at work; a stop has ended it."""
    shown: StageState | JobState | RunState = StageState(stage.state)
    if shown == StageState.RUNNING and state.is_paused:
        shown = state
    if shown == StageState.IDLE and state.is_cancelled and stage.started_at:
        shown = state
    return Sign(shown.icon, shown.tone, str(shown.label))


def _numbers(stage: AnyStage, kind: TotalKind, unit: words.Unit) -> str:
    if stage.state == StageState.SKIPPED:
        return NOTHING_TO_DO
    if not stage.done and not stage.total:
        return ""
    about = "≈" if kind == TotalKind.ESTIMATE else ""
    of = f" of {about}{stage.total:,}" if stage.total and stage.total != stage.done else ""
    aside = f", {stage.failed:,} set aside" if stage.failed else ""
    return f"{stage.done:,}{of} {unit.plural(stage.total or stage.done)}{aside}"


def _took(stage: AnyStage) -> str:
    if not stage.done or stage.started_at is None or stage.finished_at is None:
        return ""
    seconds = (stage.finished_at - stage.started_at).total_seconds()
    rate = f", {words.rate_words(stage.done / seconds)}" if seconds >= 1 else ""
    return f"{words.duration_words(seconds)}{rate}"


def _plan(
    row: RunProgress, stages: Sequence[AnyStage], cells: RunCounters, state: JobState | RunState
) -> list[StepCard]:
    skipped = {(stage.step, Stage(stage.stage)) for stage in stages if stage.state == StageState.SKIPPED}

    def card(step: ProgressStep, otherwise: StageState | JobState | RunState) -> StepCard:
        shown = otherwise
        if step_fraction(cells, step) == 1.0:
            shown = StageState.FINISHED
        if all((part.step, part.stage) in skipped for part in step.leaves):
            shown = StageState.SKIPPED
        return StepCard(
            Sign(shown.icon, shown.tone, step.title), [card(inner, StageState.IDLE) for inner in step.steps]
        )

    steps = enumerate(steps_of(row))
    return [card(step, state if index == row.step_index else StageState.IDLE) for index, step in steps]
