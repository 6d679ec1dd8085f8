"""Does an odd value cost nothing but itself? Every field of every kind of payload gets every odd value in turn.

The payloads are those that the sources read from the sandbox and, where their folder is beside the repository, the
recorded ones of real sites. To try more, raise SAMPLES and MORE_VALUES, or change SEED.
"""

import json
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import cycle
from typing import Any

import msgspec
import pytest

from apps.sources.base import Connection, Source, SourceRecord, Transformed
from apps.sources.github import GitHub
from apps.sources.github.entities import COMMENT_KINDS
from apps.sources.github.transform.records import TRANSFORMERS as OF_GITHUB
from apps.sources.http import Http
from apps.sources.jira import Jira
from apps.sources.jira.transform import TRANSFORMERS as OF_JIRA
from apps.sources.rows import Row
from apps.sources.text import in_pieces
from tests.contract import test_github_recordings as github
from tests.contract import test_jira_payloads as jira
from tests.odd_values import FIRST, ODD_VALUES, Place, is_nothing, is_of_the_same_type, is_shown, places
from tests.unit.sources.github.payloads import rest_comment, rest_note, rest_pull_request
from tests.unit.sources.jira.samples import history
from tests.unit.sources.memory import MemoryContext
from tests.unit.sources.sandbox import pulled, running

SEED = 1
SAMPLES = 1  # payloads for each path
MORE_VALUES = 4  # odd values for each path that is read, besides the first ones; 14 are all
# What a record of each kind cannot be without. Without it a record is set aside; nothing else sets a record aside.
PAGE = r"fullDatabaseId|pullRequest(\.fullDatabaseId)?|id"
IDENTITIES = {
    "issue": r"fields",
    "project": r"key",
    "sprint": r"id",
    "user": r"accountId|key|name",
    "repository": r"id|full_name",
    "former_name": r"id|full_name",
    "release": r"id",
    "deployment": r"databaseId|deployment(\.id)?",
    "workflow_run": r"id",
    "pull_request": r"fullDatabaseId|number|pull_request(\.(id|number))?",
    "pull_request_commits": PAGE,
    "pull_request_reviews": PAGE,
    "pull_request_comments": PAGE,
    "pull_request_review_comments": PAGE,
}
STATUSES = [{"state": state, "created_at": "2026-03-01T10:00:00Z"} for state in ("inactive", "success")]
REST = rest_pull_request()
needs_recordings = pytest.mark.skipif(
    not jira.PAYLOADS.is_dir(), reason="the folder with recorded payloads is not here"
)

Rows = dict[tuple[str, str], Row]
Cell = tuple[str, str, str]  # table, external id, column


class Trial:
    """A place of a record: the rows of the record as it came, without the value, and without the value's element."""

    def __init__(self, source: Source, context: MemoryContext, record: SourceRecord, place: Place) -> None:
        self.source, self.context, self.record, self.place = source, context, record, place
        self.before = self.transformed(record.payload)
        self.rows = rows_of(self.before)
        self.absent = self.rows_of(place.rich_text.without())
        self.siblings = self.rows_of(place.rich_text.without_element()) if "[]" in place.path else {}

    def transformed(self, payload: bytes) -> Transformed:
        return self.source.transform(msgspec.structs.replace(self.record, payload=payload), self.context)

    def rows_of(self, payload: bytes) -> Rows:
        """The rows of a payload; none if it is set aside."""
        try:
            return rows_of(self.transformed(payload))
        except Exception:
            return {}

    def faults(self, names: Iterable[str]) -> Iterator[str]:
        """What any of these odd values costs besides itself. For a value that is not read the first ones are enough."""
        if self.absent and self.lost(self.absent, self.siblings):
            yield "a sibling is lost if it is absent"
        is_read = False
        for name, payload in self.place.with_each(names):
            if name not in FIRST and not is_read:
                return
            try:
                done = self.transformed(payload)
            except Exception as error:
                is_read = True
                if not re.fullmatch(IDENTITIES.get(self.record.entity, "!"), self.place.path):
                    yield f"{name}: the record is set aside: {error!r}"
                continue
            rows = rows_of(done)
            is_read = is_read or rows != self.rows or done.odd_values != self.before.odd_values
            yield from (f"{name}: {fault}" for fault in self.faults_of(name, done, rows))

    def faults_of(self, name: str, done: Transformed, rows: Rows) -> Iterator[str]:
        is_told = len(done.odd_values) > len(self.before.odd_values)
        lost = self.lost(rows, self.absent if is_told else self.siblings)
        if lost := [cell for cell in lost if not (may_stand(name, rows, cell))]:
            yield f"other values are lost: {lost[:3]}"
        if is_told and (buried := self.buried(rows, done)):
            yield f"rows are deleted: {buried}"
        changed = differences(self.rows, rows)
        may_be_silent = (
            is_nothing(name)
            or is_of_the_same_type(name, self.place.value)
            or is_shown(name, (value_of(rows, cell) for cell in changed))
        )
        if changed and not is_told and not may_be_silent:
            yield f"it is lost silently: {changed[:3]}"

    def lost(self, rows: Rows, witness: Rows) -> list[Cell]:
        """The values that the record and the ``witness`` agree on, and ``rows`` do not have.

        Several objects may name one account; its row has the values of one of them.
        """
        return [
            cell
            for cell in differences(self.rows, rows)
            if cell[:2] in self.rows and cell[:2] in witness
            if value_of(witness, cell) == value_of(self.rows, cell)
            if cell[0] != "user" or cell[:2] not in rows
        ]

    def buried(self, rows: Rows, done: Transformed) -> list[tuple[str, str]]:
        """The lost rows that the record says do not exist any more."""
        return [
            key
            for key in self.rows.keys() - rows.keys()
            for children in done.complete
            if isinstance(row := self.rows[key], children.row_type)
            if getattr(row, children.field) == children.parent
        ]


