"""Do Jira records of real sites become the right rows, without an exception?"""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.sources.base import Connection, SourceRecord
from apps.sources.http import Http
from apps.sources.jira import Jira
from apps.sources.rows import Issue, IssueChange, IssueComment, ScopeName
from tests.unit.sources.memory import MemoryContext

PAYLOADS = Path(__file__).parents[3] / "shared" / "payloads"

pytestmark = pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the folder with recorded payloads is not here")


@pytest.fixture
def context() -> Iterator[MemoryContext]:
    with Http("http://127.0.0.1:1") as http:
        yield MemoryContext(Connection("http://127.0.0.1:1"), http)


def lines(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(PAYLOADS / name) as file:
        for line in file:
            yield json.loads(line)


def record(entity: str, external_id: object, payload: Any) -> SourceRecord:
    return SourceRecord(entity, str(external_id), json.dumps(payload).encode())


@pytest.mark.parametrize(("project", "issues"), [("DAEMON", 317), ("MOD", 367)])
def test_issues_of_two_real_projects(context: MemoryContext, project: str, issues: int) -> None:
    count = 0
    for given in lines(f"jira-tidev/{project}.issues.jsonl.gz"):
        done = Jira().transform(record("issue", given["id"], given), context)
        fields = given["fields"]
        row = next(row for row in done.rows if isinstance(row, Issue))
        assert (row.key, row.summary, row.category) == (
            given["key"],
            fields["summary"],
            fields["status"]["statusCategory"]["key"],
        )
        assert row.description == (fields.get("description") or "").strip().replace("\x00", "�")
        assert row.assignee == ((fields.get("assignee") or {}).get("key") or "")
        comments = [row.external_id for row in done.rows if isinstance(row, IssueComment)]
        assert comments == [comment["id"] for comment in fields["comment"]["comments"]]
        count += 1
    assert count == issues
    site = json.loads((PAYLOADS / f"jira-tidev/{project}.project.json").read_bytes())
    assert Jira().transform(record("project", site["id"], site), context).rows


def test_real_changelogs(context: MemoryContext) -> None:
    histories: dict[str, list[Any]] = {}
    for line in lines("devlake-jira/jira_api_issue_changelogs.jsonl.gz"):
        histories.setdefault(str(line["input"]["issue_id"]), []).append(line["data"])
    for issue, entries in histories.items():
        done = Jira().transform(record("issue_changelog", issue, entries), context)
        assert len(done.rows) == sum(len(entry["items"]) for entry in entries)
        assert len({row.external_id for row in done.rows}) == len(done.rows)
        assert all(isinstance(row, IssueChange) and row.field for row in done.rows)


@pytest.mark.parametrize(
    ("entity", "name"),
    [
        ("issue_type", "jira_api_issue_types"),
        ("project", "jira_api_projects"),
        ("sprint", "jira_api_sprints"),
        ("status", "jira_api_status"),
    ],
)
def test_real_directories_of_a_cloud_site(context: MemoryContext, entity: str, name: str) -> None:
    found = [line["data"] for line in lines(f"devlake-jira/{name}.jsonl.gz")]
    for given in found:
        own, *names = Jira().transform(record(entity, given["id"], given), context).rows
        assert own.external_id == str(given["id"])
        assert all(isinstance(name, ScopeName) for name in names)
    assert found


@pytest.mark.parametrize(
    ("entity", "name"),
    [
        ("project", "all_projects"),
        ("project", "project"),
        ("status", "all_statuses"),
        ("sprint", "sprints"),
        ("field", "all_fields"),
        ("board", "all_boards"),
        ("issue", "issues_in_sprint"),
    ],
)
def test_real_answers_of_a_server(context: MemoryContext, entity: str, name: str) -> None:
    answer = json.loads((PAYLOADS / f"jira-gojira-mocks/{name}.json").read_bytes())
    listed = answer if isinstance(answer, list) else answer.get("values") or answer.get("issues") or [answer]
    for given in listed:
        done = Jira().transform(record(entity, given["id"], given), context)
        assert all(row.external_id for row in done.rows)
    assert listed


def test_recorded_text_in_every_payload_survives_the_bulk_envelope() -> None:
    from apps.sources.jira.client import IssuesPayload
    from apps.sources.reading import read_json

    with gzip.open(PAYLOADS / "jira-tidev/DAEMON.issues.jsonl.gz") as file:
        payloads = [line.strip() for line in file]
    batch = read_json(b'{"issues":[' + b",".join(payloads) + b"]}", IssuesPayload)
    assert [bytes(item) for item in batch.issues] == payloads
