"""Does a large pull request report deleted children only after all its pages are stored?"""

import json
from typing import Any

import pytest

from apps.sources.base import Children, SourceRecord
from apps.sources.github.transform.records import transform
from apps.sources.rows import PullRequestComment, PullRequestCommit, PullRequestIssueLink, Review
from tests.unit.sources.github import payloads as github
from tests.unit.sources.github.memory import MemoryContext

LISTS = {PullRequestCommit, PullRequestIssueLink, Review, PullRequestComment}
STATE = {"headRefOid": "c9", "totalCommentsCount": 3}


def record(entity: str, name: str, payload: dict[str, Any]) -> SourceRecord:
    return SourceRecord(entity, name, json.dumps(payload).encode(), "acme/shop")


@pytest.fixture
def context() -> MemoryContext:
    """A pull request whose commits and whose one review thread have a further page."""
    threads = github.nodes([github.thread(github.note(851), total=2, cursor="t")])
    commits = github.nodes([github.commit("c1")], 2, "k")
    pull = github.pull_request(commits=commits, reviewThreads=threads) | STATE
    page = {**github.identity(), **STATE, "commits": github.nodes([github.commit("c2", "PAY-9")], 2)}
    thread = {"id": "T_1", "pullRequest": github.identity() | STATE, "comments": github.nodes([github.note(852)], 2)}
    records = [
        record("pull_request", "707", pull),
        record("pull_request_commits", "707:commits:1", page),
        record("pull_request_review_comments", "707:T_1:1", thread),
    ]
    return MemoryContext("http://127.0.0.1", records={(each.entity, each.external_id): each for each in records})


def parents(found: list[Children]) -> set[type]:
    return {children.row_type for children in found}


def test_the_pull_request_alone_completes_no_list_that_has_further_pages(context: MemoryContext) -> None:
    assert parents(transform(context.records["pull_request", "707"], context).complete) == {Review}


@pytest.mark.parametrize(
    "name", [("pull_request_commits", "707:commits:1"), ("pull_request_review_comments", "707:T_1:1")]
)
def test_the_last_page_completes_every_list(context: MemoryContext, name: tuple[str, str]) -> None:
    transformed = transform(context.records[name], context)
    assert parents(transformed.complete) == LISTS
    ids = {row.external_id for row in transformed.rows}
    assert {"707:c1", "707:c2", "review:851", "review:852", "issue:801"} <= ids


@pytest.mark.parametrize("lacks", [("pull_request_review_comments", "707:T_1:1"), ("pull_request", "707")])
def test_nothing_is_complete_while_a_page_is_missing(context: MemoryContext, lacks: tuple[str, str]) -> None:
    del context.records[lacks]
    transformed = transform(context.records["pull_request_commits", "707:commits:1"], context)
    assert transformed.complete == []
    assert "707:c2" in {row.external_id for row in transformed.gap_rows}  # its position may not be true
    assert "707:c2" not in {row.external_id for row in transformed.rows}


def test_doubtful_threads_are_not_complete(context: MemoryContext) -> None:
    pull = context.records["pull_request", "707"]
    payload = json.loads(pull.payload)
    payload["reviewThreads"]["isDoubtful"] = True
    pull.payload = json.dumps(payload).encode()
    transformed = transform(context.records["pull_request_commits", "707:commits:1"], context)
    assert parents(transformed.complete) == LISTS - {PullRequestComment}


@pytest.mark.parametrize("change", [{"totalCommentsCount": 4}, {"headRefOid": "c8"}])
def test_pages_of_different_states_are_not_put_together(context: MemoryContext, change: dict[str, Any]) -> None:
    older = context.records["pull_request_review_comments", "707:T_1:1"]
    payload = json.loads(older.payload)
    payload["pullRequest"] |= change
    older.payload = json.dumps(payload).encode()
    transformed = transform(context.records["pull_request_commits", "707:commits:1"], context)
    assert transformed.complete == []


def test_a_page_that_is_not_the_last_one_gives_only_its_own_rows(context: MemoryContext) -> None:
    page = context.records["pull_request_commits", "707:commits:1"]
    payload = json.loads(page.payload)
    payload["commits"]["pageInfo"] = {"hasNextPage": True, "endCursor": "l"}
    page.payload = json.dumps(payload).encode()
    transformed = transform(page, context)
    assert transformed.complete == []
    assert "707:c1" not in {row.external_id for row in transformed.rows}
