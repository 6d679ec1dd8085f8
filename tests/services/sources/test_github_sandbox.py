"""Does an extraction load exactly what the sample server holds, over GraphQL and over REST?"""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from apps.sources.base import Connection
from apps.sources.github import GitHub
from apps.sources.rows import PullRequest, PullRequestComment, PullRequestIssueLink, Repository, Review, Row, User
from tests.processes import Sandbox
from tests.unit.sources.github.memory import TOKEN, Extracted, MemoryContext, extract, tables, transform

SECONDARY = {"type": "status", "status": 403, "secondary": True, "retry_after": 1}
NO_GRAPHQL = {"match": "POST /graphql", "action": {"type": "status", "status": 404}}
COUNTED = {
    "pull_request": "pull_requests",
    "pull_request_commit": "pull_request_commits",
    "commit": "commits",
    "review": "reviews",
    "release": "releases",
    "deployment": "deployments",
    "workflow_run": "workflow_runs",
}
Tables = dict[str, dict[str, Row]]


def load(sandbox: Sandbox, **options: Any) -> tuple[Tables, Extracted, MemoryContext]:
    with MemoryContext(sandbox.url("github"), **options) as context:
        extracted = extract(context)
        return tables(transform(context)), extracted, context


def of_organisation(found: Tables, sandbox: Sandbox) -> Tables:
    """Without the viewer's own repository, which the sandbox's counts leave out."""
    names = sandbox.truth()["by_repository"]
    found["repository"] = {
        key: row for key, row in found["repository"].items() if isinstance(row, Repository) and row.full_name in names
    }
    return found


def links(found: Tables) -> set[tuple[str, str, str]]:
    rows = found["pull_request_issue_link"].values()
    return {
        ("/".join(row.pull_request_url.split("/")[-4:]).replace("/pull/", "#"), row.issue_key, row.evidence)
        for row in rows
        if isinstance(row, PullRequestIssueLink)
    }


def compare(found: Tables, sandbox: Sandbox) -> dict[str, tuple[int, int]]:
    """The numbers that differ from the truth, as (ours, theirs)."""
    truth = sandbox.truth()
    ours = {name: len(found[table]) for table, name in COUNTED.items()}
    kinds = Counter(row.kind for row in found["pull_request_comment"].values() if isinstance(row, PullRequestComment))
    ours |= {"review_comments": kinds["review"], "issue_comments": kinds["issue"]}
    ours["repositories"] = len(of_organisation(found, sandbox)["repository"])
    return {name: (number, truth[name]) for name, number in ours.items() if number != truth[name]}


def test_graphql_gives_everything(sandbox: Sandbox) -> None:
    found, extracted, _ = load(sandbox)
    assert compare(found, sandbox) == {}
    assert extracted.skips == []
    counts = sandbox.truth()
    assert {name: extracted.expected[name] for name in ("pull_request", "commit", "review", "review_comment")} == {
        "pull_request": counts["pull_requests"],
        "commit": counts["pull_request_commits"],
        "review": counts["reviews"],
        "review_comment": counts["review_comments"],
    }
    assert extracted.expected["issue_comment"] == counts["issue_comments"]


def test_the_links_are_the_ones_that_people_meant(sandbox: Sandbox) -> None:
    found, _, _ = load(sandbox)
    meant = {(pull, key, evidence) for pull, key, evidence in sandbox.truth("links") if evidence != "dev_panel"}
    assert links(found) == meant


def test_rest_gives_the_same_rows(sandbox: Sandbox) -> None:
    over_graphql, _, _ = load(sandbox)
    sandbox.control("faults", [NO_GRAPHQL])
    over_rest, extracted, _ = load(sandbox)
    (cut,) = extracted.skips
    assert "over REST GitHub gives 250 of them" in cut.reason
    assert set(over_rest) == set(over_graphql)
    beyond = set(over_graphql["commit"]) - set(over_rest["commit"])
    assert len(beyond) == 10
    for table in ("commit", "pull_request_commit"):
        over_graphql[table] = {key: row for key, row in over_graphql[table].items() if key in over_rest[table]}
    for key, row in over_graphql["review"].items():
        if isinstance(row, Review) and not row.commit_sha:  # REST still names what a force-push removed
            setattr(over_rest["review"][key], "commit_sha", "")  # noqa: B010 - any row
    for table in set(over_rest) - {"user"}:
        assert without_unknown(over_rest[table]) == without_unknown(over_graphql[table]), table
    assert logins(over_rest) == logins(over_graphql)