def rows_of(done: Transformed) -> Rows:
    """The rows of a record. A gap row counts if there is no other row."""
    return {(row.table, row.external_id): row for row in (*done.gap_rows, *done.rows)}


def differences(some: Rows, others: Rows) -> list[Cell]:
    """The cells that differ."""
    keys = [key for key in some.keys() | others.keys() if some.get(key) != others.get(key)]
    cells = [(*key, name) for key in keys for name in (some.get(key) or others[key]).__struct_fields__]
    return [cell for cell in cells if value_of(some, cell) != value_of(others, cell)]


def value_of(rows: Rows, cell: Cell) -> Any:
    """The value of a cell; a row that is not there has no values."""
    row = rows.get(cell[:2])
    return row and getattr(row, cell[2])


def may_stand(name: str, rows: Rows, cell: Cell) -> bool:
    """Whether a cell has the odd value itself."""
    value = value_of(rows, cell)
    return cell[:2] in rows and ((is_nothing(name) and not value) or is_shown(name, [value]))


def faults(source: Source, context: MemoryContext, records: list[SourceRecord]) -> list[str]:
    """All faults of records of one kind."""
    payloads = {id(payload): (payload, record) for record in records for payload in [json.loads(record.payload)]}
    chosen = places((payload for payload, _ in payloads.values()), SEED, SAMPLES)
    assert chosen
    chance = random.Random(SEED)
    return [
        f"{place.path}, {fault}"
        for place in chosen
        for fault in Trial(source, context, payloads[id(place.payload)][1], place).faults(some_values(chance))
    ]


def some_values(chance: random.Random) -> list[str]:
    """The first odd values, and some of the others."""
    return [*FIRST, *chance.sample(sorted(ODD_VALUES.keys() - FIRST), MORE_VALUES)]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[dict[str, MemoryContext]]:
    """Everything that the sources read from the sandbox."""
    with running() as url:
        yield {
            "jira": pulled(Jira(), f"{url}/jira", "ada@example.org")[0],
            "github": pulled(GitHub(), f"{url}/github")[0],
        }


@pytest.mark.parametrize("entity", OF_JIRA)
def test_jira_of_the_sandbox(sandbox: Mapping[str, MemoryContext], entity: str) -> None:
    context = sandbox["jira"]
    assert faults(Jira(), context, list(context.current(entity))) == []


@pytest.mark.parametrize("entity", OF_GITHUB)
def test_github_of_the_sandbox(sandbox: Mapping[str, MemoryContext], entity: str) -> None:
    context = sandbox["github"]
    records = list(context.current("repository" if entity == "former_name" else entity))
    assert faults(GitHub(), context, [msgspec.structs.replace(record, entity=entity) for record in records]) == []


