"""What would the same work cost without a product? Fetch the same bytes, parse them into rows, COPY the rows."""

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from tests.bench.plain import Reader, at_once, upsert
from tests.bench.works import Proof, Work, prove
from tests.processes import Sandbox

Tables = dict[str, tuple[tuple[str, ...], list[tuple[object, ...]]]]

PROOFS: dict[str, Proof] = {
    "A": {"issues": "SELECT id FROM issue", "changelog_histories": "SELECT id FROM history"},
    "B": {
        "pull_requests": "SELECT id FROM pull",
        "pull_request_commits": "SELECT id FROM commit",
        "reviews": "SELECT id FROM review",
        "review_comments": "SELECT id FROM review_comment",
        "issue_comments": "SELECT id FROM issue_comment",
    },
}
# Per pull request: path below it, and the table for what it gives.
LISTS = {"commits": "commit", "reviews": "review", "comments": "review_comment"}


@dataclass(frozen=True)
class Limit:
    """Seconds of each part, one after the other."""

    fetch_s: float
    build_s: float
    copy_s: float
    requests: int
    rows: int
    bytes: int

    @property
    def sum_s(self) -> float:
        """All parts together."""
        return self.fetch_s + self.build_s + self.copy_s

    def as_json(self) -> dict[str, Any]:
        """The figures with their sum."""
        return asdict(self) | {"sum_s": round(self.sum_s, 3)}


def limit(sandbox: Sandbox, work: Work, database: str) -> Limit:
    """Do the work plainly in an empty database. Raises :class:`~tests.bench.works.Incomplete`."""
    fetch, build = PARTS[work.name]
    reader = Reader(sandbox.url(work.job), work.job)
    gc.disable()  # it doubles the time of parsing, and nothing here is a circle
    try:
        began = time.perf_counter()
        answers = fetch(reader)
        fetched = time.perf_counter()
        tables = build(answers)
        built = time.perf_counter()
        for name, (columns, rows) in tables.items():
            upsert(database, name, columns, rows)
        copied = time.perf_counter()
    finally:
        gc.enable()
    prove(sandbox, database, PROOFS[work.name])
    return Limit(
        round(fetched - began, 3),
        round(built - fetched, 3),
        round(copied - built, 3),
        reader.requests,
        sum(len(rows) for _, rows in tables.values()),
        sum(len(answer) for _, answer in answers),
    )


def fetch_jira(reader: Reader) -> list[tuple[str, bytes]]:
    """Ids first, then whole issues with their histories by the hundred."""
    ids: list[str] = []
    asked: dict[str, Any] = {"jql": "created > 0", "fields": ["id"], "maxResults": 5000}
    while True:
        page = msgspec.json.decode(reader.ask("/rest/api/3/search/jql", asked))
        ids += [issue["id"] for issue in page["issues"]]
        if not page.get("nextPageToken"):
            break
        asked["nextPageToken"] = page["nextPageToken"]
    batches = [
        {"issueIdsOrKeys": ids[start : start + 100], "fields": ["*all"], "expand": ["changelog"]}
        for start in range(0, len(ids), 100)
    ]
    answers = at_once(lambda batch: reader.ask("/rest/api/3/issue/bulkfetch", batch), batches)
    return [("issues", answer) for answer in answers]


def build_jira(answers: list[tuple[str, bytes]]) -> Tables:
    """One row per issue with its whole JSON, one per history."""
    issues: list[tuple[object, ...]] = []
    histories: list[tuple[object, ...]] = []
    encode = msgspec.json.Encoder().encode
    for _, answer in answers:
        for issue in msgspec.json.decode(answer)["issues"]:
            fields, name = issue["fields"], issue["id"]
            for history in issue.pop("changelog")["histories"]:
                author = (history.get("author") or {}).get("accountId")
                items = encode(history["items"]).decode()
                histories.append((history["id"], name, author, history["created"], items))
            head = (name, issue["key"], fields["project"]["id"], fields["status"]["id"], fields["summary"])
            issues.append(tuple(map(storable, (*head, fields["updated"], encode(issue).decode()))))
    return {
        "issue": (("id", "key", "project", "status", "summary", "updated", "payload"), issues),
        "history": (("id", "issue", "author", "created", "items"), histories),
    }


def storable(text: str | None) -> str | None:
    """A text without what PostgreSQL refuses."""
    return text.replace("\x00", "") if text else text


def fetch_github(reader: Reader) -> list[tuple[str, bytes]]:
    """Repositories, their pull requests, and four lists for each of these."""
    pulls: list[tuple[str, str, bytes]] = []
    for repository in msgspec.json.decode(reader.ask("/user/repos?per_page=100")):
        base = f"/repos/{repository['full_name']}"
        for answer in _pages(reader, f"{base}/pulls?state=all"):
            pulls += [(base, str(pull["number"]), msgspec.json.encode(pull)) for pull in msgspec.json.decode(answer)]
    paths = [
        (f"{table} {msgspec.json.decode(pull)['id']}", f"{base}/{kind}/{number}/{name}")
        for base, number, pull in pulls
        for kind, name, table in [
            *(("pulls", name, table) for name, table in LISTS.items()),
            ("issues", "comments", "issue_comment"),
        ]
    ]
    lists = at_once(lambda path: b"\n".join(_pages(reader, f"{path[1]}?")), paths)
    labels = [label for label, _ in paths]
    return [("pull", pull) for _, _, pull in pulls] + list(zip(labels, lists, strict=True))


def _pages(reader: Reader, path: str) -> Iterator[bytes]:
    """Every page of a list of up to 100 a page; the first short one is the last."""
    number = 1
    while True:
        answer = reader.ask(f"{path}&per_page=100&page={number}")
        yield answer
        if len(msgspec.json.decode(answer, type=list[msgspec.Raw])) < 100:
            return
        number += 1


def build_github(answers: list[tuple[str, bytes]]) -> Tables:
    """One row per object with its whole JSON."""
    encode = msgspec.json.Encoder().encode
    tables: Tables = {name: (("id", "pull", "payload"), []) for name in ("pull", *LISTS.values(), "issue_comment")}
    for label, answer in answers:
        table, _, pull = label.partition(" ")
        for page in answer.split(b"\n"):
            found = msgspec.json.decode(page)
            for item in found if isinstance(found, list) else [found]:
                name = f"{pull}:{item['sha']}" if table == "commit" else str(item["id"])
                tables[table][1].append((name, pull, storable(encode(item).decode())))
    return tables


Fetch = Callable[[Reader], list[tuple[str, bytes]]]
Build = Callable[[list[tuple[str, bytes]]], Tables]
PARTS: dict[str, tuple[Fetch, Build]] = {"A": (fetch_jira, build_jira), "B": (fetch_github, build_github)}
