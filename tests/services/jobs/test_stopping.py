"""Does a stopped run end in time, whatever its workers do, and is the next run complete? With real processes."""

import os
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.db.models import Q
from django.db.models.functions import Now

from apps.jobs.choices import RunMode
from apps.jobs.execution import handlers
from apps.jobs.execution.handlers import BatchResult
from apps.jobs.lifecycle import services, stopping
from apps.jobs.models import Batch, Run
from apps.jobs.queue import batches
from apps.jobs.queue.batches import LeaseLostError, NewBatch
from apps.jobs.queue.covers import RawRecords, VectorAction, VectorTask
from apps.jobs.scheduler import orchestrator
from apps.progress.choices import JobState, RunState
from apps.progress.models import Span
from apps.sources.definition import Stage
from apps.warehouse.models import Issue
from tests import platform as platforms
from tests.platform import Platform
from tests.processes import Process, Sandbox, scheduler, until, worker

SANDBOX = {"issues": 400, "prs": 20}
STEP = "jira_issues_with_changelogs"
BULK = "POST /jira/rest/api/3/issue/bulkfetch"
MAX_SECONDS_TO_STOP = 30
LONG = 3600


@pytest.fixture
def platform(database: None, sandbox: Sandbox, folder: Path) -> Iterator[Platform]:
    """A tenant with its jobs, and no process yet."""
    platforms.empty_everything()
    yield platforms.build(sandbox, folder)
    sandbox.control("faults", [])
    sandbox.control("latency", {"ms": 0})


@pytest.fixture
def working(platform: Platform, folder: Path) -> Iterator[Process]:
    with worker(folder) as running, scheduler(folder):
        yield running


def _held(platform: Platform, *, alive: bool = True, task: str = "task-1") -> tuple[Run, Batch]:
    """A run, and a batch of it that a task holds."""
    run = platform.start("jira")
    (batch,) = batches.add(run, [NewBatch(STEP, Stage.TRANSFORM, RawRecords([]), 5)])
    (batch,) = batches.claim(uuid4(), Q(pk=batch.pk), 1, task=task)
    if not alive:
        Batch.across_tenants.filter(pk=batch.pk).update(lease_until=Now() - timedelta(seconds=1))
    return run, batch


def _stopped(platform: Platform) -> Run:
    return services.stop(platform.job("jira"), actor="test", reason="wrong project")


def _asked(run: Run, ago: timedelta) -> None:
    Run.across_tenants.filter(pk=run.pk).update(stop_asked_at=Now() - ago)


# --- the stages, without any process -------------------------------------------------------------------------------


def test_a_run_on_which_nobody_works_ends_at_once(platform: Platform) -> None:
    _held(platform, alive=False)
    assert _stopped(platform).state == RunState.CANCELLED
    assert platform.job("jira").state == JobState.READY


def test_a_run_on_which_somebody_works_is_stopping_and_already_closed(platform: Platform) -> None:
    run, batch = _held(platform)
    assert _stopped(platform).state == RunState.STOPPING
    with pytest.raises(LeaseLostError):
        handlers.finish(
            batch,
            lambda: BatchResult(done=5, batches=[NewBatch(STEP, Stage.EMBEDDING, VectorTask(VectorAction.VERIFY))]),
        )
    assert not batches.outstanding(run).exists()


def test_the_last_worker_that_stops_working_ends_the_run(platform: Platform) -> None:
    run, _ = _held(platform)
    Run.across_tenants.filter(pk=run.pk).update(
        driver=uuid4(), driver_lease_until=Now() + timedelta(seconds=30), driver_task="task-2"
    )
    _stopped(platform)
    stopping.acknowledge(run, "task-1")
    assert platform.job("jira").state == JobState.STOPPING
    stopping.acknowledge(run, "task-2")
    assert platform.job("jira").state == JobState.READY


def test_after_the_last_phase_the_run_ends_without_its_workers(platform: Platform) -> None:
    run, _ = _held(platform)
    _stopped(platform)
    _asked(run, stopping.END_AFTER - timedelta(seconds=5))
    orchestrator.tick()
    assert platform.job("jira").state == JobState.STOPPING
    _asked(run, stopping.END_AFTER)
    orchestrator.tick()
    assert platform.job("jira").state == JobState.READY
    assert "The run ended without it." in run.changes.get(action="cancel").reason


