"""Does a raw record become the right rows over both interfaces, even with missing parts?"""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from apps.sources.base import Children, Deletion, SourceRecord, Transformed
from apps.sources.github import GitHub
from apps.sources.rows import (
    Commit,
    Deployment,
    PullRequest,
    PullRequestComment,
    PullRequestCommit,
    Release,
    Review,
    User,
    WorkflowRun,
)
from tests.unit.sources.github import payloads as github
from tests.unit.sources.github.memory import MemoryContext, tables, without_comment_counts

SCOPE = "acme/shop"


def read(entity: str, payload: Any, external_id: str = "707") -> Transformed:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    with MemoryContext("http://127.0.0.1:1") as context:
        context.records["repository", "5"] = SourceRecord("repository", "5", b"{}", "Acme/Shop")
        return GitHub().transform(SourceRecord(entity, external_id, body, SCOPE), context)


def only(transformed: Transformed, kind: type[msgspec.Struct]) -> Any:
    (row,) = [row for row in transformed.rows if type(row) is kind]
    return row


def test_a_pull_request_with_its_children() -> None:
    found = tables([read("pull_request", github.pull_request())])
    assert {name: len(rows) for name, rows in found.items()} == {
        "user": 2,
        "pull_request": 1,
        "commit": 1,
        "pull_request_commit": 1,
        "review": 1,
        "pull_request_comment": 2,
        "pull_request_issue_link": 4,
    }
    row = found["pull_request"]["707"]
    assert isinstance(row, PullRequest)
    assert (row.repository, row.state, row.author, row.merged_by) == ("5", "merged", "11", "12")
    assert row.merged_at == datetime(2026, 3, 4, 9, 59, 58, tzinfo=UTC)
    assert {(key.split("|")[1], key.split("|")[2]) for key in found["pull_request_issue_link"]} == {
        ("PAY-1", "branch"),
        ("PAY-1", "title"),
        ("PAY-2", "closing"),
        ("PAY-3", "commit"),
    }


def test_rest_and_graphql_give_the_same_rows() -> None:
    one = tables([read("pull_request", github.pull_request())])
    other = tables(
        [
            read("pull_request", github.rest_pull_request()),
            read("pull_request_comments", github.rest_comment(), "707:801"),
            read("pull_request_review_comments", github.rest_note(), "707:851"),
        ]
    )
    ada = one["user"]["11"]
    assert isinstance(ada, User)
    ada.display_name = ""  # REST's lists do not hold it
    assert without_comment_counts(one) == other


def test_a_name_that_rest_does_not_hold_overwrites_nothing() -> None:
    graphql, rest = (
        read("pull_request", github.pull_request()),
        read("pull_request", github.rest_pull_request()),
    )
    assert only(Transformed([r for r in graphql.rows if r.external_id == "11"]), User).display_name == "Ada L."
    assert [row.external_id for row in rest.gap_rows] == ["11"]


def test_a_bot_has_one_login() -> None:
    rows = [
        *read("pull_request", github.pull_request()).rows,
        *read("pull_request", github.rest_pull_request()).rows,
    ]
    assert {row.login for row in rows if isinstance(row, User) and row.account_type == "bot"} == {"dependabot[bot]"}


def test_a_bot_is_recognised_by_its_address_as_the_author_of_a_commit() -> None:
    commit = github.commit(author=None)
    commit["commit"]["author"]["email"] = "12+dependabot[bot]@users.noreply.github.com"
    transformed = read("pull_request", github.pull_request(commits=github.nodes([commit])))
    assert only(transformed, Commit).author == "12"


