"""Can the transform read every real answer of GitHub that others have recorded?"""

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from apps.sources.base import SourceRecord
from apps.sources.github import GitHub
from apps.sources.rows import Deployment, PullRequest, Row
from tests.unit.sources.github.memory import MemoryContext

PAYLOADS = Path(__file__).parents[3] / "shared/payloads"
SCOPE = "acme/shop"
OWNER = {"id": 1, "number": 1, "html_url": "https://github.com/acme/shop/pull/1", "state": "open",
         "created_at": "2026-03-01T10:00:00Z", "updated_at": "2026-03-01T10:00:00Z", "head": {},
         "base": {"repo": {"id": 5, "full_name": SCOPE}}}  # fmt: skip
# The raw entity of each endpoint (without /repos/owner/name); it answers with one object or with a list of them.
SHAPES = {
    r"": "repository",
    r"/releases(/\d+|/latest|/tags/[^/]+)?": "release",
    r"/actions/runs(/\d+)?": "workflow_run",
    r"/deployments(/\d+)?": "deployment",
    r"/pulls(/\d+)?": "pull_request",
    r"/pulls/\d+/commits": "commit",
    r"/pulls/\d+/reviews": "review",
    r"/pulls/(\d+/)?comments": "pull_request_review_comments",
    r"/issues/\d+/comments": "pull_request_comments",
}
DEVLAKE = {
    "github_api_pull_requests": "pull_request",
    "github_api_pull_requests_bot_filter": "pull_request",
    "github_api_pull_request_commits": "commit",
    "github_api_pull_request_reviews": "review",
    "github_api_pr_reviews_bot_filter": "review",
    "github_api_pull_request_review_comments": "pull_request_review_comments",
    "github_api_comments": "pull_request_comments",
    "github_api_runs": "workflow_run",
}


def lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        pytest.skip("the recordings lie beside the repository, in shared/payloads, and are absent here")
    with gzip.open(path, "rt") as file:
        for line in file:
            yield json.loads(line)


def as_record(entity: str, item: dict[str, Any]) -> SourceRecord:
    """The item as the extraction stores it."""
    external_id, payload = str(item.get("id", 1)), item
    if entity == "pull_request":
        payload = {"pull_request": item, "commits": [], "reviews": []}
    elif entity in ("commit", "review"):
        entity, payload = "pull_request", {"pull_request": OWNER, f"{entity}s": [item]}
    elif entity == "graphql_deployment":
        entity = "deployment"
    elif entity == "deployment":
        payload = {"deployment": item, "statuses": []}
    elif entity.startswith("pull_request_"):
        external_id = f"1:{external_id}"
    return SourceRecord(entity, external_id, json.dumps(payload).encode(), SCOPE)


def rows_of(entity: str, item: dict[str, Any]) -> list[Row]:
    with MemoryContext("http://127.0.0.1:1") as context:
        context.records["repository", "5"] = SourceRecord("repository", "5", b"{}", SCOPE)
        return GitHub().transform(as_record(entity, item), context).rows


def recorded(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of a known shape in a recording."""
    for exchange in lines(PAYLOADS / f"github-recorded-traffic/{name}.jsonl.gz"):
        path = re.sub(r"\?.*|^https?://[^/]+", "", exchange["url"])
        match = re.fullmatch(r"/(?:repos/[^/]+/[^/]+|repositories/\d+)(/.*)?", path)
        if exchange["status"] not in (200, 201) or match is None:
            continue
        entity = next((name for shape, name in SHAPES.items() if re.fullmatch(shape, match[1] or "")), "")
        body = exchange["body"]
        items = body if isinstance(body, list) else [body]
        if entity == "workflow_run" and isinstance(body, dict):
            items = body.get("workflow_runs", items)
        yield from ((entity, item) for item in items if entity and isinstance(item, dict) and is_whole(item))


def is_whole(item: dict[str, Any]) -> bool:
    """Neither a diff or patch as text, nor the workflow run that hub4j's own test shortened."""
    return "_text" not in item and ("conclusion" not in item or "created_at" in item)


@pytest.mark.parametrize(("name", "minimum"), [("hub4j", 900), ("github3py", 100), ("octokit", 5)])
def test_recorded_traffic_is_read(name: str, minimum: int) -> None:
    read: Counter[str] = Counter()
    for entity, item in recorded(name):
        assert rows_of(entity, item)
        read[entity] += 1
    assert read.total() >= minimum, read


@pytest.mark.parametrize("name", DEVLAKE)
def test_collected_objects_are_read(name: str) -> None:
    items = [line["data"] for line in lines(PAYLOADS / f"devlake-github/{name}.jsonl.gz")]
    for item in items:
        rows = rows_of(DEVLAKE[name], item)
        pulls = [row for row in rows if isinstance(row, PullRequest)]
        assert all(
            row.created_at and row.created_at.tzinfo is UTC and row.state in {"open", "closed", "merged"}
            for row in pulls
        )
    assert items


def test_collected_deployments_are_read() -> None:
    finished = []
    for line in lines(PAYLOADS / "devlake-github_graphql/github_graphql_deployment.jsonl.gz"):
        data = line["data"]
        statuses = [
            {"state": status["state"], "createdAt": status["updatedAt"]}
            for status in data.get("Statuses", {}).get("nodes", [])
        ]
        node = {
            "databaseId": data["DatabaseId"],
            "commitOid": data["CommitOid"],
            "environment": data["Environment"],
            "createdAt": data["CreatedAt"],
            "latestStatus": {"state": data["LatestStatus"]["State"]},
            "statuses": {"nodes": statuses},
        }
        (row,) = rows_of("graphql_deployment", node)
        assert isinstance(row, Deployment)
        finished.append((row.state, row.finished_at is not None))
    assert ("inactive", True) in finished
