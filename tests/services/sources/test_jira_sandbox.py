"""Does a whole extraction fetch exactly the data of the sample Jira, even while Jira fails?"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.sources.base import Connection
from apps.sources.jira import Jira
from apps.sources.rows import Row
from tests.processes import Sandbox
from tests.unit.sources.memory import MemoryContext, load, pull

COUNTED = {
    "project": "projects",
    "work_item_type": "issue_types",
    "status": "statuses",
    "user": "users",
    "sprint": "sprints",
    "issue": "issues",
    "issue_change": "changelog_items",
    "issue_comment": "comments",
    "issue_link": "issue_links",
}
Tables = dict[str, dict[str, Row]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox"), issues=400, prs=60) as running:
        yield running


@pytest.fixture
def context(sandbox: Sandbox) -> Iterator[MemoryContext]:
    connection = Connection(sandbox.url("jira"), "ada@example.org", "sandbox-token")
    with Jira().http(connection) as http:
        yield MemoryContext(connection, http)


def assert_whole(found: Tables, sandbox: Sandbox) -> None:
    counts = sandbox.truth()
    assert {table: len(found[table]) for table in COUNTED} == {table: counts[kind] for table, kind in COUNTED.items()}


def test_a_full_extraction_is_complete_and_cheap(sandbox: Sandbox, context: MemoryContext) -> None:
    steps = [step.key for step in Jira().definition.steps]
    pulled = pull(Jira(), context, steps[:3])
    assert context.http.requests <= 60
    assert pulled.skips == []
    # Several slices may fetch the epic of an old link, so their number was not announced.
    del pulled.given["epic_link"]
    assert pulled.given == pulled.expected
    pull(Jira(), context, steps[3:])
    found = load(Jira(), context)
    assert_whole(found, sandbox)
    assert sorted(found["issue"]) == sorted(map(str, sandbox.truth("issues")))
    assert len(found["pull_request_issue_link"]) == sandbox.truth()["links_by_evidence"]["dev_panel"]


def test_an_incremental_extraction_brings_what_changed_with_few_requests(
    sandbox: Sandbox, context: MemoryContext
) -> None:
    pull(Jira(), context)
    began = datetime.now(UTC)
    done = sandbox.control(
        "mutate", {"seed": 5, "share": 0.05, "kinds": ["edit", "comment", "status", "create", "move"]}
    )
    assert done["counts"]
    keys = {record.scope for record in context.current("project")}

    later = context.next_run(dict.fromkeys(keys, began - timedelta(minutes=5)))
    before = context.http.requests
    steps = [step.key for step in Jira().definition.steps]
    pull(Jira(), later, steps[:3])
    assert context.http.requests - before <= 40
    assert_whole(load(Jira(), later), sandbox)


@pytest.mark.parametrize(
    ("method", "path", "times", "action"),
    [
        ("POST", "issue/bulkfetch", 3, {"type": "status", "status": 504}),
        ("POST", "issue/bulkfetch", 3, {"type": "truncate"}),
        ("POST", "issue/bulkfetch", 1, {"type": "empty_page"}),
        ("POST", "issue/bulkfetch", 1, {"type": "inflate", "bytes": 70_000_000}),
        ("POST", "changelog/bulkfetch", 2, {"type": "reset"}),
        ("POST", "changelog/bulkfetch", 1, {"type": "empty_page"}),
        ("POST", "search/jql", 1, {"type": "empty_page"}),
        ("GET", "project/search", 1, {"type": "empty_page"}),
        ("*", "rest/api", 3, {"type": "status", "status": 429, "retry_after": 1}),
        ("*", "bulkfetch", 1, {"type": "status", "status": 503, "retry_after": 1, "retry_after_date": True}),
    ],
)
def test_faults_cost_nothing_but_time(
    sandbox: Sandbox, context: MemoryContext, method: str, path: str, times: int, action: dict[str, Any]
) -> None:
    sandbox.control("faults", [{"match": f"{method} {path}", "times": times, "action": action}])
    pull(Jira(), context, [step.key for step in Jira().definition.steps][:3])
    assert_whole(load(Jira(), context), sandbox)