def test_without_a_scheduler_the_next_start_ends_an_overdue_stop(platform: Platform) -> None:
    run, _ = _held(platform)
    _stopped(platform)
    _asked(run, stopping.END_AFTER)
    assert platform.start("jira").state == RunState.RUNNING
    run.refresh_from_db()
    assert run.state == RunState.CANCELLED


def test_the_other_batches_of_a_worker_stay_its_own(platform: Platform) -> None:
    _held(platform)
    other = platform.start("vectorization")
    Run.across_tenants.filter(pk=other.pk).update(state=RunState.RUNNING)
    (mine,) = batches.add(other, [NewBatch("vectorization_prepare", Stage.EMBEDDING, VectorTask(VectorAction.VERIFY))])
    (mine,) = batches.claim(uuid4(), Q(pk=mine.pk), 1, task="task-1")
    _stopped(platform)
    stopping.acknowledge(services.current_run(platform.job("jira")), "task-1")
    batches.close(mine)


# --- with real workers ---------------------------------------------------------------------------------------------


def _seconds_to_stop(platform: Platform, run: Run) -> float:
    begun = time.monotonic()
    _stopped(platform)
    platform.ended(run, MAX_SECONDS_TO_STOP)
    assert run.state == RunState.CANCELLED
    assert not Span.objects.filter(run_id=run.pk, ended_at=None).exists()
    return time.monotonic() - begun


def _next_run_is_complete(platform: Platform) -> None:
    following = platform.run("jira", RunMode.FULL)
    assert (following.state, following.error) == (RunState.FINISHED, "")
    issues = Issue.objects.for_tenant(platform.tenant).filter(deleted_at=None).count()
    assert issues == platform.sandbox.truth()["issues"]


def test_a_run_in_a_long_wait_ends_at_once_and_the_next_one_begins(
    platform: Platform, working: Process, sandbox: Sandbox
) -> None:
    sandbox.control(
        "faults", [{"match": BULK, "times": 50, "action": {"type": "status", "status": 429, "retry_after": LONG}}]
    )
    run = platform.start("jira", RunMode.FULL)
    until(lambda: Run.across_tenants.get(pk=run.pk).not_before, "the wait for the rate limit")
    assert _seconds_to_stop(platform, run) < MAX_SECONDS_TO_STOP
    sandbox.control("faults", [])
    platforms.forget_limits()
    _next_run_is_complete(platform)


def test_workers_stop_working_on_a_stopped_run(platform: Platform, working: Process, sandbox: Sandbox) -> None:
    # The first issues come at once, so there are batches; the others come late, so the run cannot end before the stop.
    sandbox.control("faults", [{"match": BULK, "skip": 1, "action": {"type": "delay", "ms": 3000}}])
    run = platform.start("jira", RunMode.FULL)
    until(lambda: Batch.across_tenants.filter(run=run, stage=Stage.TRANSFORM).exists(), "the first batches")
    assert _seconds_to_stop(platform, run) < stopping.KILL_AFTER.total_seconds()
    sandbox.control("faults", [])
    _next_run_is_complete(platform)


def test_a_worker_that_hangs_is_killed_and_the_others_go_on(
    platform: Platform, working: Process, sandbox: Sandbox
) -> None:
    sandbox.control("latency", {"ms": 200})
    run = platform.start("jira", RunMode.FULL)
    until(lambda: Run.across_tenants.get(pk=run.pk).driver_task, "a worker")
    children = _children(working.pid)
    _send(children, signal.SIGSTOP)
    assert _seconds_to_stop(platform, run) < MAX_SECONDS_TO_STOP
    until(lambda: _children(working.pid) - children, "a new child in the place of the one that hung")
    _send(children & _children(working.pid), signal.SIGCONT)
    sandbox.control("latency", {"ms": 0})
    _next_run_is_complete(platform)


def _send(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, number)


def _children(pid: int) -> set[int]:
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def test_a_stop_survives_the_death_of_worker_and_scheduler(platform: Platform, folder: Path, sandbox: Sandbox) -> None:
    sandbox.control("latency", {"ms": 300})
    with worker(folder, name="victim") as victim, scheduler(folder) as clock:
        run = platform.start("jira", RunMode.FULL)
        until(lambda: Run.across_tenants.get(pk=run.pk).driver_task, "a worker")
        victim.kill()
        assert _stopped(platform).state == RunState.STOPPING
        clock.kill()
        clock.start()
        platform.ended(run, MAX_SECONDS_TO_STOP)
    assert run.state == RunState.CANCELLED