def test_further_pages_give_the_rows_of_an_embedded_list() -> None:
    commits = [github.commit(f"c{i}", f"PAY-{i + 1} x") for i in range(4)]
    reviews = [github.review(901 + i) for i in range(3)]
    comments = [github.comment(801 + i) for i in range(3)]
    notes = [github.note(851 + i) for i in range(5)]
    whole = github.pull_request(
        commits=github.nodes(commits),
        reviews=github.nodes(reviews),
        comments=github.nodes(comments),
        reviewThreads=github.nodes([github.thread(*notes[:3]), github.thread(*notes[3:])]),
    )
    first = github.pull_request(
        commits=github.nodes(commits[:2], 4, "x"),
        reviews=github.nodes(reviews[:1], 3, "x"),
        comments=github.nodes(comments[:2], 3, "x"),
        reviewThreads=github.nodes([github.thread(notes[0], total=3, cursor="y")], 2, "x"),
    )
    owner = github.identity()
    pages = [
        read("pull_request", first),
        read("pull_request_commits", {**owner, "commits": github.nodes(commits[2:], 4)}, "707:commits:2"),
        read("pull_request_reviews", {**owner, "reviews": github.nodes(reviews[1:], 3)}, "707:reviews:1"),
        read("pull_request_comments", {**owner, "comments": github.nodes(comments[2:], 3)}, "707:comments:2"),
        read(
            "pull_request_review_comments",
            {**owner, "reviewThreads": github.nodes([github.thread(*notes[3:])], 2)},
            "707:reviewThreads:1",
        ),
        read(
            "pull_request_review_comments",
            {"id": "T_1", "pullRequest": owner, "comments": github.nodes(notes[1:3], 3)},
            "707:T_1:1",
        ),
    ]
    expected = tables([read("pull_request", whole)])
    assert tables(pages) == expected
    assert pages[0].complete == []


def test_children_are_complete_only_where_the_whole_list_came() -> None:
    def complete(**changes: Any) -> set[str]:
        return {children.row_type.table for children in read("pull_request", github.pull_request(**changes)).complete}

    everything = {"pull_request_commit", "pull_request_issue_link", "review", "pull_request_comment"}
    assert complete() == everything
    assert complete(reviews=None) == everything - {"review"}
    assert complete(comments=github.nodes([github.comment()], 2, "x")) == everything - {"pull_request_comment"}
    cut = github.nodes([github.thread(github.note(), total=2, cursor="x")])
    assert complete(reviewThreads=cut) == everything - {"pull_request_comment"}
    assert complete(commits=github.nodes([None])) == {"review", "pull_request_comment"}


def test_a_missing_field_is_empty() -> None:
    bare = github.pull_request(
        author=None,
        mergedBy={"__typename": "EnterpriseUserAccount", "login": "corp"},
        mergeCommit=None,
        body=None,
        headRefName="x",
        labels=None,
        assignees=None,
        closedAt=None,
        mergedAt=None,
        state="OPEN",
        commits=github.nodes([{"commit": None}, {"commit": {"oid": "c9"}}, github.commit("c8", "m", None)]),
        reviews=github.nodes([{**github.review(), "body": None, "commit": None, "submittedAt": None}]),
        reviewThreads=github.nodes([{"id": "T_9", "comments": None}]),
        comments=None,
    )
    transformed = read("pull_request", bare)
    row = only(transformed, PullRequest)
    assert (row.author, row.merged_by, row.merge_sha, row.body, row.head_repository) == ("", "", "", "", "")
    assert (only(transformed, Review).author, only(transformed, Review).commit_sha) == ("", "")
    positions = [row.position for row in transformed.rows if isinstance(row, PullRequestCommit)]
    assert positions == [1, 2]


def test_nul_and_half_surrogates_can_be_stored() -> None:
    body = json.dumps(github.pull_request(title="PAY-1 a\x00b")).encode().replace(b'"Nice"', b'"cut \\ud83d off"')
    transformed = read("pull_request", body)
    assert only(transformed, PullRequest).title == "PAY-1 a�b"
    assert [row.body for row in transformed.rows if isinstance(row, PullRequestComment)] == [
        "cut � off",
        "cut � off",
    ]


def test_times_are_in_utc() -> None:
    commit = github.commit()
    commit["commit"]["authoredDate"] = "2026-03-01T08:00:00+02:00"
    transformed = read("pull_request", github.pull_request(commits=github.nodes([commit])))
    (row,) = [row for row in transformed.rows if row.table == "commit"]
    assert isinstance(row, Commit)
    assert row.authored_at == datetime(2026, 3, 1, 6, tzinfo=UTC)
    assert row.authored_at.tzinfo is UTC