MADE_UP = {
    "pull_request": [
        {
            "pull_request": REST["pull_request"],
            "commits": [REST["commits"][0] | {"sha": sha} for sha in ("c1", "c2")],
            "reviews": [REST["reviews"][0] | {"id": number} for number in (901, 902)],
        }
    ],
    "pull_request_comments": [rest_comment()],
    "pull_request_review_comments": [rest_note()],
    "deployment": [{"deployment": {"id": 1, "sha": "c1", "ref": "main", "environment": "live"}, "statuses": STATUSES}],
}


def test_a_changelog_of_a_moved_issue() -> None:
    moves = [{"field": "Key", "fromString": f"OLD-{number}", "toString": "PAY-1"} for number in (1, 2)]
    assert recorded_faults(Jira(), "issue_changelog", [[history(1, *moves), history(2, *moves[:1])]]) == []


@pytest.mark.parametrize("entity", MADE_UP)
def test_github_over_rest(entity: str) -> None:
    assert recorded_faults(GitHub(), entity, MADE_UP[entity]) == []


@needs_recordings
@pytest.mark.parametrize(
    "entity", ["issue", "issue_comments", "issue_changelog", "project", "issue_type", "status", "sprint"]
)
def test_recordings_of_jira(entity: str) -> None:
    assert recorded_faults(Jira(), entity, recorded_by_jira()[entity]) == []


@needs_recordings
@pytest.mark.parametrize("entity", [*MADE_UP, "repository", "release", "workflow_run"])
def test_recordings_of_github(entity: str) -> None:
    assert recorded_faults(GitHub(), entity, recorded_by_github()[entity]) == []


def recorded_faults(source: Source, entity: str, payloads: Iterable[Any]) -> list[str]:
    """All faults of payloads of one kind, in a site with one repository."""
    repository = SourceRecord("repository", "5", b"{}", github.SCOPE)
    with Http("http://127.0.0.1:1") as http:
        context = MemoryContext(Connection("http://127.0.0.1:1"), http, stored={("repository", "5"): repository})
        return faults(source, context, [record_of(entity, payload) for payload in payloads])


def record_of(entity: str, payload: Any) -> SourceRecord:
    """The payload as the extraction stores it."""
    own = payload.get(entity, payload) if isinstance(payload, dict) else {}
    name = str(own.get("id", 1))
    name = f"1:{name}" if entity in COMMENT_KINDS else name
    return SourceRecord(entity, name, json.dumps(payload).encode(), github.SCOPE)


@cache
def recorded_by_jira() -> dict[str, list[Any]]:
    """The recorded payloads of Jira sites; comments and entries of changelogs by threes."""
    found = {
        name: [line["data"] for line in jira.lines(f"devlake-jira/jira_api_{file}.jsonl.gz")]
        for name, file in {
            "project": "projects", "issue_type": "issue_types", "status": "status", "sprint": "sprints",
            "issue_changelog": "issue_changelogs",
        }.items()
    }  # fmt: skip
    issues = [*jira.lines("jira-tidev/DAEMON.issues.jsonl.gz"), *jira.lines("jira-tidev/MOD.issues.jsonl.gz")]
    comments = [comment for issue in issues for comment in issue["fields"]["comment"]["comments"]]
    return found | {
        "issue": issues,
        "issue_comments": list(in_pieces(comments, 3)),
        "issue_changelog": list(in_pieces(found["issue_changelog"], 3)),
    }


def by_threes(items: Iterable[Any], name: str) -> Iterator[Sequence[Any]]:
    """The items, each once, three at a time, for ever."""
    return cycle(in_pieces(list({item[name]: item for item in items}.values()), 3))


@cache
def recorded_by_github() -> dict[str, list[Any]]:
    """The recorded payloads of GitHub; each pull request has three of the commits and reviews."""
    found = dict[str, list[Any]]()
    for name in ("hub4j", "github3py", "octokit"):
        for entity, item in github.recorded(name):
            found.setdefault(entity, []).append(item)
    for name, entity in github.DEVLAKE.items():
        found[entity] += [line["data"] for line in github.lines(github.PAYLOADS / f"devlake-github/{name}.jsonl.gz")]
    commits, reviews = by_threes(found["commit"], "sha"), by_threes(found["review"], "id")
    return found | {
        "pull_request": [
            {"pull_request": item, "commits": next(commits), "reviews": next(reviews)} for item in found["pull_request"]
        ],
        "deployment": [{"deployment": item, "statuses": STATUSES} for item in found["deployment"]],
    }
