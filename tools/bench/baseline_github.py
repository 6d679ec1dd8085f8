"""How does the baseline read pull requests over REST, all lists side by side, and which plain rows does it make?"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from apps.sources.reading import read_json
from tools.bench.baseline import Answers, Reader, Tables, at_once, storable

# The lists of a pull request: path below it → table.
LISTS = {"commits": "commit", "reviews": "review", "comments": "review_comment"}
# REST gives no more and does not say so; GraphQL gives all.
MAX_REST_COMMITS = 250
COMMITS = """query($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) { pullRequest(number: $number) {
    commits(first: 100, after: $after) { pageInfo { hasNextPage endCursor } nodes { commit { oid message } } }
  } } }"""


def fetch(reader: Reader) -> Answers:
    """Repositories, their pull requests, and four lists for each of these."""
    pulls: list[tuple[str, dict[str, Any]]] = []
    for repository in msgspec.json.decode(reader.ask("/user/repos?per_page=100")):
        base = f"/repos/{repository['full_name']}"
        for answer in _pages(reader, f"{base}/pulls?state=all&"):
            pulls += [(base, pull) for pull in read_json(answer, list[dict[str, Any]])]
    paths = [
        (f"{table} {pull['id']}", f"{base}/{kind}/{pull['number']}/{name}?")
        for base, pull in pulls
        for kind, name, table in [
            *(("pulls", name, table) for name, table in LISTS.items()),
            ("issues", "comments", "issue_comment"),
        ]
    ]
    lists = at_once(lambda path: [(path[0], page) for page in _pages(reader, path[1])], paths)
    found = [page for pages in lists for page in pages]
    seen = Counter(label for label, page in found for _ in range(_length(page)))
    long = [(base, pull) for base, pull in pulls if seen[f"commit {pull['id']}"] >= MAX_REST_COMMITS]
    found = [(label, page) for label, page in found if label not in {f"commit {pull['id']}" for _, pull in long}]
    for base, pull in long:
        found += [(f"commit {pull['id']}", answer) for answer in _all_commits(reader, base, pull["number"])]
    return [("pull", msgspec.json.encode([pull])) for _, pull in pulls] + found


def _length(page: bytes) -> int:
    return len(read_json(page, list[msgspec.Raw]))


def _all_commits(reader: Reader, base: str, number: int) -> Iterator[bytes]:
    """The commits of one pull request over GraphQL, with REST's field names."""
    _, _, owner, name = base.split("/")
    variables: dict[str, Any] = {"owner": owner, "name": name, "number": number, "after": None}
    while True:
        answer = read_json(reader.ask("/graphql", {"query": COMMITS, "variables": variables}), dict[str, Any])
        commits = answer["data"]["repository"]["pullRequest"]["commits"]
        nodes = [node["commit"] for node in commits["nodes"]]
        yield msgspec.json.encode([{"sha": node["oid"], "commit": {"message": node["message"]}} for node in nodes])
        if not commits["pageInfo"]["hasNextPage"]:
            return
        variables["after"] = commits["pageInfo"]["endCursor"]


def _pages(reader: Reader, path: str) -> Iterator[bytes]:
    """Every page of a list, 100 records a page; the first shorter page is the last."""
    number = 1
    while True:
        answer = reader.ask(f"{path}per_page=100&page={number}")
        yield answer
        if _length(answer) < 100:
            return
        number += 1


def build(answers: Answers) -> Tables:
    """One row per object with its whole JSON."""
    encode = msgspec.json.Encoder().encode
    tables: Tables = {name: (("id", "pull", "payload"), []) for name in ("pull", *LISTS.values(), "issue_comment")}
    for label, answer in answers:
        table, _, pull = label.partition(" ")
        for item in read_json(answer, list[dict[str, Any]]):
            name = f"{pull}:{item['sha']}" if table == "commit" else str(item["id"])
            tables[table][1].append((name, pull, storable(encode(item).decode())))
    return tables