def without_unknown(rows: dict[str, Row]) -> dict[str, Row]:
    """The rows without what REST lacks: lines of commits, the decision over all reviews, more than 250 commits.

    Over REST comments have lists of their own, so a pull request does not say how many it has.
    """
    for row in rows.values():
        for name in (
            "review_decision",
            "commit_count",
            "comment_count",
            *(("additions", "deletions") if row.table == "commit" else ()),
        ):
            if hasattr(row, name):
                setattr(row, name, None)
    return rows


def logins(found: Tables) -> dict[str, tuple[str, str]]:
    return {key: (row.login, row.account_type) for key, row in found["user"].items() if isinstance(row, User)}


def test_an_incremental_run_asks_little(sandbox: Sandbox) -> None:
    found, _, context = load(sandbox)
    pulls = [row for row in found["pull_request"].values() if isinstance(row, PullRequest)]
    stamps = sorted(row.updated_at for row in pulls if row.updated_at)
    since = stamps[-6]
    changed, extracted, again = load(sandbox, since=since)
    assert len(changed["pull_request"]) == extracted.expected["pull_request"] == 6
    assert again.http.requests < context.http.requests
    later, _, _ = load(sandbox, since=stamps[-1] + timedelta(seconds=1))
    assert "pull_request" not in later


@pytest.mark.parametrize(
    "fault",
    [
        {"match": "POST /graphql", "skip": 9, "times": 3, "action": {"type": "graphql_errors"}},
        {"match": "POST /graphql", "skip": 9, "times": 2, "action": {"type": "graphql_errors", "partial": True}},
        {"match": "POST /graphql", "skip": 7, "times": 2, "action": {"type": "status", "status": 502}},
        {"match": "* /", "skip": 11, "times": 2, "action": {"type": "truncate"}},
        {"match": "* /", "skip": 11, "times": 2, "action": {"type": "reset"}},
        {"match": "GET /releases", "times": 1, "action": SECONDARY},
    ],
)  # fmt: skip
def test_faults_on_the_way_lose_nothing(sandbox: Sandbox, fault: dict[str, Any]) -> None:
    sandbox.control("faults", [fault])
    found, extracted, _ = load(sandbox)
    assert compare(found, sandbox) == {}
    assert extracted.skips == []


def test_a_renamed_repository_is_loaded_and_an_absent_one_skipped(sandbox: Sandbox) -> None:
    counts = sandbox.truth()["by_repository"]
    owner = next(iter(counts)).partition("/")[0]
    found, extracted, _ = load(sandbox, scopes=(f"{owner}/checkout-frontend", f"{owner}/does-not-exist"))
    (row,) = found["repository"].values()
    assert isinstance(row, Repository)
    assert row.full_name == f"{owner}/checkout-web"
    assert len(found["pull_request"]) == counts[row.full_name]["pull_requests"]
    assert {skip.scope for skip in extracted.skips} == {f"{owner}/does-not-exist"}


def test_a_record_with_odd_values_is_loaded_without_them(sandbox: Sandbox) -> None:
    sandbox.control("faults", [{"match": "POST /graphql", "skip": 24, "times": 1, "action": {"type": "corrupt"}}])
    with MemoryContext(sandbox.url("github")) as context:
        extracted = extract(context, threads=1)
    transformed = [GitHub().transform(record, context) for record in context.records.values()]
    assert any(each.odd_values for each in transformed)
    assert extracted.skips == []
    assert sum(entity == "pull_request" for entity, _ in context.records) == sandbox.truth()["pull_requests"]


def test_the_connection_test_accepts_only_a_good_token(sandbox: Sandbox) -> None:
    source = GitHub()
    for token, ok in ((TOKEN, True), ("wrong", False)):
        connection = Connection(sandbox.url("github"), token=token)
        with source.http(connection) as http:
            assert source.test(connection, http).is_ok is ok
