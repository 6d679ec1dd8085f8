"""Can code report its own progress by a job's name, and tasks by their stage, in their own tenant only?"""

import math
import time
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.test import Client
from django.utils import timezone

from apps.progress import services
from apps.progress.compat import (
    NotRunningError,
    PipelineStage,
    ProgressInfo,
    asend_step_progress_update,
    move_smoothly,
    send_progress_update,
    send_step_progress_update,
    tracker_of,
)
from apps.progress.models import RunProgress, TaskProgress
from apps.tenants.models import Tenant
from tests.services.progress.conftest import Begin, Published, browser_of, member_of

# --- runs, by their job's name ------------------------------------------------------------------------------------


def test_a_step_with_a_known_total_is_stored_and_announced(acme: Tenant, run: UUID, published: Published) -> None:
    message = send_step_progress_update("Jira", 2, 5, 0.3, "Processing issues: 150/500 (30%)", tenant=acme)
    assert (message.progress, message.step_index, message.total_steps, message.step_progress) == (46, 2, 5, 0.3)
    assert message.message == "Processing issues: 150/500 (30%)"
    assert published.messages[-1].as_json() | {"ts": None, "type": None} == message.as_json() | {
        "ts": None,
        "type": None,
    }


def test_a_step_with_an_unknown_total_is_completed(acme: Tenant, run: UUID) -> None:
    message = send_step_progress_update("jira", 2, 5, None, "[FETCHED] Fetched 1000 issues", tenant=acme.pk)
    assert (message.progress, message.step_progress) == (60, None)


def test_any_number_of_steps_is_reported(acme: Tenant, run: UUID) -> None:
    message = send_step_progress_update("Jira", 20, 42, None, "Half", tenant=acme)
    assert (message.progress, message.total_steps, message.step_title) == (50, 42, "Step 21")
    assert send_step_progress_update("Jira", 41, 42, None, "All", tenant=acme).progress == 99.9


def test_a_percentage_never_falls_and_full_is_left_to_success(acme: Tenant, run: UUID) -> None:
    assert send_progress_update("Jira", 33.33, "A third", tenant=acme).progress == 33.33
    RunProgress.across_tenants.filter(pk=run).update(flushed_at=None)
    assert send_progress_update("Jira", 10, "Back again?", tenant=acme).progress == 33.33
    RunProgress.across_tenants.filter(pk=run).update(flushed_at=None)
    assert send_progress_update("Jira", 100, "All", tenant=acme).progress == 99.9


def test_a_flood_of_percentages_is_stored_at_most_four_times_a_second(
    acme: Tenant, run: UUID, published: Published
) -> None:
    before, begun = len(published.messages), time.monotonic()
    for number in range(300):
        send_step_progress_update("Jira", 0, 5, number / 1000, f"{number} of 1,000", tenant=acme)
    assert len(published.messages) - before <= (time.monotonic() - begun) * 4 + 2


@pytest.mark.parametrize("percentage", [math.nan, 101, -1, "30", True, None])
def test_an_invalid_percentage_is_refused(acme: Tenant, run: UUID, percentage: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="percentage must be"):
        send_progress_update("Jira", percentage, "", tenant=acme)


@pytest.mark.parametrize("step", [(5, 5, 0.5), (-1, 5, 0.5), (0, 0, 0.5), (0, 5, 1.5), (0, 5, math.nan), ("0", 5, 0)])
def test_an_invalid_step_is_refused(acme: Tenant, run: UUID, step: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"(step_index|total_steps|step_progress)"):
        send_step_progress_update("Jira", step[0], step[1], step[2], "", tenant=acme)


def test_a_job_that_does_not_run_is_refused_with_those_that_do(acme: Tenant, run: UUID, begin: Begin) -> None:
    begin(acme, job=2, name="GitHub", job_type="github")
    services.set_job_state(run, "FINISHED")
    with pytest.raises(NotRunningError, match=r"No run of a job 'Jira' is running\. Running now: GitHub"):
        send_progress_update("Jira", 50, "", tenant=acme)


def test_another_tenants_job_is_not_found(globex: Tenant, run: UUID) -> None:
    with pytest.raises(NotRunningError, match="Running now: none"):
        send_progress_update("Jira", 50, "", tenant=globex)


async def test_it_can_be_awaited(transactional_db: None, acme: Tenant, run: UUID) -> None:
    assert (await asend_step_progress_update("Jira", 2, 5, 0.3, "150/500", tenant=acme)).progress == 46
    await sync_to_async(lambda: connection.close())()


