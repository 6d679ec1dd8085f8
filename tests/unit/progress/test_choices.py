"""Do the states of jobs and runs say everything that pages need?"""

import pytest
from django.template import Context, Template

from apps.progress.choices import ACTIVE, ENDED, JobState, LifeCycle, LogLevel, NoticeState, RunState, StageState


def test_a_run_has_the_states_of_its_job_with_the_same_looks() -> None:
    shared = [state for state in RunState if state in JobState.values]
    assert len(shared) == 6
    assert all(state.row == JobState(state.value).row for state in shared)


def test_every_run_state_is_active_or_ended() -> None:
    assert set(RunState) == ACTIVE | ENDED
    assert not ACTIVE & ENDED
    assert {state for state in RunState if state.is_active} == ACTIVE


@pytest.mark.parametrize("states", [JobState, RunState, StageState, LogLevel, NoticeState])
def test_every_state_has_a_label_and_an_icon(states: type[JobState]) -> None:
    assert all(state.label and state.icon for state in states)


def test_a_state_answers_every_question() -> None:
    questions = [name for name in dir(LifeCycle) if name.startswith("is_")]
    assert {name for name in questions if getattr(JobState.PAUSED, name)} == {
        "is_active",
        "is_paused",
        "is_within_step",
    }


def test_a_template_asks_a_stored_state() -> None:
    template = Template(
        "{% load states %}{% with now=state|job_state %}{{ now.label }} {{ now.tone }} {{ now.is_active }}{% endwith %}"
    )
    assert template.render(Context({"state": "RUNNING"})) == "Running busy True"
