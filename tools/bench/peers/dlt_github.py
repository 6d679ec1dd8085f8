"""How would somebody who knows dlt load pull requests with commits, reviews and comments? Lists side by side."""

import json
import os
import re
from collections.abc import Iterator
from typing import Any

import dlt  # type: ignore[import-not-found]
from dlt.sources.helpers.requests import Client  # type: ignore[import-not-found]

BASE, TOKEN = os.environ["BENCH_URL"], os.environ["BENCH_TOKEN"]
LISTS = {
    "commits": "pulls/{}/commits",
    "reviews": "pulls/{}/reviews",
    "review_comments": "pulls/{}/comments",
    "issue_comments": "issues/{}/comments",
}
# REST gives no more and does not say so; GraphQL gives all.
MAX_REST_COMMITS = 250
QUERY = """query($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) { pullRequest(number: $number) {
    commits(first: 100, after: $after) { pageInfo { hasNextPage endCursor } nodes { commit { sha: oid message } } }
  } } }"""
COLUMNS: Any = {"id": {"data_type": "text", "primary_key": True}, "data": {"data_type": "json"}}
# Real texts have NUL characters and halves of surrogate pairs. PostgreSQL's JSON and dlt refuse both.
UNSTORABLE = re.compile(r"(?<!\\)\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})")
client = Client(raise_for_status=True)


def pages(path: str) -> Iterator[list[dict[str, Any]]]:
    """Every page of a list, by the Link header."""
    url = f"{BASE}{path}"
    while url:
        answer = client.get(url, headers={"Authorization": f"Bearer {TOKEN}"})
        yield json.loads(UNSTORABLE.sub("?", answer.content.decode()))
        url = answer.links.get("next", {}).get("url", "")


def all_commits(repository: str, number: int) -> Iterator[dict[str, Any]]:
    """The commits of one pull request over GraphQL."""
    owner, name = repository.split("/")
    variables: dict[str, Any] = {"owner": owner, "name": name, "number": number, "after": None}
    while True:
        asked = {"query": QUERY, "variables": variables}
        answer = client.post(f"{BASE}/graphql", json=asked, headers={"Authorization": f"Bearer {TOKEN}"}).json()
        commits = answer["data"]["repository"]["pullRequest"]["commits"]
        yield from (node["commit"] for node in commits["nodes"])
        if not commits["pageInfo"]["hasNextPage"]:
            return
        variables["after"] = commits["pageInfo"]["endCursor"]


@dlt.resource(name="pulls", write_disposition="replace", columns=COLUMNS)
def pulls() -> Iterator[list[dict[str, Any]]]:
    """The pull requests of all repositories."""
    for repositories in pages("/user/repos?per_page=100"):
        for repository in repositories:
            for page in pages(f"/repos/{repository['full_name']}/pulls?state=all&per_page=100"):
                yield [{"id": str(pull["id"]), "repository": repository["full_name"], "data": pull} for pull in page]


def lists_of(name: str, path: str) -> Any:
    """A transformer: one list of every pull request, in one JSON column; dlt's thread pool makes the calls."""

    @dlt.transformer(data_from=pulls, name=name, write_disposition="replace", columns=COLUMNS)
    def items(page: list[dict[str, Any]]) -> Any:
        for pull in page:
            yield fetch(pull["repository"], pull["data"]["number"], pull["id"])

    @dlt.defer
    def fetch(repository: str, number: int, pull: str) -> list[dict[str, Any]]:
        answers = pages(f"/repos/{repository}/{path.format(number)}?per_page=100")
        found = [item for answer in answers for item in answer]
        if name == "commits" and len(found) >= MAX_REST_COMMITS:
            found = list(all_commits(repository, number))
        return [{"id": f"{pull}:{item['sha']}" if "sha" in item else str(item["id"]), "data": item} for item in found]

    return items


@dlt.source
def github() -> Any:
    """Pull requests and their lists."""
    return [pulls, *(lists_of(name, path) for name, path in LISTS.items())]


pipeline = dlt.pipeline("bench_github", destination="postgres", dataset_name="peer")
pipeline.run(github(), loader_file_format="csv").raise_on_failed_jobs()
