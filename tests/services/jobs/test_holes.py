"""What does a run do about something that the provider refuses? It names it, loads the rest, and asks again."""

from collections.abc import Iterator
from typing import Any

import pytest

from apps.jobs.choices import Outcome, RunMode
from apps.jobs.execution import holes
from apps.jobs.models import Hole, Run, Watermark
from apps.progress.choices import RunState
from tests.platform import Platform, loaded_tables, table_rows
from tests.processes import Sandbox

SANDBOX = {"issues": 60, "prs": 24}
# One object of many, refused in every way that a provider has.
SPRINTS = r"GET /jira/rest/agile/1.0/board/2/sprint"
# ``make holes`` tries every refusal of every kind of request.
REFUSALS: dict[str, dict[str, Any]] = {
    "403": {"type": "status", "status": 403, "body": {"errorMessages": ["No."]}},
    "500": {"type": "status", "status": 500, "body": {"errorMessages": ["No."]}},
    "html": {"type": "status", "status": 502, "body": "<html>Bad gateway</html>"},
    "limited": {"type": "status", "status": 429, "retry_after": 1},
}


@pytest.fixture(scope="module")
def undisturbed(inline_platform: Platform) -> dict[str, list[tuple[object, ...]]]:
    run = inline_platform.run("jira")
    assert (run.outcome, run.skips) == (Outcome.COMPLETE, [])
    return {table: table_rows(table) for table in loaded_tables()}


@pytest.fixture
def faults(sandbox: Sandbox) -> Iterator[Any]:
    yield lambda *rules: sandbox.control("faults", list(rules))
    sandbox.control("faults", [])


def _reasons(run: Run) -> list[str]:
    return [str(skip["reason"]) for skip in run.skips if skip.get("is_missing", True)]


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refused_object_is_named_remembered_and_healed_by_the_next_ordinary_run(
    inline_platform: Platform, undisturbed: dict[str, Any], faults: Any, refusal: str
) -> None:
    faults({"match": SPRINTS, "action": REFUSALS[refusal]})
    run = inline_platform.run("jira", RunMode.FULL)
    assert (run.state, run.outcome) == (RunState.FINISHED, Outcome.INCOMPLETE)
    assert any("board 2" in reason for reason in _reasons(run)), run.skips
    assert {table: table_rows(table) for table in loaded_tables()} == undisturbed, "a hole overwrites nothing"
    again = inline_platform.run("jira")
    assert again.outcome == Outcome.INCOMPLETE, "it is asked for again, and refused again"
    faults()
    healed = inline_platform.run("jira")
    assert (healed.outcome, healed.skips) == (Outcome.COMPLETE, [])
    assert not Hole.objects.for_tenant(inline_platform.tenant).exists()


def test_what_a_person_has_accepted_makes_no_run_incomplete(
    inline_platform: Platform, undisturbed: dict[str, Any], faults: Any
) -> None:
    faults({"match": SPRINTS, "action": REFUSALS["403"]})
    assert inline_platform.run("jira", RunMode.FULL).outcome == Outcome.INCOMPLETE
    assert holes.accept(Hole.objects.for_tenant(inline_platform.tenant), actor="ada") == 1
    run = inline_platform.run("jira")
    assert (run.outcome, _reasons(run)) == (Outcome.COMPLETE, [])
    assert run.skips, "the skip is still shown"
    faults()
    assert inline_platform.run("jira").skips == []
    assert not Hole.objects.for_tenant(inline_platform.tenant).exists()


def test_the_mark_follows_the_clock_of_the_provider(inline_platform: Platform, undisturbed: dict[str, Any]) -> None:
    run = inline_platform.run("jira")
    run.refresh_from_db()
    assert run.clock_offset is not None
    assert run.started_at
    mark = Watermark.objects.for_tenant(inline_platform.tenant).filter(integration=run.integration_id).first()
    assert mark
    assert abs((mark.synced_at - run.started_at).total_seconds() - run.clock_offset) < 0.01
