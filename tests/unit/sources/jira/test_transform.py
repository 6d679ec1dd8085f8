"""Does every kind of Jira record become the right rows, even in an unusual shape?"""

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from apps.sources.base import Children, Transformed
from apps.sources.jira import Jira
from apps.sources.rows import (
    Issue,
    IssueChange,
    IssueComment,
    IssueKey,
    IssueLink,
    Project,
    ProjectStatus,
    PullRequestIssueLink,
    Row,
    ScopeName,
    Sprint,
    Status,
    User,
    WorkItemType,
)
from tests.unit.sources.jira.samples import ADA, BOB, comment, history, issue, record
from tests.unit.sources.memory import MemoryContext, load

STAMP = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def transform(context: MemoryContext, entity: str, external_id: str, payload: Any) -> Transformed:
    return Jira().transform(record(entity, external_id, payload), context)


def only(rows: list[Row], kind: type[Row]) -> list[Any]:
    return [row for row in rows if isinstance(row, kind)]


def test_a_whole_issue(context: MemoryContext) -> None:
    document = {"type": "doc", "content": [{"type": "paragraph", "content": [{"type": "text", "text": "Why"}]}]}
    given = issue(
        1,
        description=document,
        priority={"id": "2", "name": "High"},
        resolution={"id": "1", "name": "Fixed"},
        resolutiondate="2026-02-01T00:00:00.000+0000",
        duedate="2026-03-01",
        assignee=ADA,
        reporter=BOB,
        creator=ADA,
        parent={"id": "99", "key": "PAY-99"},
        labels=["a", "b"],
        components=[{"id": "5", "name": "API"}],
        customfield_1=[{"id": 12, "name": "Sprint 12", "state": "active", "boardId": 3}],
        customfield_2=5.0,
    )
    done = transform(context, "issue", "1", given)
    assert only(done.rows, Issue) == [
        Issue(
            external_id="1",
            key="PAY-1",
            project="100",
            work_item_type="7",
            status="3",
            category="indeterminate",
            summary="Issue 1",
            description="Why",
            priority="High",
            resolution="Fixed",
            assignee="ada",
            reporter="bob",
            creator="ada",
            parent="99",
            story_points=5.0,
            labels=["a", "b"],
            components=["API"],
            sprints=["12"],
            comment_count=0,
            due_on=date(2026, 3, 1),
            created_at=datetime(2026, 1, 1, 7, tzinfo=UTC),
            updated_at=datetime(2026, 2, 1, 15, tzinfo=UTC),
            resolved_at=datetime(2026, 2, 1, tzinfo=UTC),
        )
    ]
    assert [user.external_id for user in only(done.gap_rows, User)] == ["ada", "bob"]
    assert only(done.gap_rows, Sprint) == [Sprint(external_id="12", name="Sprint 12", state="active", board="3")]
    assert only(done.gap_rows, Status) == [Status(external_id="3", name="In Progress", category="indeterminate")]
    assert only(done.gap_rows, WorkItemType) == [WorkItemType(external_id="7", name="Bug")]


def test_a_bare_issue_of_nulls(context: MemoryContext) -> None:
    given = issue(1)
    must = {"created", "updated", "project", "issuetype", "status"}
    rest = ["description", "priority", "resolution", "assignee", "parent", "labels", "components", "duedate"]
    rest += ["customfield_1", "customfield_2", "customfield_4", *(name for name in given["fields"] if name not in must)]
    given["fields"] |= dict.fromkeys(rest)
    done = transform(context, "issue", "1", given)
    assert [row.table for row in done.rows] == ["issue"]
    assert done.complete == [], "what is not shown is not known to be gone"


@pytest.mark.parametrize(
    ("fields", "points"),
    [
        ({"customfield_2": None, "customfield_3": 8}, 8.0),
        ({"customfield_2": "3", "customfield_3": 8}, 3.0),
        ({"customfield_2": 0}, 0.0),
        ({"customfield_2": "many", "customfield_6": 7}, None),
    ],
)
def test_story_points_of_both_kinds_of_project(context: MemoryContext, fields: Any, points: float | None) -> None:
    assert only(transform(context, "issue", "1", issue(1, **fields)).rows, Issue)[0].story_points == points


