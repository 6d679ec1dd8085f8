"""What do the same objects look like over REST? Only the needed fields, and how they become GraphQL's shapes."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import msgspec

from apps.sources.github.entities import MAX_LISTED_COMMITS
from apps.sources.github.transform import shapes
from apps.sources.reading import Address, BigInteger, Integer, Name

N = TypeVar("N")
P = TypeVar("P")


class AccountPayload(msgspec.Struct):
    """An account."""

    login: Name | None
    id: BigInteger | None = None
    type: str = "User"

    def node(self) -> shapes.AccountNode:
        """The same in GraphQL's shape."""
        return shapes.AccountNode(typename=self.type, login=self.login, database_id=self.id)


class RepositoryReferencePayload(msgspec.Struct):
    """A repository as a part of another object."""

    id: BigInteger
    full_name: str = ""

    def node(self) -> shapes.RepositoryNode:
        """The same in GraphQL's shape."""
        return shapes.RepositoryNode(self.full_name, self.id)


class RepositoryPayload(msgspec.Struct):
    """A repository."""

    id: BigInteger
    full_name: Name
    name: str = ""
    owner: AccountPayload | None = None
    description: str | None = None
    html_url: str = ""
    default_branch: str | None = None
    language: str | None = None
    private: bool = False
    archived: bool = False
    fork: bool = False
    created_at: datetime | None = None
    pushed_at: datetime | None = None


class ReleasePayload(msgspec.Struct):
    """A release."""

    id: BigInteger
    tag_name: str = ""
    name: str | None = None
    body: str | None = None
    author: AccountPayload | None = None
    draft: bool = False
    prerelease: bool = False
    created_at: datetime | None = None
    published_at: datetime | None = None


class WorkflowRunPayload(msgspec.Struct):
    """A run of GitHub Actions."""

    id: BigInteger
    name: str | None = None
    event: str | None = None
    status: str | None = None
    conclusion: str | None = None
    head_sha: str | None = None
    head_branch: str | None = None
    run_number: Integer | None = None
    run_attempt: Integer | None = None
    actor: AccountPayload | None = None
    repository: RepositoryReferencePayload | None = None
    created_at: datetime | None = None
    run_started_at: datetime | None = None
    updated_at: datetime | None = None


class LabelPayload(msgspec.Struct):
    """A label."""

    name: str

    def node(self) -> shapes.NameNode:
        """The same in GraphQL's shape."""
        return shapes.NameNode(self.name)


class BasePayload(msgspec.Struct):
    """The base branch of a pull request."""

    ref: str | None
    repo: RepositoryReferencePayload | None = None


class HeadPayload(msgspec.Struct):
    """The head branch of a pull request; ``repo`` is null when the fork is gone."""

    ref: str | None
    sha: str | None = None
    repo: RepositoryReferencePayload | None = None


class GitActorPayload(msgspec.Struct):
    """The author or committer that git knows."""

    name: str | None
    email: str | None = None
    date: datetime | None = None


class GitCommitPayload(msgspec.Struct):
    """What git knows of a commit."""

    message: str | None
    author: GitActorPayload | None = None
    committer: GitActorPayload | None = None


class CommitPayload(msgspec.Struct):
    """A commit in a pull request."""

    sha: Name
    commit: GitCommitPayload | None = None
    author: AccountPayload | None = None

    def node(self) -> shapes.PullRequestCommitNode:
        """The same in GraphQL's shape."""
        commit = self.commit or GitCommitPayload(None)
        git, committer = commit.author or GitActorPayload(None), commit.committer or GitActorPayload(None)
        user = self.author.node() if self.author else None
        author = shapes.GitActorNode(git.name, git.email, user)
        return shapes.PullRequestCommitNode(
            shapes.CommitNode(self.sha, commit.message or "", None, None, git.date, committer.date, author)
        )


class ReviewPayload(msgspec.Struct):
    """A review."""

    id: BigInteger
    state: str = ""
    body: str | None = None
    submitted_at: datetime | None = None
    commit_id: str | None = None
    user: AccountPayload | None = None

    def node(self) -> shapes.ReviewNode:
        """The same in GraphQL's shape."""
        return shapes.ReviewNode(
            self.id,
            self.state,
            self.body,
            self.submitted_at,
            shapes.OidNode(self.commit_id or ""),
            account(self.user),
        )


class CommentPayload(msgspec.Struct):
    """A comment, in the conversation or (with a path) on a line."""

    id: BigInteger
    created_at: datetime | None = None
    body: str | None = None
    updated_at: datetime | None = None
    path: str | None = None
    line: Integer | None = None
    original_line: Integer | None = None
    pull_request_review_id: BigInteger | None = None
    user: AccountPayload | None = None

    def node(self) -> shapes.CommentNode:
        """The same in GraphQL's shape."""
        review = shapes.ReferenceNode(self.pull_request_review_id) if self.pull_request_review_id else None
        return shapes.CommentNode(
            self.id, self.created_at, self.body, self.updated_at, self.path, self.line, self.original_line,
            review, account(self.user),
        )  # fmt: skip


