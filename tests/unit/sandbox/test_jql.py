"""Does the JQL parser answer what extractors send, and refuse the rest in Jira's words?"""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from apps.sandbox.config import Options
from apps.sandbox.data.catalogue import PROJECTS
from apps.sandbox.data.issues import SampleIssue
from apps.sandbox.data.world import World
from apps.sandbox.jira.jql import UNBOUNDED, JqlError, JqlParser

WORLD = World(Options(issues=150, prs=20, seed=3))
ISSUES = list(WORLD.site.by_id.values())


def select(jql: str) -> list[SampleIssue]:
    parser = JqlParser(lambda value: value if value in {p.key for p in PROJECTS} else None, WORLD.site.find)
    return parser.parse(jql).select(ISSUES)


@pytest.mark.parametrize(
    ("jql", "expected"),
    [
        ("project = PAY", lambda i: i.project.key == "PAY"),
        ('project in ("PAY", CHK)', lambda i: i.project.key in ("PAY", "CHK")),
        ("id >= 10050 AND id < 10060", lambda i: 10050 <= i.id < 10060),
        (f"key in ({ISSUES[3].key}, {ISSUES[8].key})", lambda i: i.key in (ISSUES[3].key, ISSUES[8].key)),
        (f"(project = PAY) and updated >= {ISSUES[70].updated}",
         lambda i: i.project.key == "PAY" and i.updated >= ISSUES[70].updated),
        ('created < "2026-01-15 09:00"', lambda i: i.created < datetime(2026, 1, 15, 8, tzinfo=UTC).timestamp() * 1000),
        ("updated > -3000d", lambda i: True),
        ("updated > -1m", lambda i: False),
    ],
)  # fmt: skip
def test_a_query_selects_exactly_the_matching_issues(jql: str, expected: Callable[[SampleIssue], bool]) -> None:
    assert {i.key for i in select(jql)} == {i.key for i in ISSUES if expected(i)}


def test_order_by_sorts_by_every_field_and_direction() -> None:
    found = select("project in (PAY, CHK) ORDER BY project DESC, updated ASC")
    assert found == sorted(sorted(found, key=lambda i: i.updated), key=lambda i: i.project.name, reverse=True)


def test_without_order_the_newest_come_first() -> None:
    assert [i.id for i in select("project = PAY")] == sorted((i.id for i in select("project = PAY")), reverse=True)


@pytest.mark.parametrize(
    ("jql", "message"),
    [
        ("", UNBOUNDED),
        ("ORDER BY created", UNBOUNDED),
        ("project = NOPE", "The value 'NOPE' does not exist for the field 'project'."),
        ("project = PAY OR project = CHK", "Expecting either 'OR' or 'AND' but got 'OR'"),
        ("colour = red", "Field 'colour' does not exist"),
        ("updated >= yesterday", "Date value 'yesterday'"),
        ("updated ~ 5", "The operator '~' is not supported"),
        ("project in (PAY", "Expecting a value, list or function but got end of query"),
        ("project", "Expecting a value, list or function but got end of query"),
        ("project = PAY ORDER BY colour", "Not able to sort using field 'colour'"),
        ("project = PAY ORDER BY id,key,created,updated,summary,project,issuekey,id", "maximum number of fields"),
        ("id = 99999999", "An issue with key '99999999' does not exist"),
    ],
)
def test_a_query_that_jira_refuses_is_refused(jql: str, message: str) -> None:
    with pytest.raises(JqlError) as refusal:
        select(jql)
    assert message in str(refusal.value)
