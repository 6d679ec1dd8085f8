"""Can users with the right role watch and control jobs in the admin site?"""

import pytest
from django.test import Client

from apps.jobs.models import Job, Run
from apps.progress import services as progress
from apps.progress.choices import JobState
from apps.sources.definition import Stage
from apps.sources.registry import definition

LISTS = [
    "jobs/job",
    "jobs/run",
    "jobs/batch",
    "jobs/statechange",
    "progress/runprogress",
    "raw/rawrecord",
    "raw/quarantine",
]


@pytest.mark.parametrize("page", LISTS)
def test_a_member_sees_the_list(page: str, run: Run, viewer: Client) -> None:
    assert viewer.get(f"/admin/{page}/").status_code == 200


@pytest.mark.parametrize("page", ["jobs/job/{job}", "jobs/run/{run}", "progress/runprogress/{run}"])
def test_a_job_and_a_run_have_a_live_bar(page: str, run: Run, viewer: Client) -> None:
    text = viewer.get(f"/admin/{page.format(job=run.job_id, run=run.pk)}/change/").content.decode()
    assert 'role="progressbar"' in text
    assert "dashboard/js/live.js" in text


def test_a_total_that_may_grow_is_marked(run: Run, viewer: Client) -> None:
    step = definition(run.job.job_type).steps[0].key
    progress.count(run.pk, step, Stage.EXTRACTION, done=100, total=12_345, open_lists=1)
    page = f"/admin/progress/runprogress/{run.pk}/change/"
    assert "≈12,345" in viewer.get(page).content.decode()
    progress.count(run.pk, step, Stage.EXTRACTION, open_lists=-1)
    text = viewer.get(page).content.decode()
    assert "12,345" in text
    assert "≈" not in text


def test_another_tenants_rows_are_not_listed(run: Run, foreign_run: Run, viewer: Client) -> None:
    for page in LISTS:
        text = viewer.get(f"/admin/{page}/").content.decode()
        assert "globex" not in text
        assert str(foreign_run.pk) not in text


def act(browser: Client, action: str, run: Run) -> str:
    answer = browser.post("/admin/jobs/job/", {"action": action, "_selected_action": [run.job_id]}, follow=True)
    return answer.content.decode()


def test_an_operator_pauses_and_resumes(run: Run, operator: Client) -> None:
    assert "Pause requested for acme-jira." in act(operator, "pause", run)
    assert Job.across_tenants.get(pk=run.job_id).state == JobState.PAUSED
    act(operator, "resume", run)
    assert Job.across_tenants.get(pk=run.job_id).state == JobState.RUNNING


def test_an_action_that_the_state_does_not_allow_is_refused_with_a_sentence(run: Run, operator: Client) -> None:
    assert "it cannot reset" in act(operator, "reset", run)


def test_a_viewer_cannot_control_jobs(run: Run, viewer: Client) -> None:
    act(viewer, "pause", run)
    assert Job.across_tenants.get(pk=run.job_id).state == JobState.RUNNING
