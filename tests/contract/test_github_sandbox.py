"""Does a whole extraction bring exactly what the sample server holds, over GraphQL and over REST?"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests

from apps.sources.base import Connection
from apps.sources.github import GitHub
from apps.sources.rows import PullRequest, PullRequestComment, PullRequestIssueLink, Repository, Review, Row, User
from tests.unit.sources.github.memory import TOKEN, MemoryContext, Outcome, extract, tables, transform

ROOT = Path(__file__).parents[2]
START = (
    "import sys; from apps.sandbox.config import Options; from apps.sandbox.server import serve; "
    "serve(Options(issues=400, prs=300), lambda line: print(line, flush=True))"
)
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


@pytest.fixture(scope="module")
def sandbox() -> Iterator[str]:
    with subprocess.Popen([sys.executable, "-c", START], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        line = process.stdout.readline()
        yield line.split("GitHub ")[1].split("/github")[0]
        process.terminate()


@pytest.fixture
def base(sandbox: str) -> Iterator[str]:
    """The sandbox without faults and with full budgets."""
    yield sandbox
    steer(sandbox, "faults", [])
    steer(sandbox, "reset-stats", {})


def steer(base: str, what: str, body: Any) -> Any:
    answer = requests.post(f"{base}/_sandbox/{what}", data=json.dumps(body), timeout=10)
    answer.raise_for_status()
    return answer.json()


def truth(base: str, kind: str = "") -> Any:
    return requests.get(f"{base}/_sandbox/truth/{kind}".rstrip("/"), timeout=10).json()


def load(base: str, **options: Any) -> tuple[Tables, Outcome, MemoryContext]:
    with MemoryContext(f"{base}/github", **options) as context:
        outcome = extract(context)
        return tables(transform(context)), outcome, context


def of_organisation(found: Tables, base: str) -> Tables:
    """Without the viewer's own repository, which the sandbox's counts leave out."""
    names = truth(base)["by_repository"]
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


def compare(found: Tables, base: str) -> dict[str, tuple[int, int]]:
    """What differs from the truth, as (ours, theirs)."""
    told = truth(base)
    ours = {name: len(found[table]) for table, name in COUNTED.items()}
    kinds = Counter(row.kind for row in found["pull_request_comment"].values() if isinstance(row, PullRequestComment))
    ours |= {"review_comments": kinds["review"], "issue_comments": kinds["issue"]}
    ours["repositories"] = len(of_organisation(found, base)["repository"])
    return {name: (number, told[name]) for name, number in ours.items() if number != told[name]}


def test_graphql_brings_everything(base: str) -> None:
    found, outcome, _ = load(base)
    assert compare(found, base) == {}
    assert outcome.skips == []
    counts = truth(base)
    assert {name: outcome.expected[name] for name in ("pull_request", "commit", "review", "review_comment")} == {
        "pull_request": counts["pull_requests"],
        "commit": counts["pull_request_commits"],
        "review": counts["reviews"],
        "review_comment": counts["review_comments"],
    }
    assert outcome.expected["issue_comment"] == counts["issue_comments"]


def test_links_are_those_that_people_meant(base: str) -> None:
    found, _, _ = load(base)
    meant = {(pull, key, evidence) for pull, key, evidence in truth(base, "links") if evidence != "dev_panel"}
    assert links(found) == meant


def test_rest_brings_the_same_rows(base: str) -> None:
    over_graphql, _, _ = load(base)
    steer(base, "faults", [NO_GRAPHQL])
    over_rest, outcome, _ = load(base)
    (cut,) = outcome.skips
    assert "over REST GitHub gives 250 of them" in cut.reason
    assert set(over_rest) == set(over_graphql)
    beyond = set(over_graphql["commit"]) - set(over_rest["commit"])
    assert len(beyond) == 10
    for table in ("commit", "pull_request_commit"):
        over_graphql[table] = {key: row for key, row in over_graphql[table].items() if key in over_rest[table]}
    for key, row in over_graphql["review"].items():
        if isinstance(row, Review) and not row.commit_sha:  # REST still tells what a force-push removed
            setattr(over_rest["review"][key], "commit_sha", "")  # noqa: B010 - any row
    for table in set(over_rest) - {"user"}:
        assert without_unknown(over_rest[table]) == without_unknown(over_graphql[table]), table
    assert logins(over_rest) == logins(over_graphql)


def without_unknown(rows: dict[str, Row]) -> dict[str, Row]:
    """Without what REST does not tell: lines of commits, and the decision over all reviews."""
    for row in rows.values():
        for name in ("review_decision", *(("additions", "deletions") if row.table == "commit" else ())):
            if hasattr(row, name):
                setattr(row, name, None)
    return rows


def logins(found: Tables) -> dict[str, tuple[str, str]]:
    return {key: (row.login, row.account_type) for key, row in found["user"].items() if isinstance(row, User)}


def test_an_incremental_run_asks_little(base: str) -> None:
    found, _, context = load(base)
    stamps = sorted(row.updated_at for row in found["pull_request"].values() if isinstance(row, PullRequest))
    mark: datetime = stamps[-6]
    changed, outcome, again = load(base, since=mark)
    assert len(changed["pull_request"]) == outcome.expected["pull_request"] == 6
    assert again.http.requests < context.http.requests
    later, _, _ = load(base, since=stamps[-1] + timedelta(seconds=1))
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
def test_faults_on_the_way_lose_nothing(base: str, fault: dict[str, Any]) -> None:
    steer(base, "faults", [fault])
    found, outcome, _ = load(base)
    assert compare(found, base) == {}
    assert outcome.skips == []


def test_a_renamed_repository_and_one_that_is_not_there(base: str) -> None:
    counts = truth(base)["by_repository"]
    owner = next(iter(counts)).partition("/")[0]
    found, outcome, _ = load(base, scopes=(f"{owner}/checkout-frontend", f"{owner}/does-not-exist"))
    (row,) = found["repository"].values()
    assert isinstance(row, Repository)
    assert row.full_name == f"{owner}/checkout-web"
    assert len(found["pull_request"]) == counts[row.full_name]["pull_requests"]
    assert {skip.scope for skip in outcome.skips} == {f"{owner}/does-not-exist"}


def test_a_corrupt_record_is_stored_and_only_its_transform_fails(base: str) -> None:
    steer(base, "faults", [{"match": "POST /graphql", "skip": 24, "times": 1, "action": {"type": "corrupt"}}])
    with MemoryContext(f"{base}/github") as context:
        outcome = extract(context, threads=1)
    source, failed = GitHub(), 0
    for record in context.records.values():
        try:
            source.transform(record, context)
        except msgspec.ValidationError:
            failed += 1
    assert failed == 1
    assert outcome.skips == []
    assert sum(entity == "pull_request" for entity, _ in context.records) == truth(base)["pull_requests"]


def test_the_connection_is_tested(base: str) -> None:
    source = GitHub()
    for token, ok in ((TOKEN, True), ("wrong", False)):
        connection = Connection(f"{base}/github", token=token)
        with source.http(connection) as http:
            assert source.test(connection, http).ok is ok
