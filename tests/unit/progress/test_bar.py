"""Does the bar say how far a run is: by shares, never falling, full only on success?"""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.progress.engine.bar import (
    MAX_UNFINISHED_PERCENT,
    RunCounters,
    StageCounters,
    TotalKind,
    bar,
    outline,
    step_fraction,
    total_kind,
)
from apps.sources.definition import Part, ProgressStep, Stage, whole_step
from apps.sources.registry import definition

JIRA = definition("jira").progress_steps
ISSUES = "jira_issues_with_changelogs"

cells = st.builds(StageCounters, st.integers(0, 10_000), st.integers(0, 10_000), st.booleans())
runs = st.fixed_dictionaries({(step.key, stage): cells for step in definition("jira").steps for stage in step.stages})


def _jira(**issues: StageCounters) -> dict[tuple[str, Stage], StageCounters]:
    """A Jira run in its third step, with these counters of its stages."""
    done = ("jira_projects_and_issue_types", "jira_statuses_and_relationships")
    run = {
        (step.key, stage): StageCounters(is_finished=step.key in done)
        for step in definition("jira").steps
        for stage in Stage
    }
    return run | {(ISSUES, Stage(stage)): cell for stage, cell in issues.items()}


def test_a_known_total_moves_within_its_step() -> None:
    now = bar(JIRA, _jira(extraction=StageCounters(150, 500)))
    assert now.percent == pytest.approx(46)
    assert (now.step_index, now.title) == (2, "Fetch Issues from API")


def test_an_unknown_total_stands_at_the_boundary_and_jumps_to_the_next() -> None:
    fetching = bar(JIRA, _jira(extraction=StageCounters(700)))
    fetched = bar(JIRA, _jira(extraction=StageCounters(1000, is_finished=True)))
    assert fetching.percent == pytest.approx(40)
    assert fetching.step_progress is None
    assert fetched.percent == pytest.approx(60)


@given(runs)
def test_the_bar_is_full_only_on_success(run: RunCounters) -> None:
    assert 0 <= bar(JIRA, run).percent <= MAX_UNFINISHED_PERCENT
    assert bar(JIRA, run, is_successful=True).percent == 100


@given(runs, st.sampled_from(sorted((step.key, stage) for step in definition("jira").steps for stage in step.stages)))
def test_more_done_of_a_known_total_never_lowers_the_bar(run: RunCounters, key: tuple[str, Stage]) -> None:
    more = {**run, key: replace(run[key], done=run[key].done + 100)}
    assert bar(JIRA, more).percent >= bar(JIRA, run).percent - 1e-9


@given(runs, st.sampled_from(sorted((step.key, stage) for step in definition("jira").steps for stage in step.stages)))
def test_a_finished_stage_never_lowers_the_bar(run: RunCounters, key: tuple[str, Stage]) -> None:
    finished = {**run, key: replace(run[key], is_finished=True)}
    assert bar(JIRA, finished).percent >= bar(JIRA, run).percent - 1e-9


@pytest.mark.parametrize("count", [1, 5, 42])
def test_any_number_of_steps_fills_the_bar(count: int) -> None:
    steps = [ProgressStep(f"Step {number}", (Part(f"s{number}", Stage.EXTRACTION),)) for number in range(count)]
    percents = [
        bar(steps, {(f"s{n}", Stage.EXTRACTION): StageCounters(is_finished=n < done) for n in range(count)}).percent
        for done in range(count + 1)
    ]
    assert percents == pytest.approx([min(done * 100 / count, MAX_UNFINISHED_PERCENT) for done in range(count + 1)])


def test_given_weights_change_the_shares() -> None:
    steps = [ProgressStep("Short", whole_step("a")), ProgressStep("Long", whole_step("b"), weight=3)]
    done = {("a", stage): StageCounters(is_finished=True) for stage in Stage} | {
        ("b", stage): StageCounters() for stage in Stage
    }
    assert bar(steps, done).percent == pytest.approx(25)
    assert [(line.begin, line.end) for line in outline(steps, done)] == [(0, 25), (25, 100)]


