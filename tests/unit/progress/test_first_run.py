"""Is the page honest in a first run? Nobody has seen one before, so it shows what is known, and says what is not.

Generated runs of both sources: lists that go on, steps with nothing to do, stages that begin late, batches that fail
and are done again, records that never come, pauses of the provider.
"""

import math
from random import Random

import pytest

from apps.progress.card import END_UNKNOWN
from apps.progress.choices import JobState
from apps.progress.engine.bar import MAX_UNFINISHED_PERCENT, RunCounters, TotalKind, total_kind
from apps.progress.engine.forecast import MIN_SECONDS_ALONE
from apps.progress.plan import bar_of
from apps.sources.definition import ProgressStep
from apps.sources.registry import definition
from tests.unit.progress.simulated import Seen, SimulatedRun, Speed, StepPlan

NOTHING = StepPlan(())


def first_run(seed: int, *, is_steady: bool) -> SimulatedRun:
    """A run that is the same for the same seed. A steady one has no trouble and takes some minutes."""
    chance = Random(seed)
    job_type = chance.choice(["jira", "github"])
    size = chance.randint(3, 9)
    lists = tuple((chance.randint(50, 100),) * chance.randint(1, size) for _ in range(chance.randint(2, 6)))
    main = StepPlan(
        lists,
        raw_per_record=chance.uniform(1.0, 4.0),
        texts_per_raw=chance.choice([0.0, 0.3, 1.0]),
        missing=0.0 if is_steady else 0.02,
    )
    speed = Speed(
        page=chance.uniform(0.5, 3.0),
        slice_=chance.uniform(5.0, 20.0),
        raw=chance.choice([0.01, 0.05]),
        text=chance.choice([0.01, 0.05]),
        workers=chance.choice([2, 4]),
        processors=chance.choice([1.0, 2.0, 4.0]),
        failures=0.0 if is_steady else chance.uniform(0.0, 0.2),
        pauses=() if is_steady else (chance.uniform(20.0, 70.0), chance.uniform(120.0, 200.0)),
    )
    if job_type == "github":
        return SimulatedRun(job_type, [StepPlan(((10,) * size,)), main], speed, chance)
    panels = StepPlan(((10,) * chance.randint(5, 40),), per_slice=10, texts_per_raw=0.0, is_planned=True)
    plans = [StepPlan(((5,),)), chance.choice([NOTHING, StepPlan(((10,), (20, 5)))]), main]
    return SimulatedRun(job_type, [*plans, chance.choice([NOTHING, panels])], speed, chance)


@pytest.fixture(scope="module")
def steady() -> list[list[Seen]]:
    return [list(first_run(seed, is_steady=True).watch()) for seed in range(12)]


@pytest.fixture(scope="module")
def runs(steady: list[list[Seen]]) -> list[list[Seen]]:
    """What was seen of each run, from its begin to its end."""
    return steady + [list(first_run(seed, is_steady=False).watch()) for seed in range(12)]


def true_fraction(step: ProgressStep, now: RunCounters, last: RunCounters) -> float:
    """How much of a progress step is done: of the records of each part that it will have done in the end."""
    parts = [
        1.0 if now[key].is_finished or not last[key].done else now[key].done / last[key].done
        for key in ((part.step, part.stage) for part in step.leaves)
    ]
    return math.fsum(parts) / len(parts)


def test_a_total_that_is_called_exact_never_grows(runs: list[list[Seen]]) -> None:
    exact = 0
    for run in runs:
        for key in run[0].cells:
            totals = [seen.cells[key].total for seen in run if total_kind(seen.cells, *key) is TotalKind.EXACT]
            assert len(set(totals)) <= 1
            exact += bool(totals)
    assert exact > len(runs)


def test_every_total_that_will_grow_is_marked_where_it_shows(runs: list[list[Seen]]) -> None:
    marked = 0
    for run in runs:
        for seen in run:
            part = bar_of(seen.row, seen.cells, is_successful=False).part
            counter, last = seen.card.counter, run[-1].cells[part.step, part.stage]
            if counter and counter.total and counter.total < last.total:
                assert counter.is_estimate
                assert "≈" in counter.text
                assert "≈" in seen.row.message
                marked += 1
    assert marked > len(runs)


def test_the_bar_never_goes_back_and_is_full_only_on_success(runs: list[list[Seen]]) -> None:
    for run in runs:
        percents = [seen.row.percent for seen in run]
        assert percents == sorted(percents)
        assert percents[-1] <= MAX_UNFINISHED_PERCENT


def test_the_bar_is_never_ahead_of_what_is_done(runs: list[list[Seen]]) -> None:
    """In step i of n it stands at most at (i + share of the step's records that are done) / n."""
    for run in runs:
        for seen in run:
            steps = definition(seen.row.job_type).progress_steps
            done = true_fraction(steps[seen.row.step_index], seen.cells, run[-1].cells)
            assert seen.row.percent <= 100 * (seen.row.step_index + done) / len(steps) + 1e-6


def test_the_bar_moves_within_its_steps(steady: list[list[Seen]]) -> None:
    for run in steady:
        assert len({seen.row.percent for seen in run}) > 3 * run[0].row.total_steps


def test_after_the_first_minute_there_is_an_end_or_the_words_that_it_is_unknown(runs: list[list[Seen]]) -> None:
    for run in runs:
        for seen in run:
            if seen.row.waiting:
                assert (seen.card.eta_text, seen.card.summary) == ("", seen.row.waiting)
            else:
                assert seen.card.eta_text == END_UNKNOWN or seen.card.eta_text.startswith("Ends in ")


def test_nothing_is_promised_while_a_list_goes_on(runs: list[list[Seen]]) -> None:
    listing = [seen for run in runs for seen in run if any(cell.is_growing for cell in seen.cells.values())]
    assert listing
    assert all(seen.card.eta_text in ("", END_UNKNOWN) for seen in listing)


def test_the_range_contains_the_end_in_a_clear_majority_of_steady_runs(steady: list[list[Seen]]) -> None:
    late = [
        (seen, run[-1].seconds - seen.seconds) for run in steady for seen in run if seen.seconds > MIN_SECONDS_ALONE
    ]
    shown = [(seen.row.eta_low, seen.row.eta_high, left) for seen, left in late if seen.row.eta_low is not None]
    right = [low <= left <= high for low, high, left in shown if low is not None and high is not None]
    assert len(shown) > 0.7 * len(late)
    assert sum(right) > 0.8 * len(right)


def test_what_is_still_to_do_is_said_until_the_last_stage(steady: list[list[Seen]]) -> None:
    for run in steady:
        for seen in run:
            open_stages = [key for key, cell in seen.cells.items() if not cell.is_finished]
            if seen.row.overall == JobState.RUNNING and len(open_stages) == 1:
                assert seen.card.left == ""
        assert run[0].card.left.startswith("Still to do: ")
