"""Which rows make up a pull request? Its own row, and those of commits, reviews, comments, links and people."""

from collections.abc import Iterable
from typing import Any, TypeVar

from apps.sources.base import Children, Transformed
from apps.sources.github.transform.keys import links
from apps.sources.github.transform.people import People, author_account
from apps.sources.github.transform.shapes import (
    ChildPageNode,
    CommentNode,
    Nodes,
    PullRequestCommitNode,
    PullRequestNode,
    PullRequestStateNode,
    ReviewNode,
    ThreadNode,
    ThreadPageNode,
)
from apps.sources.rows import (
    Commit,
    PullRequest,
    PullRequestComment,
    PullRequestCommit,
    PullRequestIssueLink,
    Review,
    Row,
)
from apps.sources.text import clean, utc

N = TypeVar("N")


def pull_request(node: PullRequestNode, name: str, repository: str) -> Transformed:
    """All rows of a pull request; children are complete where their whole list came with it.

    ``repository`` is the id of its repository, ``name`` its present name. The record may hold an older one. If the list
    lacks commits, their positions are not true, so stored ones stay.
    """
    people = People()
    row = own_row(node, name, repository, people)
    commits, places = divided(commit_rows(row.external_id, repository, node.commits, 0, people))
    is_doubtful = node.commits is not None and node.commits.is_doubtful
    rows: list[Row] = [row, *commits, *([] if is_doubtful else places)]
    rows += review_rows(row.external_id, node.reviews, people)
    rows += thread_rows(row.external_id, node.review_threads, people)
    rows += comment_rows(row.external_id, "issue", node.comments, people)
    rows += links(row.external_id, row.url, row.head_branch, row.title, row.body, messages(node.commits))
    return Transformed(
        [*people.rows, *rows], [*people.gap_rows, *(places if is_doubtful else [])], complete_lists(node, row)
    )


def child_page(node: ChildPageNode, name: str, repository: str, offset: int) -> Transformed:
    """The rows of a further page of one list, as if they had come with the pull request.

    If an earlier page has lacked commits, their positions are not true; so stored ones stay until the list is complete.
    """
    people, owner = People(), clean(node.full_database_id)
    rows, places = divided(commit_rows(owner, repository, node.commits, offset, people))
    rows += review_rows(owner, node.reviews, people)
    rows += thread_rows(owner, node.review_threads, people)
    rows += comment_rows(owner, "issue", node.comments, people)
    rows += links(owner, url_of(node, name), "", "", "", messages(node.commits))
    return Transformed([*people.rows, *rows], [*people.gap_rows, *places])


def thread_page(node: ThreadPageNode) -> Transformed:
    """The rows of a further page of the comments of one review thread."""
    people = People()
    rows = comment_rows(clean(node.pull_request.full_database_id), "review", node.comments, people)
    return Transformed([*people.rows, *rows], people.gap_rows)


def rest_comment(pull_request: str, kind: str, node: CommentNode) -> Transformed:
    """The row of a single comment."""
    people = People()
    rows = comment_rows(pull_request, kind, Nodes([node]), people)
    return Transformed([*people.rows, *rows], people.gap_rows)


def url_of(node: PullRequestStateNode, name: str) -> str:
    """The address of a pull request, with the present ``name`` of its repository."""
    before = name_in(node)
    return clean(node.url).replace(f"/{before}/pull/", f"/{name}/pull/") if before and name else clean(node.url)


def head_repository(node: PullRequestNode, name: str) -> str:
    """The repository of the head branch, "" if it is gone. The pull request's own one gets its present name."""
    head = clean(node.head_repository.name_with_owner) if node.head_repository else ""
    return name if name and head and head == name_in(node) else head


def name_in(node: PullRequestStateNode) -> str:
    """The name of its repository as the record has it."""
    return clean(node.repository.name_with_owner) if node.repository else ""


def own_row(node: PullRequestNode, name: str, repository: str, people: People) -> PullRequest:
    """The pull request itself."""
    return PullRequest(
        external_id=clean(node.full_database_id),
        repository=repository,
        number=node.number,
        title=clean(node.title),
        body=clean(node.body),
        state=clean(node.state).lower(),
        is_draft=node.is_draft,
        url=url_of(node, name),
        author=people.id_of(node.author),
        merged_by=people.id_of(node.merged_by),
        base_branch=clean(node.base_ref_name),
        head_branch=clean(node.head_ref_name),
        head_repository=head_repository(node, name),
        head_sha=clean(node.head_ref_oid),
        merge_sha=clean(node.merge_commit.oid) if node.merge_commit else "",
        additions=node.additions or 0,
        deletions=node.deletions or 0,
        changed_files=node.changed_files or 0,
        review_decision=clean(node.review_decision).lower(),
        labels=[name for label in items(node.labels) if (name := clean(label.name))],
        assignees=list(filter(None, map(people.id_of, items(node.assignees)))),
        commit_count=node.commits.total_count if node.commits else None,
        review_count=node.reviews.total_count if node.reviews else None,
        comment_count=node.comments.total_count if node.comments else None,
        created_at=utc(node.created_at),
        updated_at=utc(node.updated_at),
        merged_at=utc(node.merged_at),
        closed_at=utc(node.closed_at),
    )