def test_nested_steps_share_the_stretch_of_their_step() -> None:
    inner = (
        ProgressStep("First repository", (Part("one", Stage.EXTRACTION),)),
        ProgressStep("Second repository", (Part("two", Stage.EXTRACTION),), weight=3),
    )
    steps = [ProgressStep("Setup", (Part("setup", Stage.EXTRACTION),)), ProgressStep("Repositories", steps=inner)]
    run = {
        ("setup", Stage.EXTRACTION): StageCounters(is_finished=True),
        ("one", Stage.EXTRACTION): StageCounters(is_finished=True),
        ("two", Stage.EXTRACTION): StageCounters(1, 2),
    }
    now = bar(steps, run)
    assert now.percent == pytest.approx(50 + 50 * (0.25 + 0.75 / 2))
    assert now.part.step == "two"
    assert [(line.title, line.begin, line.end, line.progress) for line in outline(steps, run)[1].steps] == [
        ("First repository", 50, 62.5, 1.0),
        ("Second repository", 62.5, 100, 0.5),
    ]


def test_a_step_without_any_known_total_is_unknown() -> None:
    assert (
        step_fraction({("a", stage): StageCounters(5) for stage in Stage}, ProgressStep("A", whole_step("a"))) is None
    )


def test_a_list_that_goes_on_moves_nothing_until_its_total_is_known() -> None:
    listing = bar(JIRA, _jira(extraction=StageCounters(10_387, 16_686, is_growing=True)))
    assert (listing.percent, listing.step_progress, listing.total_kind) == (40, None, TotalKind.ESTIMATE)
    listed = bar(JIRA, _jira(extraction=StageCounters(10_387, 29_057)))
    assert listed.percent == pytest.approx(40 + 20 * 10_387 / 29_057)
    assert listed.total_kind is TotalKind.EXACT


def test_a_step_that_is_done_early_counts_when_the_steps_before_it_are_done() -> None:
    loading = {
        "extraction": StageCounters(500, 500, is_finished=True),
        "transform": StageCounters(430, 1000),
        "embedding": StageCounters(100, 200),
    }
    nothing_to_do = {("jira_dev_status", stage): StageCounters(is_finished=True) for stage in Stage}
    early = bar(JIRA, _jira(**loading) | nothing_to_do)
    assert early.percent == bar(JIRA, _jira(**loading)).percent == pytest.approx(60 + 20 * 0.43 / 2)
    finished = {stage: StageCounters(is_finished=True) for stage in loading}
    assert bar(JIRA, _jira(**finished) | nothing_to_do).percent == MAX_UNFINISHED_PERCENT


def test_a_step_that_was_discovered_counts_beside_the_others() -> None:
    steps = [
        ProgressStep("First", (Part("first", Stage.EXTRACTION),)),
        ProgressStep("Found", (Part("found", Stage.EXTRACTION),), is_beside=True),
    ]
    run = {("first", Stage.EXTRACTION): StageCounters(), ("found", Stage.EXTRACTION): StageCounters(1, 2)}
    assert bar(steps, run).percent == 25


def test_a_total_is_an_estimate_while_more_may_come() -> None:
    growing = {("a", Stage.EXTRACTION): StageCounters(10, 100), ("a", Stage.TRANSFORM): StageCounters(5, 10)}
    complete = growing | {("a", Stage.EXTRACTION): StageCounters(100, 100, is_finished=True)}
    assert total_kind(growing, "a", Stage.EXTRACTION) is TotalKind.EXACT
    assert total_kind(growing, "a", Stage.TRANSFORM) is TotalKind.ESTIMATE
    assert total_kind(complete, "a", Stage.TRANSFORM) is TotalKind.EXACT
    assert total_kind({("a", Stage.EXTRACTION): StageCounters(11, 10)}, "a", Stage.EXTRACTION) is TotalKind.ESTIMATE
    assert total_kind({("a", Stage.EXTRACTION): StageCounters(11)}, "a", Stage.EXTRACTION) is TotalKind.UNKNOWN
