"""How would somebody who knows dlt load Jira issues with their changelogs? Ids first, bulk calls side by side."""

import json
import os
import re
from collections.abc import Iterator
from typing import Any

import dlt  # type: ignore[import-not-found]
from dlt.sources.helpers.requests import Client  # type: ignore[import-not-found]

BASE, TOKEN = os.environ["BENCH_URL"], os.environ["BENCH_TOKEN"]
# Real texts have NUL characters and halves of surrogate pairs. PostgreSQL's JSON and dlt refuse both.
UNSTORABLE = re.compile(r"(?<!\\)\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})")
client = Client(raise_for_status=True)


def ask(path: str, body: dict[str, Any] | None = None) -> Any:
    """The JSON answer to a GET, or to a POST of ``body``."""
    answer = client.request("POST" if body else "GET", f"{BASE}{path}", json=body, auth=("someone@example.com", TOKEN))
    return json.loads(UNSTORABLE.sub("?", answer.content.decode()))


@dlt.resource
def ids() -> Iterator[list[str]]:
    """The ids of all issues, by the hundred."""
    asked: dict[str, Any] = {"jql": "created > 0", "fields": ["id"], "maxResults": 5000}
    while True:
        page = ask("/rest/api/3/search/jql", asked)
        found = [issue["id"] for issue in page["issues"]]
        for start in range(0, len(found), 100):
            yield found[start : start + 100]
        if not page.get("nextPageToken"):
            return
        asked["nextPageToken"] = page["nextPageToken"]


def complete(issue: dict[str, Any]) -> None:
    """Read a long history to its end: the expansion holds the newest entries only."""
    changelog = issue["changelog"]
    if len(changelog["histories"]) >= changelog["total"]:
        return
    histories: list[dict[str, Any]] = []
    last = False
    while not last:
        page = ask(f"/rest/api/3/issue/{issue['id']}/changelog?startAt={len(histories)}&maxResults=100")
        histories += page["values"]
        last = page["isLast"]
    changelog["histories"] = histories


@dlt.transformer(
    data_from=ids,
    write_disposition="replace",
    columns={"id": {"data_type": "text", "primary_key": True}, "data": {"data_type": "json"}},
)
def issues(batch: list[str]) -> Any:
    """Whole issues with their histories in one JSON column; dlt's thread pool makes the deferred calls."""

    @dlt.defer
    def fetch() -> list[dict[str, Any]]:
        asked = {"issueIdsOrKeys": batch, "fields": ["*all"], "expand": ["changelog"]}
        answer = ask("/rest/api/3/issue/bulkfetch", asked)
        for issue in answer["issues"]:
            complete(issue)
        return [{"id": issue["id"], "data": issue} for issue in answer["issues"]]

    return fetch()


pipeline = dlt.pipeline("bench_jira", destination="postgres", dataset_name="peer")
pipeline.run(issues, loader_file_format="csv").raise_on_failed_jobs()