def commit_rows(
    owner: str, repository: str, commits: Nodes[PullRequestCommitNode] | None, offset: int, people: People
) -> list[Row]:
    """Each commit, and its position in the pull request."""
    rows: list[Row] = []
    for position, item in enumerate(commits.nodes if commits else [], offset):
        if item is None:
            continue
        commit, author, sha = item.commit, item.commit.author, clean(item.commit.oid)
        external_id = f"{repository}:{sha}"
        rows += (
            Commit(
                external_id=external_id,
                repository=repository,
                sha=sha,
                message=clean(commit.message),
                author=people.id_of(author_account(author)),
                author_name=clean(author.name) if author else "",
                author_email=clean(author.email) if author else "",
                additions=commit.additions or 0,
                deletions=commit.deletions or 0,
                authored_at=utc(commit.authored_date),
                committed_at=utc(commit.committed_date),
            ),
            PullRequestCommit(external_id=f"{owner}:{sha}", pull_request=owner, commit=external_id, position=position),
        )
    return rows


def divided(rows: list[Row]) -> tuple[list[Row], list[Row]]:
    """The commits among some rows, and their positions."""
    places = [row for row in rows if isinstance(row, PullRequestCommit)]
    return [row for row in rows if not isinstance(row, PullRequestCommit)], list[Row](places)


def review_rows(owner: str, reviews: Nodes[ReviewNode] | None, people: People) -> list[Row]:
    """The reviews of a pull request."""
    return [
        Review(
            external_id=clean(review.full_database_id),
            pull_request=owner,
            author=people.id_of(review.author),
            state=clean(review.state).lower(),
            body=clean(review.body),
            commit_sha=clean(review.commit.oid) if review.commit else "",
            submitted_at=utc(review.submitted_at),
        )
        for review in items(reviews)
    ]


def thread_rows(owner: str, threads: Nodes[ThreadNode] | None, people: People) -> list[Row]:
    """The comments of review threads."""
    return [row for thread in items(threads) for row in comment_rows(owner, "review", thread.comments, people)]


def comment_key(kind: str, number: object) -> str:
    """The external id of a comment. GitHub numbers the comments of each kind by themselves, so it begins with that."""
    return f"{kind}:{number}"


def comment_rows(owner: str, kind: str, comments: Nodes[CommentNode] | None, people: People) -> list[Row]:
    """Comments of one kind."""
    return [
        PullRequestComment(
            external_id=comment_key(kind, clean(comment.full_database_id)),
            kind=kind,
            pull_request=owner,
            review=clean(comment.pull_request_review.full_database_id) if comment.pull_request_review else "",
            author=people.id_of(comment.author),
            body=clean(comment.body),
            path=clean(comment.path),
            line=comment.original_line if comment.line is None else comment.line,
            created_at=utc(comment.created_at),
            updated_at=utc(comment.updated_at),
        )
        for comment in items(comments)
    ]


def messages(commits: Nodes[PullRequestCommitNode] | None) -> Iterable[str]:
    """The messages of commits."""
    return [clean(node.commit.message) for node in items(commits)]


def complete_lists(node: PullRequestNode, row: PullRequest) -> list[Children]:
    """The lists that the record holds with every child."""
    complete = []
    if is_complete(node.commits) and all(item.commit for item in items(node.commits)):
        complete.append(Children(PullRequestCommit, "pull_request", row.external_id))
        complete.append(Children(PullRequestIssueLink, "pull_request", row.external_id))
    if is_complete(node.reviews):
        complete.append(Children(Review, "pull_request", row.external_id))
    threads = node.review_threads
    if (
        is_complete(node.comments)
        and is_complete(threads)
        and all(is_complete(thread.comments) for thread in items(threads))
    ):
        complete.append(Children(PullRequestComment, "pull_request", row.external_id))
    return complete


def is_complete(nodes: Nodes[Any] | None) -> bool:
    """Whether a list is there with all of its children."""
    return nodes is not None and nodes.is_complete


def items(nodes: Nodes[N] | None) -> list[N]:
    """The children that are not null."""
    return [node for node in nodes.nodes if node is not None] if nodes else []
