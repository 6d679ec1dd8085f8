"""Is a real first run honest while somebody watches it? Its lists have many pages, and its provider is slow."""

import time
from typing import NamedTuple

import pytest

from apps.jobs.models import Run
from apps.progress.card import END_UNKNOWN
from apps.progress.choices import ENDED, RunState
from apps.progress.engine.bar import RunCounters, TotalKind
from apps.progress.engine.shares import weighted
from apps.progress.events import RunMessage, run_message
from apps.progress.plan import cells_of
from apps.progress.rows import stored_state
from apps.sources.registry import definition
from tests.platform import Platform
from tests.unit.progress.test_first_run import true_fraction

SANDBOX = {"issues": 300, "prs": 60, "ids_per_page": 10, "latency_ms": 120}


class Poll(NamedTuple):
    """What a page shows, and the counters behind it."""

    message: RunMessage
    cells: RunCounters


@pytest.fixture(scope="module", params=["jira", "github"])
def polls(request: pytest.FixtureRequest, platform: Platform) -> list[Poll]:
    """A first run, watched from its begin to its end."""
    run: Run = platform.start(request.param)
    found: list[Poll] = []
    while True:
        run.refresh_from_db()
        state = stored_state(run.pk)
        assert state
        found.append(Poll(run_message("snapshot", state.row, state.stages), cells_of(state.stages)))
        if run.state in ENDED:
            break
        time.sleep(0.1)
    assert run.state == RunState.FINISHED
    return found


def test_a_total_that_is_called_exact_never_grows(polls: list[Poll]) -> None:
    for step, stages in polls[-1].message.counts.items():
        for stage in stages:
            counts = [poll.message.counts[step][stage] for poll in polls]
            exact = {count.total for count in counts if count.total_kind is TotalKind.EXACT}
            assert len(exact) <= 1, (step, stage, exact)


def test_a_total_that_will_grow_is_an_estimate_wherever_it_shows(polls: list[Poll]) -> None:
    grown = 0
    for step, stages in polls[-1].message.counts.items():
        for stage, last in stages.items():
            for poll in polls:
                counts, cell = poll.message.counts[step][stage], poll.message.card.cells[step][stage]
                if counts.total and last.total and counts.total < last.total:
                    grown += 1
                    assert counts.total_kind is TotalKind.ESTIMATE
                    assert "≈" in cell.numbers or " of " not in cell.numbers
    assert grown, "the lists of the sandbox have several pages"


def test_the_bar_never_goes_back_and_is_never_ahead_of_what_is_done(polls: list[Poll]) -> None:
    steps = definition(polls[0].message.job_type).progress_steps
    shares = weighted([step.weight for step in steps])
    percents = [poll.message.progress for poll in polls]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    for poll in polls[:-1]:
        index = poll.message.step_index
        done = true_fraction(steps[index], poll.cells, polls[-1].cells)
        begin = 100 * sum(share.size for share in shares[:index])
        assert poll.message.progress <= begin + 100 * shares[index].size * done + 0.01


def test_the_end_and_what_is_left_are_always_said(polls: list[Poll]) -> None:
    working = [poll.message for poll in polls if poll.message.overall == "RUNNING" and not poll.message.waiting]
    assert working
    for message in working:
        assert message.card.eta_text == END_UNKNOWN or message.card.eta_text.startswith("Ends in ")
        assert message.eta is not None or message.card.eta_text == END_UNKNOWN
    assert working[0].card.left.startswith("Still to do: ")
