"""Does the view of documents show every live text, with the fields that a search filters by?"""

import re
from hashlib import md5
from typing import Any

import pytest
from django.db import connection

from apps.integrations.models import Integration
from apps.sources import rows
from apps.sources.base import Transformed
from apps.warehouse.loader import refresh_statistics
from apps.warehouse.models import Document, Issue, IssueComment, PullRequest
from tests.services.warehouse.conftest import NOON, issue, load_into, pull_request

NOON_TEXT = "2026-03-01T12:00:00.000Z"
ADA = rows.User(external_id="u1", display_name="Ada", login="ada")
BOB = rows.User(external_id="u2", login="bob")


def documents(integration: Integration) -> dict[str, Document]:
    found = Document.objects.for_tenant(integration.tenant_id).filter(integration=integration)
    return {f"{document.kind} {document.external_id}": document for document in found}


def test_an_issue_and_its_comment_are_documents(jira: Integration) -> None:
    comment = rows.IssueComment(external_id="7", issue="10001", author="u2", body="Seen too", created_at=NOON)
    load_into(
        jira,
        Transformed(
            rows=[
                ADA,
                BOB,
                rows.Project(external_id="10", key="ABC", name="Shop"),
                rows.Status(external_id="5", name="In Review"),
                issue(summary="Log-in fails", description="Since Monday.", reporter="u1", assignee="u2"),
                comment,
            ]
        ),
    )
    found = documents(jira)
    assert set(found) == {"issue 10001", "issue_comment 7"}
    document = found["issue 10001"]
    assert document.text == "Log-in fails\n\nSince Monday."
    assert document.text_hash == md5(document.text.encode()).hexdigest()
    assert document.row_id == Issue.across_tenants.get().pk
    shared = {"scope": "ABC", "key": "ABC-10001", "status": "In Review"}
    times = {"created_at": NOON_TEXT, "updated_at": NOON_TEXT}
    assert document.payload == {**shared, **times, "author": "Ada", "assignees": ["bob"]}
    remark = found["issue_comment 7"]
    assert remark.text == "Seen too"
    assert remark.payload == {**shared, **times, "author": "bob", "assignees": []}


def test_a_pull_request_its_review_and_comment_are_documents(github: Integration) -> None:
    load_into(
        github,
        Transformed(
            rows=[
                ADA,
                BOB,
                rows.Repository(external_id="70", full_name="acme/shop", name="shop", owner="acme"),
                pull_request(body="Adds cards.", author="u1", assignees=["u2", "u1", "unknown"]),
                rows.Review(
                    external_id="8",
                    pull_request="500",
                    author="u2",
                    state="approved",
                    body="Fine",
                    submitted_at=NOON,
                ),
                rows.PullRequestComment(
                    external_id="9", kind="review", pull_request="500", body="Why?", created_at=NOON
                ),
            ]
        ),
    )
    found = documents(github)
    assert {name: document.text for name, document in found.items()} == {
        "pull_request 500": "Pay by card\n\nAdds cards.",
        "review 8": "Fine",
        "pull_request_comment 9": "Why?",
    }
    payload = found["pull_request 500"].payload
    assert (payload["author"], payload["assignees"]) == ("Ada", ["Ada", "bob"])
    assert {document.payload["scope"] for document in found.values()} == {"acme/shop"}
    assert {document.payload["key"] for document in found.values()} == {"acme/shop#12"}
    assert found["review 8"].payload["status"] == "approved"
    assert found["pull_request_comment 9"].payload["status"] == "open"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"summary": "Only a title", "description": ""}, "Only a title"),
        ({"summary": "", "description": "Only a body"}, "Only a body"),
        ({"summary": " ", "description": "\n\t"}, None),
    ],
)
def test_blank_parts_and_blank_texts_are_left_out(jira: Integration, values: dict[str, Any], text: str | None) -> None:
    load_into(jira, Transformed(rows=[issue(**values)]))
    assert [document.text for document in documents(jira).values()] == ([text] if text else [])


def test_a_deleted_row_is_no_document(jira: Integration) -> None:
    comment = rows.IssueComment(external_id="7", issue="10001", body="Hello", created_at=NOON)
    load_into(jira, Transformed(rows=[issue(), comment]))
    Issue.across_tenants.update(deleted_at=NOON)
    assert documents(jira) == {}
    Issue.across_tenants.update(deleted_at=None)
    IssueComment.across_tenants.update(deleted_at=NOON)
    assert set(documents(jira)) == {"issue 10001"}


def test_a_comment_may_be_loaded_before_its_parent(jira: Integration) -> None:
    comment = rows.IssueComment(external_id="7", issue="10001", body="Hello", created_at=NOON)
    load_into(jira, Transformed(rows=[comment]))
    assert documents(jira)["issue_comment 7"].payload["key"] is None


def test_other_integrations_and_tenants_stay_apart(jira: Integration, github: Integration) -> None:
    load_into(jira, Transformed(rows=[issue()]))
    load_into(github, Transformed(rows=[ADA, rows.Project(external_id="10", key="XYZ", name="Other")]))
    assert documents(jira)["issue 10001"].payload["scope"] is None
    assert documents(github) == {}


def test_the_time_zone_of_the_session_changes_no_payload(jira: Integration) -> None:
    load_into(jira, Transformed(rows=[issue()]))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL TIME ZONE 'Asia/Tokyo'")
    assert documents(jira)["issue 10001"].payload["created_at"] == NOON_TEXT


def index_lookups(**filters: Any) -> list[str]:
    """The tables of documents that a query reads through an index, where it can."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = Document.across_tenants.filter(**filters).explain()
    tables = "issue|issuecomment|pullrequest|review|pullrequestcomment"
    return re.findall(rf"on warehouse_({tables}) \w+ .*\n[ ]*(?:Recheck|Index) Cond: ", plan)


def every_kind(number: int) -> list[rows.Row]:
    """A row of every table that holds texts."""
    external_id = str(number)
    return [
        issue(external_id),
        rows.IssueComment(external_id=external_id, issue=external_id, created_at=NOON),
        pull_request(external_id),
        rows.Review(external_id=external_id, pull_request=external_id, state="approved"),
        rows.PullRequestComment(external_id=external_id, pull_request=external_id, kind="review", created_at=NOON),
    ]


def test_filters_reach_the_indexes_of_the_tables(jira: Integration, github: Integration) -> None:
    # Two integrations and fresh statistics, so that the plan depends on nothing that PostgreSQL does by itself.
    for integration in (jira, github):
        load_into(integration, Transformed(rows=[row for number in range(200) for row in every_kind(number)]))
    refresh_statistics()
    some = list(Issue.across_tenants.values_list("pk", flat=True)[:5])
    assert index_lookups(kind="issue", row_id__in=some) == ["issue"]
    assert set(index_lookups(integration=jira)) == {
        "issue",
        "issuecomment",
        "pullrequest",
        "review",
        "pullrequestcomment",
    }


def test_a_deleted_pull_request_hides_its_comments(github: Integration) -> None:
    review = rows.Review(external_id="8", pull_request="500", state="approved", body="Fine")
    load_into(github, Transformed(rows=[pull_request(), review]))
    PullRequest.across_tenants.update(deleted_at=NOON)
    assert documents(github) == {}