def test_sprints_written_by_old_servers(context: MemoryContext) -> None:
    old = "com.atlassian.greenhopper.service.sprint.Sprint@1f[id=37,rapidViewId=1,state=CLOSED,name=S 37]"
    done = transform(context, "issue", "1", issue(1, customfield_1=[old]))
    assert only(done.rows, Issue)[0].sprints == ["37"]


def test_the_old_epic_link_is_only_used_without_a_parent(context: MemoryContext) -> None:
    both = issue(1, customfield_4="PAY-9", parent={"id": "9"})
    assert only(transform(context, "issue", "1", both).rows, Issue)[0].parent == "9"
    assert only(transform(context, "issue", "1", issue(1, customfield_4="PAY-9")).rows, Issue)[0].parent == "PAY-9"


def test_a_link_is_the_same_row_from_both_ends(context: MemoryContext) -> None:
    kind = {"name": "Blocks", "inward": "is blocked by", "outward": "blocks"}
    outward = issue(1, issuelinks=[{"id": "50", "type": kind, "outwardIssue": {"id": "2", "key": "PAY-2"}}])
    inward = issue(2, issuelinks=[{"id": "50", "type": kind, "inwardIssue": {"id": "1", "key": "PAY-1"}}])
    rows = [only(transform(context, "issue", given["id"], given).rows, IssueLink) for given in (outward, inward)]
    assert rows[0] == rows[1] == [IssueLink(external_id="50", issue="1", target="2", name="blocks")]


def test_comments_are_complete_only_when_all_are_embedded(context: MemoryContext) -> None:
    whole = issue(1, comment={"comments": [comment(1)], "total": 1})
    part = issue(1, comment={"comments": [comment(1)], "total": 2})
    known = Children(IssueComment, "issue", "1")
    assert known in transform(context, "issue", "1", whole).complete
    assert known not in transform(context, "issue", "1", part).complete
    rest = transform(context, "issue_comments", "1", [comment(1), comment(2)])
    assert [row.external_id for row in rest.rows] == ["1", "2"]
    assert rest.complete == [known]


def test_a_comment_without_author_or_with_an_odd_body(context: MemoryContext) -> None:
    lost = {**comment(1), "author": None, "body": None}
    nameless = {**comment(2, "NUL \x00"), "author": {"accountId": "", "displayName": "Former user"}}
    done = transform(context, "issue_comments", "9", [lost, nameless])
    assert done.rows == [
        IssueComment(external_id="1", issue="9", body="", created_at=STAMP, updated_at=STAMP),
        IssueComment(external_id="2", issue="9", body="NUL �", created_at=STAMP, updated_at=STAMP),
    ]
    assert done.gap_rows == []


def test_every_item_of_a_changelog(context: MemoryContext) -> None:
    status = {"field": "status", "fieldId": "status", "from": "1", "fromString": "Open", "to": "3", "toString": "Doing"}
    parent = {"field": "IssueParentAssociation", "from": None, "fromString": None, "to": "9", "toString": "PAY-9"}
    done = transform(
        context,
        "issue_changelog",
        "1",
        [history(10, status, parent), history(11, {"field": "labels"}, author=None, created=1492070429000)],
    )
    assert [(row.external_id, row.field, row.author) for row in only(done.rows, IssueChange)] == [
        ("10:0", "status", "ada"),
        ("10:1", "IssueParentAssociation", "ada"),
        ("11:0", "labels", ""),
    ]
    first, last = only(done.rows, IssueChange)[0], only(done.rows, IssueChange)[-1]
    assert (first.from_value, first.from_text, first.to_value, first.to_text) == ("1", "Open", "3", "Doing")
    assert last.changed_at == datetime(2017, 4, 13, 8, 0, 29, tzinfo=UTC)
    assert done.complete == [Children(IssueChange, "issue", "1"), Children(IssueKey, "issue", "1")]


def test_an_empty_changelog_removes_what_was_known(context: MemoryContext) -> None:
    done = transform(context, "issue_changelog", "1", [])
    assert done.rows == []
    assert done.complete == [Children(IssueChange, "issue", "1"), Children(IssueKey, "issue", "1")]


@pytest.mark.parametrize(
    ("entity", "payload"),
    [
        ("issue", {"id": "1"}),
        ("issue", {"id": "1", "fields": "all"}),
        ("issue", []),
        ("issue_changelog", {}),
        ("project", {"id": "100", "key": None}),
        ("user", {"accountId": None}),
    ],
)
def test_a_record_that_cannot_be_read_is_set_aside(context: MemoryContext, entity: str, payload: Any) -> None:
    with pytest.raises((msgspec.DecodeError, ValueError)):
        transform(context, entity, "1", payload)