class PullRequestPayload(msgspec.Struct):
    """A pull request in detail."""

    id: BigInteger
    number: Integer
    html_url: Address = ""
    state: str = ""
    title: str | None = None
    body: str | None = None
    draft: bool | None = False
    merged: bool | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    merged_at: datetime | None = None
    closed_at: datetime | None = None
    additions: Integer | None = None
    deletions: Integer | None = None
    changed_files: Integer | None = None
    commits: Integer | None = None
    merge_commit_sha: str | None = None
    user: AccountPayload | None = None
    merged_by: AccountPayload | None = None
    base: BasePayload | None = None
    head: HeadPayload | None = None
    labels: list[LabelPayload | None] | None = None
    assignees: list[AccountPayload | None] | None = None

    @property
    def listed_commits(self) -> int | None:
        """How many commits the list of commits has."""
        return None if self.commits is None else min(self.commits, MAX_LISTED_COMMITS)


class PullRequestRecord(msgspec.Struct):
    """The raw record of a pull request: its answers side by side."""

    pull_request: PullRequestPayload
    commits: list[CommitPayload | None] | None = None
    reviews: list[ReviewPayload | None] | None = None

    def node(self) -> shapes.PullRequestNode:
        """As GraphQL has it, without comments: those have records of their own."""
        pull = self.pull_request
        base, head = pull.base or BasePayload(None), pull.head or HeadPayload(None)
        is_merged = pull.merged_at is not None if pull.merged is None else pull.merged
        return shapes.PullRequestNode(
            full_database_id=pull.id,
            url=pull.html_url,
            repository=base.repo.node() if base.repo else None,
            number=pull.number,
            state="MERGED" if is_merged else pull.state,
            created_at=pull.created_at,
            updated_at=pull.updated_at,
            title=pull.title,
            body=pull.body,
            is_draft=bool(pull.draft),
            merged_at=pull.merged_at,
            closed_at=pull.closed_at,
            additions=pull.additions,
            deletions=pull.deletions,
            changed_files=pull.changed_files,
            base_ref_name=base.ref,
            head_ref_name=head.ref,
            head_ref_oid=head.sha,
            head_repository=head.repo.node() if head.repo else None,
            # Before the merge REST names a trial merge here, which nobody sees.
            merge_commit=shapes.OidNode(pull.merge_commit_sha or "") if is_merged else None,
            author=account(pull.user),
            merged_by=account(pull.merged_by),
            labels=nodes(pull.labels, LabelPayload.node),
            assignees=nodes(pull.assignees, AccountPayload.node),
            commits=self._commits(),
            reviews=nodes(self.reviews, ReviewPayload.node, len(self.reviews or [])),
        )

    def _commits(self) -> shapes.Nodes[shapes.PullRequestCommitNode] | None:
        """The commits; the list is doubtful if there are more."""
        found = nodes(self.commits, CommitPayload.node, self.pull_request.listed_commits)
        if found is not None:
            found.is_doubtful = (self.pull_request.commits or 0) > len(found.nodes)
        return found


class DeploymentPayload(msgspec.Struct):
    """A deployment without its statuses."""

    id: BigInteger
    created_at: datetime | None = None
    sha: str = ""
    ref: str | None = None
    environment: str | None = None
    creator: AccountPayload | None = None


class DeploymentStatusPayload(msgspec.Struct):
    """One status of a deployment."""

    state: str | None
    created_at: datetime | None = None

    def node(self) -> shapes.DeploymentStatusNode:
        """The same in GraphQL's shape."""
        return shapes.DeploymentStatusNode(self.state, self.created_at)


class DeploymentRecord(msgspec.Struct):
    """The raw record of a deployment: the answers side by side, statuses newest first."""

    deployment: DeploymentPayload
    statuses: list[DeploymentStatusPayload | None] | None = None

    def node(self) -> shapes.DeploymentNode:
        """As GraphQL has it, without the repository: REST does not name it."""
        deployment = self.deployment
        statuses = nodes(self.statuses, DeploymentStatusPayload.node)
        return shapes.DeploymentNode(
            database_id=deployment.id,
            commit_oid=deployment.sha,
            ref=shapes.NameNode(deployment.ref or ""),
            environment=deployment.environment,
            created_at=deployment.created_at,
            creator=account(deployment.creator),
            latest_status=statuses.nodes[0] if statuses and statuses.nodes else None,
            statuses=statuses,
        )


def account(user: AccountPayload | None) -> shapes.AccountNode | None:
    """The same in GraphQL's shape."""
    return user.node() if user else None


def nodes(items: list[P | None] | None, node_of: Callable[[P], N], total: int | None = None) -> shapes.Nodes[N] | None:
    """A list in GraphQL's shape, with its announced ``total``; ``None`` for a list that could not be read."""
    if items is None:
        return None
    return shapes.Nodes([None if item is None else node_of(item) for item in items], total_count=total)