# --- tasks of the stage table -------------------------------------------------------------------------------------


def test_a_tasks_progress_is_kept(acme: Tenant) -> None:
    tracker_of(acme).update_progress("task", PipelineStage.DOWNLOADING, "Downloading")
    assert tracker_of(acme.pk).get_progress("task") == ProgressInfo(PipelineStage.DOWNLOADING, 5, "Downloading")


def test_a_task_belongs_to_its_tenant(acme: Tenant, globex: Tenant) -> None:
    tracker_of(acme).update_progress("task", PipelineStage.COMPLETED)
    assert tracker_of(globex).get_progress("task") is None
    tracker_of(globex).update_progress("task", PipelineStage.DOWNLOADING)
    assert tracker_of(acme).get_progress("task") == ProgressInfo(PipelineStage.COMPLETED, 100)


def test_new_messages_alone_are_held_back_and_final_states_never(acme: Tenant) -> None:
    tracker = tracker_of(acme)
    tracker.update_progress("task", PipelineStage.ANALYZING, "1 of 9,000")
    assert tracker.update_progress("task", PipelineStage.ANALYZING, "2 of 9,000").message == "1 of 9,000"
    TaskProgress.across_tenants.update(updated_at=timezone.now() - timedelta(seconds=1))
    assert tracker.update_progress("task", PipelineStage.ANALYZING, "3 of 9,000").message == "3 of 9,000"
    assert tracker.update_progress("task", PipelineStage.FAILED, "Broken").status == PipelineStage.FAILED
    assert tracker.get_progress("task") == ProgressInfo(PipelineStage.FAILED, 50, "Broken")


def test_an_unstorable_character_is_replaced(acme: Tenant) -> None:
    tracker_of(acme).update_progress("task", PipelineStage.QUEUED, "a\x00b\ud800")
    assert tracker_of(acme).get_progress("task") == ProgressInfo(PipelineStage.QUEUED, 0, "a\ufffdb\ufffd")


def test_a_name_that_is_too_long_is_refused(acme: Tenant) -> None:
    with pytest.raises(ValueError, match="at most 100 characters, not 101"):
        tracker_of(acme).update_progress("x" * 101, PipelineStage.QUEUED)


def test_a_long_stage_moves_by_itself_but_not_to_its_end(transactional_db: None, acme: Tenant) -> None:
    tracker = tracker_of(acme)
    with move_smoothly(tracker, "task", PipelineStage.TRANSCRIBING, expected_seconds=0.6, message="Transcribing"):
        deadline = time.monotonic() + 20
        while tracker.get_progress("task") != ProgressInfo(PipelineStage.TRANSCRIBING, 49, "Transcribing", True):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    assert tracker.update_progress("task", PipelineStage.ANALYZING) == ProgressInfo(PipelineStage.ANALYZING, 50)


# --- over HTTP ----------------------------------------------------------------------------------------------------


def test_the_stage_table_is_an_end_point(acme: Tenant) -> None:
    stages = browser_of(member_of(acme)).get("/api/stages").json()
    assert (stages["queued"], stages["posting_tiktok"], stages["posting_completed"]) == (0, 80, 100)


def test_the_status_of_a_task_and_of_a_run(acme: Tenant, run: UUID) -> None:
    browser = browser_of(member_of(acme))
    tracker_of(acme).update_progress("abc", PipelineStage.TRANSCRIBING, "Transcribing audio")
    send_step_progress_update("Jira", 2, 5, 0.3, "150/500", tenant=acme)
    assert browser.get("/api/status/abc").json() == {
        "status": "transcribing",
        "progress": 25,
        "message": "Transcribing audio",
        "estimate": False,
    }
    answer = browser.get(f"/api/status/{run}").json()
    assert (answer["status"], answer["progress"], answer["message"]) == ("RUNNING", 46, "150/500")


def test_a_task_of_another_tenant_is_not_found(acme: Tenant, globex: Tenant, run: UUID) -> None:
    tracker_of(acme).update_progress("abc", PipelineStage.TRANSCRIBING)
    stranger = browser_of(member_of(globex, "bob"))
    for task_id in ("abc", run, uuid4(), "%00"):
        assert stranger.get(f"/api/status/{task_id}").status_code == 404


@pytest.mark.parametrize("path", ["stages", "status/abc"])
def test_nobody_reads_them_without_logging_in(db: None, path: str) -> None:
    assert Client().get(f"/api/{path}").status_code == 401