def test_a_trial_merge_is_no_merge_commit() -> None:
    record = github.rest_pull_request()
    record["pull_request"] |= {"state": "open", "merged_at": None}
    row = only(read("pull_request", record), PullRequest)
    assert (row.state, row.merge_sha) == ("open", "")


DEPLOYED = {
    "databaseId": 31,
    "commitOid": "c1",
    "environment": "production",
    "createdAt": "2026-03-05T10:00:00Z",
    "ref": {"name": "v1"},
    "repository": {"databaseId": 5},
    "creator": github.BOT,
    "latestStatus": {"state": "INACTIVE", "createdAt": "2026-03-09T10:00:00Z"},
    "statuses": {
        "nodes": [
            {"state": "SUCCESS", "createdAt": "2026-03-05T10:05:00Z"},
            {"state": "INACTIVE", "createdAt": "2026-03-09T10:00:00Z"},
        ]
    },
}
REST_DEPLOYED = {
    "deployment": {
        "id": 31,
        "sha": "c1",
        "ref": "v1",
        "environment": "production",
        "creator": github.REST_BOT,
        "created_at": "2026-03-05T10:00:00Z",
    },
    "statuses": [
        {"state": "inactive", "created_at": "2026-03-09T10:00:00Z"},
        {"state": "success", "created_at": "2026-03-05T10:05:00Z"},
    ],
}


@pytest.mark.parametrize("payload", [DEPLOYED, REST_DEPLOYED])
def test_a_replaced_deployment_keeps_the_time_when_it_finished(payload: Any) -> None:
    assert only(read("deployment", payload, "31"), Deployment) == Deployment(
        external_id="31",
        repository="5",
        sha="c1",
        ref="v1",
        environment="production",
        state="inactive",
        creator="12",
        created_at=datetime(2026, 3, 5, 10, tzinfo=UTC),
        finished_at=datetime(2026, 3, 5, 10, 5, tzinfo=UTC),
    )


def test_a_deployment_without_status_is_pending() -> None:
    bare = {**DEPLOYED, "latestStatus": None, "statuses": None, "ref": None, "creator": None}
    row = only(read("deployment", bare, "31"), Deployment)
    assert (row.state, row.finished_at, row.ref, row.creator) == ("pending", None, "", "")


def test_a_release_and_a_run_belong_to_the_repository_of_their_scope() -> None:
    release = {
        "id": 41,
        "tag_name": "v1",
        "name": None,
        "author": None,
        "published_at": "2026-03-05T10:00:00Z",
    }
    assert only(read("release", release, "41"), Release).repository == "5"
    run = {"id": 42, "created_at": "2026-03-05T10:00:00Z", "conclusion": None, "actor": github.REST_ADA}
    transformed = read("workflow_run", run, "42")
    assert (only(transformed, WorkflowRun).repository, only(transformed, WorkflowRun).conclusion) == ("5", "")
    assert [row.external_id for row in transformed.gap_rows] == ["11"]


def test_a_record_that_cannot_be_read_raises() -> None:
    with pytest.raises(msgspec.ValidationError):
        read("pull_request", {"id": "PR_1"})


def test_comments_of_both_kinds_may_have_the_same_number() -> None:
    both = github.pull_request(comments=github.nodes([github.comment(851)]))
    assert sorted(tables([read("pull_request", both)])["pull_request_comment"]) == ["issue:851", "review:851"]
    one_by_one = tables(
        [
            read("pull_request_comments", github.rest_comment(851), "707:851"),
            read("pull_request_review_comments", github.rest_note(851), "707:851"),
        ]
    )
    assert sorted(one_by_one["pull_request_comment"]) == ["issue:851", "review:851"]


@pytest.mark.parametrize(
    ("entity", "parent"), [("pull_request_comments", "issue:851"), ("pull_request_review_comments", "review:851")]
)
def test_a_deleted_comment_takes_no_other_one_with_it(entity: str, parent: str) -> None:
    complete = GitHub().transform_deletion(Deletion(entity, "707:851", "404")).complete
    assert complete == [Children(PullRequestComment, "external_id", parent)]
