"""Which rows is a pull request? Itself, its commits, reviews, comments, links to issues, and people."""

from collections.abc import Iterable
from typing import Any, TypeVar

from apps.sources.base import Children, Transformed
from apps.sources.github.transform.keys import links
from apps.sources.github.transform.people import People, author_account
from apps.sources.github.transform.shapes import (
    ChildPage,
    Comment,
    CommitNode,
    Nodes,
    Owner,
    PullRequest,
    Review,
    Thread,
    ThreadPage,
    utc,
)
from apps.sources.rows import (
    Commit,
    PullRequestComment,
    PullRequestCommit,
    PullRequestIssueLink,
    Row,
)
from apps.sources.rows import PullRequest as PullRequestRow
from apps.sources.rows import Review as ReviewRow
from apps.sources.text import clean

N = TypeVar("N")


def pull_request(told: PullRequest, name: str) -> Transformed:
    """All rows of a pull request; children are complete where their whole list came with it.

    ``name`` is what its repository is called now, which may not be what it was called when this was told.
    """
    people = People()
    row = own_row(told, name, people)
    rows: list[Row] = [row, *commit_rows(told, told.commits, 0, people)]
    rows += review_rows(row.external_id, told.reviews, people)
    rows += thread_rows(row.external_id, told.review_threads, people)
    rows += comment_rows(row.external_id, "issue", told.comments, people)
    rows += links(row.external_id, row.url, row.head_branch, row.title, row.body, messages(told.commits))
    return Transformed([*people.rows, *rows], people.gap_rows, complete_lists(told, row))


def child_page(told: ChildPage, name: str, offset: int) -> Transformed:
    """The rows of a further page of one list, as if they had come with the pull request."""
    people, owner = People(), str(told.full_database_id)
    rows = commit_rows(told, told.commits, offset, people)
    rows += review_rows(owner, told.reviews, people)
    rows += thread_rows(owner, told.review_threads, people)
    rows += comment_rows(owner, "issue", told.comments, people)
    rows += links(owner, url_of(told, name), "", "", "", messages(told.commits))
    return Transformed([*people.rows, *rows], people.gap_rows)


def thread_page(told: ThreadPage) -> Transformed:
    """The rows of a further page of the comments of one review thread."""
    people = People()
    rows = comment_rows(str(told.pull_request.full_database_id), "review", told.comments, people)
    return Transformed([*people.rows, *rows], people.gap_rows)


def rest_comment(pull_request: str, kind: str, told: Comment) -> Transformed:
    """The row of a single comment."""
    people = People()
    rows = comment_rows(pull_request, kind, Nodes([told]), people)
    return Transformed([*people.rows, *rows], people.gap_rows)


def url_of(told: Owner, name: str) -> str:
    """The address of a pull request in the repository that is called ``name`` now."""
    before = clean(told.repository.name_with_owner)
    return clean(told.url).replace(f"/{before}/pull/", f"/{name}/pull/") if before and name else clean(told.url)


def head_repository(told: PullRequest, name: str) -> str:
    """The repository that the branch is in, "" when it is gone; its own one by its present ``name``."""
    head = clean(told.head_repository.name_with_owner) if told.head_repository else ""
    return name if name and head and head == clean(told.repository.name_with_owner) else head


def own_row(told: PullRequest, name: str, people: People) -> PullRequestRow:
    """The pull request itself."""
    return PullRequestRow(
        external_id=str(told.full_database_id),
        repository=str(told.repository.database_id),
        number=told.number,
        title=clean(told.title),
        body=clean(told.body),
        state=told.state.lower(),
        is_draft=told.is_draft,
        url=url_of(told, name),
        author=people.id_of(told.author),
        merged_by=people.id_of(told.merged_by),
        base_branch=clean(told.base_ref_name),
        head_branch=clean(told.head_ref_name),
        head_repository=head_repository(told, name),
        head_sha=clean(told.head_ref_oid),
        merge_sha=clean(told.merge_commit.oid) if told.merge_commit else "",
        additions=told.additions or 0,
        deletions=told.deletions or 0,
        changed_files=told.changed_files or 0,
        review_decision=(told.review_decision or "").lower(),
        labels=[clean(label.name) for label in items(told.labels)],
        assignees=[known for person in items(told.assignees) if (known := people.id_of(person))],
        created_at=utc(told.created_at),
        updated_at=utc(told.updated_at),
        merged_at=utc(told.merged_at),
        closed_at=utc(told.closed_at),
    )


