"""Does a run survive kill -9 of its worker, with the same rows as an undisturbed one?"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.jobs.choices import BatchState, RunMode
from apps.jobs.models import Run
from apps.jobs.queue import batches
from apps.progress.choices import RunState
from apps.progress.models import StageProgress
from apps.sources.definition import Stage
from tests import platform as platforms
from tests.platform import loaded_tables, table_rows
from tests.processes import Process, Sandbox, scheduler, until, worker
from tests.recorder import Recorder

SANDBOX = {"issues": 500, "prs": 20}
ISSUES = "jira_issues_with_changelogs"


@pytest.fixture
def workers(database: None, folder: Path) -> Iterator[Process]:
    platforms.empty_everything()
    with scheduler(folder), worker(folder, name="victim") as running:
        yield running


def _extracted(run: Run) -> int:
    return StageProgress.objects.get(run_id=run.pk, step=ISSUES, stage=Stage.EXTRACTION).done


def test_a_killed_worker_costs_time_and_nothing_else(workers: Process, sandbox: Sandbox, folder: Path) -> None:
    undisturbed = platforms.build(sandbox, folder)
    undisturbed.run("jira", RunMode.FULL)
    expected = {table: table_rows(table) for table in loaded_tables()}
    platforms.empty_everything()

    disturbed = platforms.build(sandbox, folder)
    sandbox.control("latency", {"ms": 200})
    with Recorder(disturbed.tenant.pk) as pages:
        run = disturbed.start("jira", RunMode.FULL)
        until(lambda: _extracted(run) > 100, "the first issues")
        workers.kill()
        assert _extracted(run) < 500
        workers.start()
        disturbed.ended(run)
    sandbox.control("latency", {"ms": 0})

    assert (run.state, run.error) == (RunState.FINISHED, "")
    assert {table: table_rows(table) for table in loaded_tables()} == expected
    percents = [message["progress"] for message in pages.of_run(run.pk)]
    assert percents == sorted(percents)
    assert percents[-1] == 100


def test_a_worker_that_must_stop_hands_over_within_seconds(workers: Process, sandbox: Sandbox, folder: Path) -> None:
    platform = platforms.build(sandbox, folder)
    sandbox.control("latency", {"ms": 200})
    run = platform.start("jira", RunMode.FULL)
    until(lambda: _extracted(run) > 100, "the first issues")
    workers.stop()
    sandbox.control("latency", {"ms": 0})
    run.refresh_from_db()
    assert (run.state, run.driver) == (RunState.RUNNING, None)
    assert batches.outstanding(run).filter(state=BatchState.QUEUED).exists()
    epoch = run.epoch
    workers.start()
    assert platform.ended(run).state == RunState.FINISHED
    assert run.epoch == epoch, "the continuation was sent by the worker itself, not by the scheduler's recovery"
