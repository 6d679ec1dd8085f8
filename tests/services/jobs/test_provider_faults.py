"""What happens to a run when its provider has a fault? It loads the same rows, or says in a sentence why not."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.jobs.choices import Outcome, RunMode
from apps.jobs.lifecycle import services
from apps.jobs.models import Batch, Run
from apps.jobs.queue.batches import MAX_ATTEMPTS
from apps.progress.choices import JobState, RunState
from apps.progress.models import LogLine, RunProgress
from apps.warehouse.models import Issue
from tests import platform as platforms
from tests.platform import Platform, loaded_tables, table_rows
from tests.processes import Sandbox, until

BULK = "POST /jira/rest/api/3/issue/bulkfetch"
GRAPHQL = "POST /github/graphql"


def _rule(match: str, action: dict[str, Any], skip: int = 1, times: int = 1) -> dict[str, Any]:
    return {"match": match, "skip": skip, "times": times, "action": action}


@pytest.fixture(scope="module")
def undisturbed(platform: Platform) -> dict[str, list[tuple[object, ...]]]:
    for name in ("jira", "github"):
        assert platform.run(name).state == RunState.FINISHED
    return {table: table_rows(table) for table in loaded_tables()}


@pytest.fixture
def faults(sandbox: Sandbox) -> Iterator[Any]:
    yield lambda *rules: sandbox.control("faults", list(rules))
    sandbox.control("faults", [])


@pytest.mark.parametrize(
    ("job", "rule"),
    [
        ("jira", _rule(BULK, {"type": "reset"})),
        ("jira", _rule(BULK, {"type": "truncate"}, times=2)),
        ("jira", _rule(BULK, {"type": "status", "status": 429, "retry_after": 1})),
        ("jira", _rule(BULK, {"type": "status", "status": 502, "body": "<html>Bad gateway</html>"}, times=2)),
        ("jira", _rule("GET .*/project/search.*", {"type": "status", "status": 503}, skip=0)),
        ("github", _rule(GRAPHQL, {"type": "graphql_errors", "message": "Something went wrong", "partial": False})),
        ("github", _rule(GRAPHQL, {"type": "status", "status": 403, "secondary": True, "retry_after": 1})),
    ],
    ids=["reset", "truncated", "rate limit", "gateway", "unavailable", "graphql", "secondary limit"],
)
def test_a_passing_fault_changes_nothing(
    platform: Platform, undisturbed: dict[str, list[tuple[object, ...]]], faults: Any, job: str, rule: dict[str, Any]
) -> None:
    platform.sandbox.control("reset-stats")
    faults(rule)
    run = platform.run(job, RunMode.FULL)
    assert platform.sandbox.served("faults") == rule["times"]
    assert (run.state, run.error) == (RunState.FINISHED, "")
    assert {table: table_rows(table) for table in loaded_tables()} == undisturbed


def test_a_run_waits_for_a_provider_that_is_away_for_some_seconds(
    platform: Platform, undisturbed: dict[str, list[tuple[object, ...]]], faults: Any
) -> None:
    faults(_rule("GET .*/myself", {"type": "reset"}, skip=0, times=12))  # more than the attempts of two calls
    run = platform.run("jira", RunMode.FULL)
    assert (run.state, run.error) == (RunState.FINISHED, "")
    assert LogLine.objects.filter(run_id=run.pk, text__contains="Trying again after: The connection").exists()
    assert {table: table_rows(table) for table in loaded_tables()} == undisturbed


def test_a_provider_that_stays_away_fails_the_run_with_its_sentence(
    platform: Platform, undisturbed: dict[str, Any], faults: Any
) -> None:
    faults(_rule("GET .*/myself", {"type": "reset"}, skip=0, times=500))
    run = platform.start("jira", RunMode.FULL)
    batches = Batch.across_tenants.filter(run=run)
    until(lambda: batches.update(attempts=MAX_ATTEMPTS), "the first batch")  # the attempts before would take a minute
    run = platform.ended(run)
    assert run.state == RunState.FAILED
    # The batch was held, or was still to be claimed, when its attempts were set.
    assert run.error.endswith(tuple(f"broke off before the answer was complete. Tried {n} times." for n in (5, 6)))


def test_an_issue_of_three_megabytes_is_loaded_like_any_other(
    platform: Platform, undisturbed: dict[str, Any], faults: Any
) -> None:
    faults(_rule(BULK, {"type": "inflate", "bytes": 3_000_000}, skip=0))
    run = platform.run("jira", RunMode.FULL)
    assert (run.state, run.outcome) == (RunState.FINISHED, Outcome.COMPLETE)
    assert Issue.objects.for_tenant(platform.tenant).filter(deleted_at=None).count() == len(
        undisturbed["warehouse_issue"]
    )


def test_odd_values_are_left_out_and_named_until_the_provider_mends_them(
    platform: Platform, undisturbed: dict[str, Any], faults: Any
) -> None:
    faults(_rule(BULK, {"type": "corrupt"}, skip=0))
    run = platform.run("jira", RunMode.FULL)
    assert (run.state, run.outcome) == (RunState.FINISHED, Outcome.COMPLETE)
    issue = Issue.objects.for_tenant(platform.tenant).get(created_at=None)
    assert (issue.updated_at, issue.status, issue.summary != "") == (None, "", True)
    assert len(run.skips) == 3
    assert "issue fields.created" in str(run.skips)
    faults()
    mended = platform.run("jira", RunMode.FULL)
    assert (mended.outcome, mended.skips) == (Outcome.COMPLETE, [])
    assert table_rows("warehouse_issue") == undisturbed["warehouse_issue"]


def test_a_refused_token_fails_the_run_with_a_sentence_and_a_retry_goes_on(
    platform: Platform, undisturbed: dict[str, Any], faults: Any
) -> None:
    faults(_rule("* /jira/", {"type": "status", "status": 401}, skip=8, times=500))
    run = platform.run("jira", RunMode.FULL)
    assert run.state == RunState.FAILED
    assert "token" in run.error
    assert "Traceback" not in run.error
    assert RunProgress.across_tenants.get(pk=run.pk).percent < 100
    faults()
    services.retry(platform.job("jira"), actor="test")
    assert platform.ended(run).state == RunState.FINISHED
    assert {table: table_rows(table) for table in loaded_tables()} == undisturbed


def test_a_long_pause_holds_no_worker_says_until_when_and_can_be_stopped(
    platform: Platform, undisturbed: dict[str, Any], faults: Any, sandbox: Sandbox
) -> None:
    faults(_rule(BULK, {"type": "status", "status": 429, "retry_after": 3600}, times=50))
    run = platform.start("jira", RunMode.FULL)
    until(lambda: Run.across_tenants.get(pk=run.pk).not_before, "the pause")
    run.refresh_from_db()
    assert run.not_before
    assert run.not_before > datetime.now(UTC) + timedelta(minutes=50)
    until(lambda: Run.across_tenants.get(pk=run.pk).driver is None, "the worker to be free")
    assert RunProgress.across_tenants.get(pk=run.pk).waiting
    services.stop(platform.job("jira"), actor="test", reason="too long")
    run.refresh_from_db()
    assert (run.state, platform.job("jira").state) == (RunState.CANCELLED, JobState.READY)


def test_the_sentence_about_an_unknown_answer_says_what_came_instead(
    platform: Platform, undisturbed: dict[str, Any], faults: Any, sandbox: Sandbox
) -> None:
    platforms.forget_limits()
    html = {"type": "status", "status": 200, "headers": {"Content-Type": "text/html"}, "body": "<html>Log in</html>"}
    faults(_rule("GET .*/project/search.*", html, skip=0, times=50))
    run = platform.run("jira", RunMode.FULL)
    assert (run.state, run.outcome) == (RunState.FINISHED, Outcome.INCOMPLETE)
    assert any("HTML" in str(skip["reason"]) for skip in run.skips)