def commit_rows(told: Owner, commits: Nodes[CommitNode] | None, offset: int, people: People) -> list[Row]:
    """Each commit, and its place in the pull request."""
    rows: list[Row] = []
    owner, repository = str(told.full_database_id), str(told.repository.database_id)
    for position, node in enumerate(commits.nodes if commits else [], offset):
        if node is None or node.commit is None:
            continue
        commit, author = node.commit, node.commit.author
        external_id = f"{repository}:{commit.oid}"
        rows += (
            Commit(
                external_id=external_id,
                repository=repository,
                sha=commit.oid,
                message=clean(commit.message),
                author=people.id_of(author_account(author)),
                author_name=clean(author.name) if author else "",
                author_email=clean(author.email) if author else "",
                additions=commit.additions or 0,
                deletions=commit.deletions or 0,
                authored_at=utc(commit.authored_date),
                committed_at=utc(commit.committed_date),
            ),
            PullRequestCommit(
                external_id=f"{owner}:{commit.oid}", pull_request=owner, commit=external_id, position=position
            ),
        )
    return rows


def review_rows(owner: str, reviews: Nodes[Review] | None, people: People) -> list[Row]:
    """The reviews of a pull request."""
    return [
        ReviewRow(
            external_id=str(review.full_database_id),
            pull_request=owner,
            author=people.id_of(review.author),
            state=review.state.lower(),
            body=clean(review.body),
            commit_sha=clean(review.commit.oid) if review.commit else "",
            submitted_at=utc(review.submitted_at),
        )
        for review in items(reviews)
    ]


def thread_rows(owner: str, threads: Nodes[Thread] | None, people: People) -> list[Row]:
    """The comments of review threads."""
    return [row for thread in items(threads) for row in comment_rows(owner, "review", thread.comments, people)]


def comment_rows(owner: str, kind: str, comments: Nodes[Comment] | None, people: People) -> list[Row]:
    """Comments of one kind."""
    return [
        PullRequestComment(
            external_id=str(comment.full_database_id),
            kind=kind,
            pull_request=owner,
            review=str(comment.pull_request_review.full_database_id or "") if comment.pull_request_review else "",
            author=people.id_of(comment.author),
            body=clean(comment.body),
            path=clean(comment.path),
            line=comment.original_line if comment.line is None else comment.line,
            created_at=utc(comment.created_at),
            updated_at=utc(comment.updated_at),
        )
        for comment in items(comments)
    ]


def messages(commits: Nodes[CommitNode] | None) -> Iterable[str]:
    """The messages of commits."""
    return [node.commit.message for node in items(commits) if node.commit]


def complete_lists(told: PullRequest, row: PullRequestRow) -> list[Children]:
    """The lists of which every child is in the record."""
    complete = []
    if is_whole(told.commits):
        complete.append(Children(PullRequestCommit, "pull_request", row.external_id))
        complete.append(Children(PullRequestIssueLink, "pull_request", row.external_id))
    if is_whole(told.reviews):
        complete.append(Children(ReviewRow, "pull_request", row.external_id))
    threads = told.review_threads
    if is_whole(told.comments) and is_whole(threads) and all(is_whole(thread.comments) for thread in items(threads)):
        complete.append(Children(PullRequestComment, "pull_request", row.external_id))
    return complete


def is_whole(nodes: Nodes[Any] | None) -> bool:
    """Whether a list is there with all of its children."""
    return nodes is not None and nodes.is_whole


def items(nodes: Nodes[N] | None) -> list[N]:
    """The children that are there."""
    return [node for node in nodes.nodes if node is not None] if nodes else []
