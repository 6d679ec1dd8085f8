"""Does a dry run say how much the sample servers have, and how much a run would fetch from them?"""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from apps.sources.base import Connection, Estimate
from apps.sources.github import GitHub
from apps.sources.github.estimate import FirstPage
from apps.sources.github.extract.window import TimeWindow
from apps.sources.jira import Jira
from tests.processes import TOKEN, Sandbox
from tests.unit.sources.github.memory import MemoryContext as GitHubContext
from tests.unit.sources.github.memory import extract
from tests.unit.sources.memory import MemoryContext, pull

GITHUB = {
    "pull_request": "pull_requests",
    "release": "releases",
    "deployment": "deployments",
    "workflow_run": "workflow_runs",
}
NO_GRAPHQL = {"match": "POST /graphql", "action": {"type": "status", "status": 404}}
NOW = datetime(2026, 11, 1, tzinfo=UTC)


def by_scope(found: list[Estimate], entity: str) -> dict[str, int]:
    return {one.scope: one.records for one in found if one.entity == entity}


@pytest.mark.parametrize("faults", [[], [NO_GRAPHQL]], ids=["graphql", "rest"])
def test_everything_of_github_is_its_totals(sandbox: Sandbox, faults: list[object]) -> None:
    sandbox.control("faults", faults)
    truth = sandbox.truth()["by_repository"]
    with GitHubContext(sandbox.url("github")) as context:
        found = GitHub().estimate(context)
    for entity, name in GITHUB.items():
        counted = by_scope(found, entity)
        assert {repository: counted[repository] for repository in truth} == {
            repository: numbers[name] for repository, numbers in truth.items()
        }


def test_a_range_of_github_is_what_a_run_of_it_fetches(sandbox: Sandbox) -> None:
    names = tuple(sandbox.truth()["by_repository"])[:3]
    begin, end = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 9, 1, tzinfo=UTC)
    with GitHubContext(sandbox.url("github"), names, since=begin, until=end) as context:
        found = GitHub().estimate(context)
        extract(context)
    fetched = Counter(record.entity for record in context.records.values())
    for entity in ("pull_request",):
        ours = [one for one in found if one.entity == entity]
        assert all(one.is_exact for one in ours)
        assert sum(one.records for one in ours) == fetched[entity] > 0, entity
    # These change, but do not move in the lists.
    assert not any(one.is_exact for one in found if one.entity in ("release", "deployment", "workflow_run"))


def test_a_repository_that_is_not_there_gives_nothing_and_stops_nobody(sandbox: Sandbox) -> None:
    name = next(iter(sandbox.truth()["by_repository"]))
    with GitHubContext(sandbox.url("github"), ("acme/gone", name)) as context:
        found = GitHub().estimate(context)
    assert by_scope(found, "repository") == {"acme/gone": 0, name: 1}


def jira_context(sandbox: Sandbox, *scopes: str, **options: object) -> MemoryContext:
    connection = Connection(sandbox.url("jira"), "ada@example.org", TOKEN, scopes)
    return MemoryContext(connection, Jira().http(connection), **options)  # type: ignore[arg-type]


def test_everything_of_jira_is_its_issues(sandbox: Sandbox) -> None:
    context = jira_context(sandbox)
    found = Jira().estimate(context)
    context.http.close()
    truth = sandbox.truth()["by_project"]
    assert by_scope(found, "issue") == {key: project["issues"] for key, project in truth.items()}
    assert all(one.is_exact for one in found)


def test_a_range_of_jira_is_what_a_run_of_it_fetches(sandbox: Sandbox) -> None:
    begin, end = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 9, 1, tzinfo=UTC)
    context = jira_context(sandbox, "PAY", is_full=False, sinces={"PAY": begin}, end=end)
    found = Jira().estimate(context)
    pulled = pull(Jira(), context)
    context.http.close()
    assert by_scope(found, "issue") == {"PAY": pulled.given["issue"]}
    assert pulled.given["issue"] > 0


def hourly(number: int, total: int) -> FirstPage:
    return FirstPage(total, [NOW - timedelta(hours=back) for back in range(number)])


@pytest.mark.parametrize(
    ("first_page", "window", "counted"),
    [
        (hourly(100, 5000), TimeWindow(None, None), (5000, True)),
        (hourly(100, 5000), TimeWindow(NOW - timedelta(hours=9), None), (10, True)),
        (hourly(40, 40), TimeWindow(NOW - timedelta(days=900), None), (40, True)),
        (hourly(100, 5000), TimeWindow(NOW - timedelta(hours=9), NOW - timedelta(hours=4)), (5, True)),
        (hourly(100, 5000), TimeWindow(None, NOW - timedelta(hours=4)), (4995, True)),
        (hourly(100, 5000), TimeWindow(NOW - timedelta(hours=990), None), (1000, False)),
        (hourly(100, 120), TimeWindow(NOW - timedelta(hours=990), None), (120, False)),
        (hourly(0, 0), TimeWindow(NOW, None), (0, True)),
    ],
)
def test_a_list_that_goes_on_beyond_its_page_is_estimated_by_its_pace(
    first_page: FirstPage, window: TimeWindow, counted: tuple[int, bool]
) -> None:
    assert first_page.count(window) == counted
