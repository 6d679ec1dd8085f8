"""Does a run load everything that a source has, once, and does another run change nothing?"""

import pytest

from apps.jobs.choices import RunMode
from apps.jobs.models import Run, StateChange
from apps.progress.choices import RunState
from apps.progress.models import RunProgress
from apps.vectors.handlers import embedded
from apps.warehouse.selectors import counts
from tests.platform import Platform, row_versions

SANDBOX = {"issues": 500, "prs": 150}
# The sandbox's name of a kind of records → the table that holds them.
JIRA = {
    "projects": "project",
    "issue_types": "work_item_type",
    "statuses": "status",
    "sprints": "sprint",
    "issues": "issue",
    "changelog_items": "issue_change",
    "comments": "issue_comment",
    "issue_links": "issue_link",
}
GITHUB = {
    "repositories": "repository",
    "pull_requests": "pull_request",
    "pull_request_commits": "pull_request_commit",
    "commits": "commit",
    "reviews": "review",
    "releases": "release",
    "deployments": "deployment",
    "workflow_runs": "workflow_run",
}


@pytest.fixture(scope="module")
def first_runs(platform: Platform) -> dict[str, Run]:
    """Each job once, from nothing."""
    return {name: platform.run(name) for name in ("jira", "github", "vectorization")}


def _loaded(platform: Platform, name: str) -> dict[str, int]:
    integration = platform.job(name).integration
    assert integration
    return counts(integration)


@pytest.mark.parametrize("name", ["jira", "github", "vectorization"])
def test_a_first_run_finishes_complete(first_runs: dict[str, Run], name: str) -> None:
    run = first_runs[name]
    assert (run.state, run.error) == (RunState.FINISHED, "")
    assert RunProgress.across_tenants.get(run=run.pk).percent == 100


@pytest.mark.parametrize(("name", "kinds"), [("jira", JIRA), ("github", GITHUB)])
def test_loaded_counts_equal_the_source(
    first_runs: dict[str, Run], platform: Platform, name: str, kinds: dict[str, str]
) -> None:
    truth, loaded = platform.sandbox.truth(), _loaded(platform, name)
    assert {kind: loaded[table] for kind, table in kinds.items()} == {kind: truth[kind] for kind in kinds}


def test_review_and_conversation_comments_equal_the_source(first_runs: dict[str, Run], platform: Platform) -> None:
    truth, loaded = platform.sandbox.truth(), _loaded(platform, "github")
    assert loaded["pull_request_comment"] == truth["review_comments"] + truth["issue_comments"]


def test_every_text_is_embedded(first_runs: dict[str, Run], platform: Platform) -> None:
    job = platform.job("jira")
    assert job.integration
    loaded, vectors = counts(job.integration), embedded(job.integration.pk)
    assert (vectors["issue"], vectors["issue_comment"]) == (loaded["issue"], loaded["issue_comment"])


def test_history_names_every_transition(first_runs: dict[str, Run]) -> None:
    actions = StateChange.objects.filter(run=first_runs["jira"]).order_by("id").values_list("action", flat=True)
    assert list(actions)[:3] == ["start", "admit", "finish"]


@pytest.mark.parametrize("name", ["jira", "github"])
@pytest.mark.parametrize("mode", [RunMode.INCREMENTAL, RunMode.FULL])
def test_running_again_changes_no_row(first_runs: dict[str, Run], platform: Platform, name: str, mode: RunMode) -> None:
    before = row_versions()
    platform.sandbox.control("reset-stats")
    again = platform.run(name, mode)
    assert again.state == RunState.FINISHED
    assert row_versions() == before


def test_an_incremental_run_reads_only_what_changed(first_runs: dict[str, Run], platform: Platform) -> None:
    platform.sandbox.control("reset-stats")
    platform.run("jira", RunMode.FULL)
    full = platform.sandbox.served()
    platform.sandbox.control("reset-stats")
    platform.run("jira")
    assert platform.sandbox.served() < full / 5