def test_half_surrogates_and_nul_in_an_issue(context: MemoryContext) -> None:
    given = record("issue", "1", issue(1, summary="MARK"))
    given.payload = given.payload.replace(b"MARK", rb"a\ud83d \u0000 z")
    done = Jira().transform(given, context)
    assert only(done.rows, Issue)[0].summary == "a� � z"


def test_site_records(context: MemoryContext) -> None:
    scope = {"type": "PROJECT", "project": {"id": "100"}}
    project = {"id": "100", "key": "PAY", "name": "Pay", "style": "next-gen", "projectTypeKey": "software", "lead": ADA,
               "issueTypes": [{"id": "7", "name": "Bug"}], "projectKeys": ["OLD", "PAY"]}  # fmt: skip
    done = transform(context, "project", "100", project)
    row = Project(external_id="100", key="PAY", name="Pay", project_type="software", style="next-gen", lead="ada")
    names = [ScopeName(external_id=f"100:{key}", scope="100", name=key) for key in ("PAY", "OLD")]
    assert done.rows == [row, *names]
    assert {gap.table for gap in done.gap_rows} == {"user", "work_item_type"}
    subtask = {"id": "8", "name": "Sub", "subtask": True, "scope": scope}
    expected = WorkItemType(external_id="8", name="Sub", is_subtask=True, hierarchy_level=-1, project="100")
    assert transform(context, "issue_type", "8", subtask).rows == [expected]
    status = {"id": "3", "name": "Fertig", "statusCategory": {"key": "done", "name": "Erledigt"}, "scope": scope}
    known = Status(external_id="3", name="Fertig", category="done", project="100")
    assert transform(context, "status", "3", status).rows == [known]
    user = {**BOB, "emailAddress": None, "active": False}
    bob = User(external_id="bob", display_name="Bob", account_type="app", is_active=False)
    assert transform(context, "user", "bob", user).rows == [bob]
    sprint = {"id": 5, "name": "S", "state": "CLOSED", "originBoardId": 2, "startDate": "2026-01-02T03:04:05.000Z"}
    row5 = Sprint(external_id="5", name="S", state="closed", board="2", starts_at=STAMP)
    assert transform(context, "sprint", "5", sprint).rows == [row5]
    uses = transform(context, "project_statuses", "100", [{"id": "7", "statuses": [{"id": "3"}, {"id": "3"}]}])
    pair = ProjectStatus(external_id="100:7:3", project="100", work_item_type="7", status="3")
    assert uses.rows == [pair]
    assert uses.complete == [Children(ProjectStatus, "project", "100")]
    assert transform(context, "field", "summary", {"id": "summary"}) == Transformed()


def test_the_development_panel_names_a_pull_request_once(context: MemoryContext) -> None:
    pull = {"id": "#15", "name": "Fix", "url": "https://github.com/o/r/pull/15", "status": "MERGED", "author": None}
    detail = {"errors": [], "detail": [{"pullRequests": [pull], "_instance": {}}, {"pullRequests": []}]}
    done = transform(context, "dev_status", "1", {"summary": {}, "details": [detail, detail, {"detail": []}]})
    assert done.rows == [
        PullRequestIssueLink(
            external_id="https://github.com/o/r/pull/15|1|dev_panel",
            pull_request_url="https://github.com/o/r/pull/15",
            issue="1",
            evidence="dev_panel",
            excerpt="Fix",
        )
    ]
    assert done.complete == [Children(PullRequestIssueLink, "issue", "1")]


@pytest.mark.parametrize("hole", [None, {"detail": None}, {"detail": [{"branches": []}]}, {"detail": [5]}])
def test_a_hole_in_a_development_panel_removes_no_link(context: MemoryContext, hole: Any) -> None:
    assert transform(context, "dev_status", "1", {"details": [{"detail": []}, hole]}).complete == []


def test_loading_twice_changes_nothing(context: MemoryContext) -> None:
    context.store(
        [record("issue", "1", issue(1, assignee=ADA)), record("issue_changelog", "1", [history(1, {"field": "x"})])]
    )
    assert load(Jira(), context) == load(Jira(), context)
