"""How does the baseline read Jira with few and large calls, and which plain rows does it make?"""

from collections.abc import Iterator
from typing import Any

import msgspec

from apps.sources.reading import read_json
from tools.bench.baseline import Answers, Cells, Reader, Tables, at_once, storable


def fetch(reader: Reader) -> Answers:
    """Read all ids, then whole issues by the hundred, then one by one the histories that Jira cut."""
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
    cut = [issue.id for answer in answers for issue in read_json(answer, _IssuePage).issues if issue.changelog.is_cut]
    rest = at_once(lambda issue: list(_changelog(reader, issue)), cut)
    return [("issues", answer) for answer in answers] + [page for pages in rest for page in pages]


class _Changelog(msgspec.Struct, gc=False):
    total: int
    histories: list[msgspec.Raw]

    @property
    def is_cut(self) -> bool:
        return len(self.histories) < self.total


class _IssueHead(msgspec.Struct, gc=False):
    id: str
    changelog: _Changelog


class _IssuePage(msgspec.Struct, gc=False):
    issues: list[_IssueHead]


def _changelog(reader: Reader, issue: str) -> Iterator[tuple[str, bytes]]:
    """All pages of one issue's history."""
    start, last = 0, False
    while not last:
        answer = reader.ask(f"/rest/api/3/issue/{issue}/changelog?startAt={start}&maxResults=100")
        yield issue, answer
        page = read_json(answer, dict[str, Any])
        start, last = start + len(page["values"]), page["isLast"]


def build(answers: Answers) -> Tables:
    """One row per issue with its whole JSON, one per history."""
    issues: list[Cells] = []
    histories: dict[str, Cells] = {}
    encode = msgspec.json.Encoder().encode

    def add(issue: str, found: list[dict[str, Any]]) -> None:
        for history in found:
            author = (history.get("author") or {}).get("accountId")
            items = encode(history["items"]).decode()
            histories[history["id"]] = (history["id"], issue, author, history["created"], items)

    for label, answer in answers:
        found = read_json(answer, dict[str, Any])
        if label != "issues":
            add(label, found["values"])
            continue
        for issue in found["issues"]:
            add(issue["id"], issue.pop("changelog")["histories"])
            fields = issue["fields"]
            head = (issue["id"], issue["key"], fields["project"]["id"], fields["status"]["id"], fields["summary"])
            issues.append(tuple(map(storable, (*head, fields["updated"], encode(issue).decode()))))
    return {
        "issue": (("id", "key", "project", "status", "summary", "updated", "payload"), issues),
        "history": (("id", "issue", "author", "created", "items"), list(histories.values())),
    }
