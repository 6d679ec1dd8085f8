"""What do the same objects look like over REST? Their needed fields, and how they become GraphQL's shapes."""

from datetime import datetime

import msgspec

from apps.sources.github.transform import shapes


class User(msgspec.Struct):
    """An account."""

    id: int | None = None
    login: str = ""
    type: str = "User"

    def node(self) -> shapes.Person:
        """As GraphQL has it."""
        return shapes.Person(typename=self.type, login=self.login, database_id=self.id)


class Home(msgspec.Struct):
    """A repository as a part of another object."""

    id: int
    full_name: str = ""

    def node(self) -> shapes.Home:
        """As GraphQL has it."""
        return shapes.Home(self.id, self.full_name)


class Repository(msgspec.Struct):
    """A repository."""

    id: int
    full_name: str
    name: str = ""
    owner: User | None = None
    description: str | None = None
    html_url: str = ""
    default_branch: str | None = None
    language: str | None = None
    private: bool = False
    archived: bool = False
    fork: bool = False
    created_at: datetime | None = None
    pushed_at: datetime | None = None


class Release(msgspec.Struct):
    """A release."""

    id: int
    tag_name: str = ""
    name: str | None = None
    body: str | None = None
    author: User | None = None
    draft: bool = False
    prerelease: bool = False
    created_at: datetime | None = None
    published_at: datetime | None = None


class WorkflowRun(msgspec.Struct, kw_only=True):
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
    actor: User | None = None
    repository: Home | None = None
    created_at: datetime
    run_started_at: datetime | None = None
    updated_at: datetime | None = None


class Label(msgspec.Struct):
    """A label."""

    name: str | None = None


class Base(msgspec.Struct):
    """Where a pull request leads."""

    repo: Home
    ref: str | None = None


class Head(msgspec.Struct):
    """Where a pull request comes from; ``repo`` is null when the fork is gone."""

    ref: str | None = None
    sha: str | None = None
    repo: Home | None = None


class GitPerson(msgspec.Struct):
    """The author or committer that git knows."""

    name: str | None = None
    email: str | None = None
    date: datetime | None = None


class GitCommit(msgspec.Struct):
    """What git knows of a commit."""

    message: str = ""
    author: GitPerson | None = None
    committer: GitPerson | None = None


class Commit(msgspec.Struct):
    """A commit in a pull request."""

    sha: str
    commit: GitCommit
    author: User | None = None

    def node(self) -> shapes.CommitNode:
        """As GraphQL has it."""
        git, committer = self.commit.author or GitPerson(), self.commit.committer or GitPerson()
        user = self.author.node() if self.author else None
        author = shapes.GitActor(git.name, git.email, user)
        return shapes.CommitNode(
            shapes.Commit(self.sha, self.commit.message, None, None, git.date, committer.date, author)
        )


class Review(msgspec.Struct):
    """A review."""

    id: int
    state: str
    body: str | None = None
    submitted_at: datetime | None = None
    commit_id: str | None = None
    user: User | None = None

    def node(self) -> shapes.Review:
        """As GraphQL has it."""
        return shapes.Review(
            self.id,
            self.state,
            self.body,
            self.submitted_at,
            shapes.Oid(self.commit_id or ""),
            person(self.user),
        )


class Comment(msgspec.Struct):
    """A comment, in the conversation or (with a path) on a line."""

    id: int
    created_at: datetime
    body: str | None = None
    updated_at: datetime | None = None
    path: str | None = None
    line: int | None = None
    original_line: int | None = None
    pull_request_review_id: int | None = None
    user: User | None = None

    def node(self) -> shapes.Comment:
        """As GraphQL has it."""
        review = shapes.Reference(self.pull_request_review_id) if self.pull_request_review_id else None
        return shapes.Comment(
            self.id, self.created_at, self.body, self.updated_at, self.path, self.line, self.original_line,
            review, person(self.user),
        )  # fmt: skip


class PullRequest(msgspec.Struct, kw_only=True):
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
    user: User | None = None
    merged_by: User | None = None
    base: Base
    head: Head
    labels: list[Label] = []
    assignees: list[User] | None = None


class PullRequestRecord(msgspec.Struct):
    """The raw record of a pull request: its answers side by side."""

    pull_request: PullRequest
    commits: list[Commit] = []
    reviews: list[Review] = []

    def node(self) -> shapes.PullRequest:
        """As GraphQL has it, without comments: those have records of their own."""
        pull = self.pull_request
        merged, fork = pull.merged_at is not None, pull.head.repo
        return shapes.PullRequest(
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
            # Before the merge this is a trial merge that nobody sees.
            merge_commit=shapes.Oid(pull.merge_commit_sha or "") if merged else None,
            author=person(pull.user),
            merged_by=person(pull.merged_by),
            labels=shapes.Nodes([shapes.Name(label.name or "") for label in pull.labels]),
            assignees=shapes.Nodes([user.node() for user in pull.assignees or []]),
            commits=shapes.Nodes([commit.node() for commit in self.commits]),
            reviews=shapes.Nodes([review.node() for review in self.reviews]),
        )


class Deployment(msgspec.Struct):
    """A deployment without its statuses."""

    id: int
    created_at: datetime
    sha: str = ""
    ref: str | None = None
    environment: str | None = None
    creator: User | None = None


class DeploymentStatus(msgspec.Struct):
    """One status of a deployment."""

    state: str
    created_at: datetime | None = None


class DeploymentRecord(msgspec.Struct):
    """The raw record of a deployment: the answers side by side, statuses newest first."""

    deployment: Deployment
    statuses: list[DeploymentStatus] = []

    def node(self) -> shapes.Deployment:
        """As GraphQL has it, but for the repository, which REST does not name."""
        told = self.deployment
        statuses = [shapes.Status(status.state, status.created_at) for status in self.statuses]
        return shapes.Deployment(
            database_id=told.id,
            commit_oid=told.sha,
            ref=shapes.Name(told.ref or ""),
            environment=told.environment,
            created_at=told.created_at,
            creator=person(told.creator),
            latest_status=statuses[0] if statuses else None,
            statuses=shapes.Nodes(list(statuses)),
        )


def person(user: User | None) -> shapes.Person | None:
    """As GraphQL has it."""
    return user.node() if user else None
