"""Does the card of a run tell one thing? Every part of it follows from the same stored state."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import msgspec
import pytest

from apps.core.choices import Tone
from apps.progress.card import END_UNKNOWN, NOTHING, Card, card_of, meter_of, rest_card
from apps.progress.choices import JobState, RunState, StageState
from apps.progress.engine.eta import Pace
from apps.progress.facts import LastChange, RunFacts, Sign
from apps.progress.models import RunProgress
from apps.progress.plan import StageRow
from apps.sources.registry import definition

NOW = datetime(2026, 12, 1, 12, 4, 30, tzinfo=UTC)
FETCH = 2  # the progress step that fetches issues
ISSUES = "jira_issues_with_changelogs"
COMPLETE = Sign("complete", Tone.GOOD, "Complete")


def row(state: JobState, **more: Any) -> RunProgress:
    """A Jira run in its third step."""
    values = {"step_index": FETCH, "total_steps": 5, "step_title": "Fetch Issues from API", "percent": 46.0} | more
    return RunProgress(run=UUID(int=1), tenant_id=1, job_id=1, job_type="jira", overall=state, **values)


def pace(seconds_ago: float, *, of: str = f"{ISSUES} extraction") -> dict[str, Any]:
    """A pace whose last sample is so old."""
    found = Pace(of, NOW.timestamp() - seconds_ago, 150, rate=16.0, gap=1.0, samples=9, seconds=9.0, run_samples=9)
    values: dict[str, Any] = msgspec.to_builtins(found)
    return values


def stages(**changes: dict[str, Any]) -> list[StageRow]:
    """The stages of a run that has finished two steps and extracted 150 of 500 issues."""
    found = []
    for position, step in enumerate(definition("jira").steps):
        for stage in step.stages:
            done = position < FETCH
            values: dict[str, Any] = {
                "state": StageState.FINISHED if done else StageState.IDLE,
                "done": 10 if done else 0,
                "failed": 0,
                "total": 10 if done else 0,
                "started_at": NOW if done else None,
                "finished_at": NOW + timedelta(seconds=5) if done else None,
            }
            if step.key == ISSUES:
                values |= changes.get(stage.value, {})
            found.append(StageRow(step.key, stage.value, **values))
    return found


AT_WORK = {"extraction": {"state": StageState.RUNNING, "done": 150, "total": 500, "started_at": NOW}}


def card(progress: RunProgress, cells: list[StageRow] | None = None, **facts: Any) -> Card:
    return card_of(progress, stages(**AT_WORK) if cells is None else cells, RunFacts(**facts), NOW)


def test_a_run_at_work_says_what_it_counts_in_which_step() -> None:
    shown = card(row(JobState.RUNNING, pace=pace(1)), workers=2)
    assert (shown.heading, shown.summary) == ("Working", "2 workers")
    assert shown.counter
    assert (shown.counter.done, shown.counter.total, shown.counter.unit) == (150, 500, "issues extracted")
    assert shown.line == shown.counter.text == "150 of 500 issues extracted (16/s)"
    assert shown.step == "Step 3 of 5: Fetch Issues from API"
    assert shown.meter.text == "46 %"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"transform": {"state": "running", "done": 863, "total": 1507}}, "863 of 1,507 records transformed"),
        (
            {
                "transform": {"state": "finished", "done": 9, "total": 9},
                "embedding": {"state": "running", "done": 3838, "total": 10852},
            },
            "3,838 of 10,852 texts embedded",
        ),
    ],
)
def test_the_counter_of_another_stage_has_another_unit(changes: dict[str, Any], text: str) -> None:
    done = {"extraction": {"state": "finished", "done": 500, "total": 500}}
    shown = card(row(JobState.RUNNING, step_index=3), stages(**done, **changes), workers=1)
    assert shown.counter
    assert shown.counter.text == text


def test_what_is_left_beside_the_counter_is_said() -> None:
    growing = {"state": StageState.RUNNING, "done": 300, "total": 1200}
    shown = card(row(JobState.RUNNING), stages(**AT_WORK, transform=growing, embedding=growing | {"done": 0}))
    then = "then Extract Dev Status and Create PR Links"
    # 150 issues gave 1,200 records, so 500 give 4,000; 300 records gave 1,200 texts, so 4,000 give 16,000.
    assert shown.left == f"Still to do: ≈3,700 records to be transformed, ≈16,000 texts to be embedded, {then}"
    assert card(row(JobState.FAILED)).left == card(row(JobState.FINISHED)).left == ""


def test_only_an_estimate_of_what_is_left_has_a_mark() -> None:
    done = {"state": StageState.FINISHED, "done": 500, "total": 500}
    shown = card(
        row(JobState.RUNNING, step_index=3), stages(extraction=done, transform=done, embedding=AT_WORK["extraction"])
    )
    assert shown.left == "Still to do: Extract Dev Status and Create PR Links"
    both = {"state": StageState.RUNNING, "done": 863, "total": 1507}
    shown = card(
        row(JobState.RUNNING, step_index=3), stages(extraction=done, transform=both | {"total": 863}, embedding=both)
    )
    assert shown.left.startswith("Still to do: ≈640 texts to be embedded, then ")


def test_an_unknown_end_is_said_in_words_and_an_old_one_is_unknown() -> None:
    known = {"eta_low": 240.0, "eta_high": 360.0}
    assert card(row(JobState.RUNNING)).eta_text == END_UNKNOWN
    assert card(row(JobState.RUNNING, pace=pace(1), **known)).eta_text == "Ends in 4–6 min"
    assert card(row(JobState.RUNNING, pace=pace(60), **known)).eta_text == END_UNKNOWN
    for state in set(JobState) - {JobState.RUNNING}:
        assert card(row(state, pace=pace(1), **known)).eta_text == ""


@pytest.mark.parametrize("seconds", [0, 2, 9])
def test_nobody_waits_for_a_worker_who_has_just_completed_something(seconds: float) -> None:
    facts: dict[str, Any] = {"workers": 0, "open_batches": 127, "since": NOW - timedelta(minutes=2)}
    assert card(row(JobState.RUNNING, pace=pace(seconds)), **facts).heading == "Working"
    assert card(row(JobState.RUNNING, pace=pace(seconds)), lost_since=NOW, **facts).heading == "Working"


@pytest.mark.parametrize(
    ("batches", "summary"), [(127, "127 batches wait."), (1, "1 batch waits."), (0, "The next step waits.")]
)
def test_a_wait_for_a_worker_counts_from_the_last_work(batches: int, summary: str) -> None:
    facts: dict[str, Any] = {"workers": 0, "open_batches": batches, "since": NOW - timedelta(minutes=2)}
    shown = card(row(JobState.RUNNING, pace=pace(30)), **facts)
    assert (shown.heading, shown.summary) == ("Waiting for a free worker", summary)
    assert shown.moment
    assert (shown.moment.label, shown.moment.at) == ("since", NOW - timedelta(seconds=30))


def test_a_wait_for_the_provider_has_one_time_and_no_old_rate() -> None:
    reason = "my-github asks for a pause, because the quota of 5,000 requests is used up."
    until = NOW + timedelta(minutes=4)
    shown = card(row(JobState.RUNNING, waiting=reason, pace=pace(1)), workers=0, waits_until=until)
    assert (shown.heading, shown.summary, shown.line) == ("Waiting", reason, reason)
    assert shown.moment
    assert (shown.moment.label, f"{shown.moment.at:%H:%M:%S}") == ("until", "12:09:00")
    assert shown.counter
    assert (shown.counter.rate, shown.counter.text) == (None, "150 of 500 issues extracted")
    assert shown.eta_text == ""


def test_a_wait_that_is_over_is_a_wait_for_a_worker() -> None:
    over = row(JobState.RUNNING, waiting="my-github asks for a pause.")
    assert card(over, waits_until=NOW - timedelta(seconds=1)).heading == "Waiting for a free worker"


@pytest.mark.parametrize(
    ("state", "heading", "summary"),
    [
        (JobState.PAUSED, "Paused", "By grace: Lunch. It keeps its place until somebody resumes it."),
        (JobState.STOPPING, "Stopping", "Requested by grace: Lunch. What is loaded stays."),
    ],
)
def test_a_person_is_named_who_holds_or_stops_a_run(state: JobState, heading: str, summary: str) -> None:
    shown = card(row(state, waiting="Paused by grace"), last_change=LastChange("grace", NOW, "Lunch."))
    assert (shown.heading, shown.summary, shown.line) == (heading, summary, summary)
    assert shown.moment
    assert (shown.moment.label, shown.moment.at) == ("since", NOW)


def test_a_stopped_run_has_stopped_whatever_its_job_does() -> None:
    cut_short = stages(extraction={"state": StageState.IDLE, "done": 150, "total": 500, "started_at": NOW})
    shown = card(row(JobState.READY), cut_short, run_state=RunState.CANCELLED, ended_at=NOW)
    assert (shown.heading, shown.step, shown.counter, shown.eta_text) == ("Cancelled", "", None, "")
    assert shown.meter.text == "46 %"
    assert shown.cells[ISSUES]["extraction"].sign.word == "Cancelled"
    assert shown.cells[ISSUES]["extraction"].numbers == "150 of 500 issues"
    assert shown.plan[FETCH].sign.icon == "cancelled"


@pytest.mark.parametrize("state", [JobState.FINISHED, JobState.READY])
def test_a_finished_run_says_what_it_amounts_to_also_after_the_reset(state: JobState) -> None:
    aside = Sign("with-quarantine", Tone.WARN, "With records set aside")
    lost = stages(extraction={"state": "finished", "done": 500, "total": 500, "failed": 3})
    facts: dict[str, Any] = {"run_state": RunState.FINISHED, "ended_at": NOW}
    shown = card(row(state, percent=100.0), lost, outcome=aside, **facts)
    assert (shown.heading, shown.tone) == ("With records set aside", Tone.WARN)
    assert shown.summary == "3 records set aside; the rest of its work was done."
    assert shown.meter.text == "100 %"
    whole = card(row(state, percent=100.0), stages(), outcome=COMPLETE, **facts)
    assert (whole.heading, whole.tone, whole.summary) == ("Complete", Tone.GOOD, "All of its work was done.")


@pytest.mark.parametrize("error", ["Jira answers 401.", "Jira answers 401"])
def test_a_failed_run_says_where_and_why(error: str) -> None:
    shown = card(row(JobState.FAILED, error=error), ended_at=NOW)
    assert (shown.heading, shown.summary) == ("Failed", "Jira answers 401. What is done is kept.")
    assert shown.step == "Failed in step 3 of 5: Fetch Issues from API"


def test_a_stage_into_which_nothing_came_is_skipped_and_not_green() -> None:
    shown = card(row(JobState.RUNNING), stages(**AT_WORK, embedding={"state": StageState.SKIPPED}))
    skipped = shown.cells[ISSUES]["embedding"]
    assert (skipped.sign.word, skipped.sign.tone, skipped.numbers) == ("Skipped", Tone.NEUTRAL, "nothing to do")


def test_a_step_of_the_plan_with_nothing_but_skipped_stages_is_skipped() -> None:
    cells = [msgspec.structs.replace(stage, state=StageState.SKIPPED, done=0, total=0) for stage in stages()]
    assert {step.sign.icon for step in card(row(JobState.RUNNING), cells).plan} == {"skipped"}


def test_the_numbers_of_the_matrix_have_a_unit() -> None:
    cells = stages(
        extraction={"state": "finished", "done": 8000, "total": 8000},
        transform={"state": "running", "done": 863, "total": 1507, "failed": 3},
        embedding={"state": "running", "done": 1, "total": 2},
    )
    shown = card(row(JobState.RUNNING), cells).cells[ISSUES]
    assert shown["extraction"].numbers == "8,000 issues"
    assert shown["transform"].numbers == "863 of 1,507 records, 3 set aside"
    assert shown["embedding"].numbers == "1 of ≈2 texts"


def test_an_old_run_of_a_job_cannot_be_controlled() -> None:
    facts: dict[str, Any] = {"controls": ("retry", "start"), "main_control": "retry"}
    assert card(row(JobState.FAILED), **facts).controls == ["retry", "start"]
    old = card(row(JobState.FAILED, current=False), **facts)
    assert (old.controls, old.main_control) == ([], "")


def test_a_job_at_rest_shows_no_run() -> None:
    shown = rest_card("jira", RunFacts(next_run=NOW, controls=("start",), main_control="start"))
    assert shown.moment
    assert (shown.heading, shown.moment.label, shown.moment.at) == ("Ready", "for the next run at", NOW)
    assert (shown.meter.width, shown.meter.text) == (0.0, NOTHING)
    assert {stage.sign.word for cells in shown.cells.values() for stage in cells.values()} == {"Idle"}
    assert {step.sign.icon for step in shown.plan} == {"idle"}
    assert rest_card("jira", RunFacts()).summary == "It runs when somebody starts it."


@pytest.mark.parametrize(("state", "percent"), list(product([*JobState, *RunState], [0.0, 45.9, 99.9])))
def test_a_bar_is_never_full_before_the_end(state: JobState | RunState, percent: float) -> None:
    text = meter_of(percent, state).text
    assert text == (NOTHING if state.is_idle else f"{int(percent)} %")
    assert card(row(JobState.RUNNING, percent=99.9)).meter.text == "99 %"
