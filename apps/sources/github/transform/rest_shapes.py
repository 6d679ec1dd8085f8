"""What do the same objects look like over REST? Only the needed fields, and how they become GraphQL's shapes."""

from datetime import datetime

import msgspec

from apps.sources.github.transform import shapes


class AccountPayload(msgspec.Struct):
    """An account."""

    id: int | None = None
    login: str = ""
    type: str = "User"

    def node(self) -> shapes.AccountNode:
        """The same in GraphQL's shape."""
        return shapes.AccountNode(typename=self.type, login=self.login, database_id=self.id)


class RepositoryReferencePayload(msgspec.Struct):
    """A repository as a part of another object."""

    id: int
    full_name: str = ""

    def node(self) -> shapes.RepositoryNode:
        """The same in GraphQL's shape."""
        return shapes.RepositoryNode(self.id, self.full_name)


class RepositoryPayload(msgspec.Struct):
    """A repository."""

    id: int
    full_name: str
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

    id: int
    tag_name: str = ""
    name: str | None = None
    body: str | None = None
    author: AccountPayload | None = None
    draft: bool = False
    prerelease: bool = False
    created_at: datetime | None = None
    published_at: datetime | None = None


class WorkflowRunPayload(msgspec.Struct, kw_only=True):
    """A run of GitHub Actions."""

    id: int
    name: str | None = None
    event: str | None = None
    status: str | None = None
    conclusion: str | None = None
    head_sha: str | None = None
    head_branch: str | None = None
    run_number: int | None = None
    run_attempt: int | None = None
    actor: AccountPayload | None = None
    repository: RepositoryReferencePayload | None = None
    created_at: datetime
    run_started_at: datetime | None = None
    updated_at: datetime | None = None


class LabelPayload(msgspec.Struct):
    """A label."""

    name: str | None = None


class BasePayload(msgspec.Struct):
    """The base branch of a pull request."""

    repo: RepositoryReferencePayload
    ref: str | None = None


class HeadPayload(msgspec.Struct):
    """The head branch of a pull request; ``repo`` is null when the fork is gone."""

    ref: str | None = None
    sha: str | None = None
    repo: RepositoryReferencePayload | None = None


class GitActorPayload(msgspec.Struct):
    """The author or committer that git knows."""

    name: str | None = None
    email: str | None = None
    date: datetime | None = None


class GitCommitPayload(msgspec.Struct):
    """What git knows of a commit."""

    message: str = ""
    author: GitActorPayload | None = None
    committer: GitActorPayload | None = None


class CommitPayload(msgspec.Struct):
    """A commit in a pull request."""

    sha: str
    commit: GitCommitPayload
    author: AccountPayload | None = None

    def node(self) -> shapes.PullRequestCommitNode:
        """The same in GraphQL's shape."""
        git, committer = self.commit.author or GitActorPayload(), self.commit.committer or GitActorPayload()
        user = self.author.node() if self.author else None
        author = shapes.GitActorNode(git.name, git.email, user)
        return shapes.PullRequestCommitNode(
            shapes.CommitNode(self.sha, self.commit.message, None, None, git.date, committer.date, author)
        )


class ReviewPayload(msgspec.Struct):
    """A review."""

    id: int
    state: str
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

    id: int
    created_at: datetime
    body: str | None = None
    updated_at: datetime | None = None
    path: str | None = None
    line: int | None = None
    original_line: int | None = None
    pull_request_review_id: int | None = None
    user: AccountPayload | None = None

    def node(self) -> shapes.CommentNode:
        """The same in GraphQL's shape."""
        review = shapes.ReferenceNode(self.pull_request_review_id) if self.pull_request_review_id else None
        return shapes.CommentNode(
            self.id, self.created_at, self.body, self.updated_at, self.path, self.line, self.original_line,
            review, account(self.user),
        )  # fmt: skip


class PullRequestPayload(msgspec.Struct, kw_only=True):
    """A pull request in detail."""

    id: int
    number: int
    html_url: str
    state: str
    title: str | None = None
    body: str | None = None
    draft: bool | None = False
    created_at: datetime
    updated_at: datetime
    merged_at: datetime | None = None
    closed_at: datetime | None = None
    additions: int | None = None
    deletions: int | None = None
    changed_files: int | None = None
    merge_commit_sha: str | None = None
    user: AccountPayload | None = None
    merged_by: AccountPayload | None = None
    base: BasePayload
    head: HeadPayload
    labels: list[LabelPayload] = []
    assignees: list[AccountPayload] | None = None


class PullRequestRecord(msgspec.Struct):
    """The raw record of a pull request: its answers side by side."""

    pull_request: PullRequestPayload
    commits: list[CommitPayload] = []
    reviews: list[ReviewPayload] = []

    def node(self) -> shapes.PullRequestNode:
        """As GraphQL has it, without comments: those have records of their own."""
        pull = self.pull_request
        merged, fork = pull.merged_at is not None, pull.head.repo
        return shapes.PullRequestNode(
            full_database_id=pull.id,
            url=pull.html_url,
            repository=pull.base.repo.node(),
            number=pull.number,
            state="MERGED" if merged else pull.state,
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
            base_ref_name=pull.base.ref,
            head_ref_name=pull.head.ref,
            head_ref_oid=pull.head.sha,
            head_repository=fork.node() if fork else None,
            # Before the merge REST names a trial merge here, which nobody sees.
            merge_commit=shapes.OidNode(pull.merge_commit_sha or "") if merged else None,
            author=account(pull.user),
            merged_by=account(pull.merged_by),
            labels=shapes.Nodes([shapes.NameNode(label.name or "") for label in pull.labels]),
            assignees=shapes.Nodes([user.node() for user in pull.assignees or []]),
            commits=shapes.Nodes([commit.node() for commit in self.commits]),
            reviews=shapes.Nodes([review.node() for review in self.reviews]),
        )


class DeploymentPayload(msgspec.Struct):
    """A deployment without its statuses."""

    id: int
    created_at: datetime
    sha: str = ""
    ref: str | None = None
    environment: str | None = None
    creator: AccountPayload | None = None


class DeploymentStatusPayload(msgspec.Struct):
    """One status of a deployment."""

    state: str
    created_at: datetime | None = None


class DeploymentRecord(msgspec.Struct):
    """The raw record of a deployment: the answers side by side, statuses newest first."""

    deployment: DeploymentPayload
    statuses: list[DeploymentStatusPayload] = []

    def node(self) -> shapes.DeploymentNode:
        """As GraphQL has it, without the repository: REST does not name it."""
        deployment = self.deployment
        statuses = [shapes.DeploymentStatusNode(status.state, status.created_at) for status in self.statuses]
        return shapes.DeploymentNode(
            database_id=deployment.id,
            commit_oid=deployment.sha,
            ref=shapes.NameNode(deployment.ref or ""),
            environment=deployment.environment,
            created_at=deployment.created_at,
            creator=account(deployment.creator),
            latest_status=statuses[0] if statuses else None,
            statuses=shapes.Nodes(list(statuses)),
        )


def account(user: AccountPayload | None) -> shapes.AccountNode | None:
    """The same in GraphQL's shape."""
    return user.node() if user else None
