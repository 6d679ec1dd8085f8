"""What belongs to a pull request? A branch, commits, reviews, comments, and its end."""

from dataclasses import dataclass, field
from typing import Literal

from apps.sandbox.data.people import SamplePerson
from apps.sandbox.encoding import opaque

Evidence = Literal["branch", "title", "body", "commit", "closing", "dev_panel"]
EVIDENCE: tuple[Evidence, ...] = ("branch", "title", "body", "commit", "closing", "dev_panel")


def node_id(prefix: str, repository: int, number: int) -> str:
    """A GraphQL node id in GitHub's newer form."""
    return f"{prefix}_{opaque(f'{repository:x}:{number:x}').rstrip('=')}"


@dataclass(slots=True)
class Identified:
    """A record that has a number over REST and a node id over GraphQL."""

    id: int
    node_id: str


@dataclass(slots=True)
class SampleRepository(Identified):
    """A repository with its content; lists are in order of creation."""

    name: str
    owner: str
    description: str
    language: str
    project: str
    private: bool
    archived: bool
    is_empty: bool
    created: int
    updated: int
    pushed: int
    former_names: list[str] = field(default_factory=list)
    pulls: "list[SamplePull]" = field(default_factory=list)
    tickets: "list[SampleTicket]" = field(default_factory=list)
    trunk: "list[SampleCommit]" = field(default_factory=list)
    releases: "list[SampleRelease]" = field(default_factory=list)
    deployments: "list[SampleDeployment]" = field(default_factory=list)
    runs: "list[SampleRun]" = field(default_factory=list)
    last_number: int = 0

    @property
    def full_name(self) -> str:
        """owner/name."""
        return f"{self.owner}/{self.name}"


@dataclass(slots=True)
class SampleCommit:
    """A commit; `author` is None when no GitHub account has the e-mail address."""

    oid: str
    repository: SampleRepository
    message: str
    author: SamplePerson | None
    git_name: str
    git_email: str
    authored: int
    committed: int
    additions: int
    deletions: int
    files: int
    parents: tuple[str, ...] = ()


@dataclass(slots=True)
class SampleRemark(Identified):
    """A comment on a pull request or ticket."""

    author: SamplePerson | None
    body: str
    created: int
    updated: int


@dataclass(slots=True)
class SampleReview(Identified):
    """A review; `oid` may name a commit that a force-push removed."""

    author: SamplePerson | None
    state: str
    body: str
    submitted: int
    oid: str
    has_lost_commit: bool
    notes: "list[SampleNote]" = field(default_factory=list)


@dataclass(slots=True)
class SampleNote(Identified):
    """A review comment; `line` is None when it is outdated."""

    author: SamplePerson | None
    body: str
    created: int
    updated: int
    path: str
    line: int | None
    original_line: int
    review: SampleReview
    oid: str
    has_lost_commit: bool
    reply_to: "SampleNote | None" = None


@dataclass(slots=True)
class SampleThread:
    """A review thread: a note and its answers."""

    node_id: str
    is_resolved: bool
    notes: list[SampleNote]


@dataclass(slots=True)
class Numbered(Identified):
    """A ticket or a pull request: a repository numbers both in one sequence."""

    repository: SampleRepository
    number: int
    title: str
    body: str
    author: SamplePerson | None
    created: int
    updated: int


@dataclass(slots=True)
class SampleTicket(Numbered):
    """A GitHub issue (not a pull request)."""

    closed: int | None
    labels: list[str]
    remarks: list[SampleRemark] = field(default_factory=list)


@dataclass(slots=True)
class SamplePull(Numbered):
    """A pull request as it is now. `links` are pairs of (issue key as written, evidence).

    `panel_name` is the name that its repository had when Jira's panel got to know it, "" for the present name.
    """

    issue_id: int
    head_ref: str
    base_oid: str
    head_owner: str | None
    draft: bool = False
    closed: int | None = None
    merged: int | None = None
    merged_by: SamplePerson | None = None
    merge_oid: str | None = None
    method: Literal["squash", "merge", "rebase"] = "squash"
    files: int = 1
    paths: tuple[str, ...] = ()
    labels: list[str] = field(default_factory=list)
    assignees: list[SamplePerson] = field(default_factory=list)
    requested: list[SamplePerson] = field(default_factory=list)
    milestone: int | None = None
    commits: list[SampleCommit] = field(default_factory=list)
    reviews: list[SampleReview] = field(default_factory=list)
    threads: list[SampleThread] = field(default_factory=list)
    remarks: list[SampleRemark] = field(default_factory=list)
    closes: list[SampleTicket] = field(default_factory=list)
    links: set[tuple[str, Evidence]] = field(default_factory=set)
    panel_name: str = ""

    @property
    def head_oid(self) -> str:
        """The last commit of its branch."""
        return self.commits[-1].oid

    @property
    def is_cross_repository(self) -> bool:
        """Whether it comes from a fork, which may be deleted."""
        return self.head_owner != self.repository.owner

    @property
    def state(self) -> Literal["OPEN", "CLOSED", "MERGED"]:
        """GraphQL's state."""
        return "MERGED" if self.merged else "CLOSED" if self.closed else "OPEN"

    @property
    def panel_status(self) -> Literal["OPEN", "DECLINED", "MERGED"]:
        """The status that Jira's development panel shows."""
        return "MERGED" if self.merged else "DECLINED" if self.closed else "OPEN"

    @property
    def additions(self) -> int:
        """Lines added by all commits."""
        return sum(c.additions for c in self.commits)

    @property
    def deletions(self) -> int:
        """Lines removed by all commits."""
        return sum(c.deletions for c in self.commits)

    @property
    def notes(self) -> list[SampleNote]:
        """Its review comments in order of creation."""
        return sorted((n for t in self.threads for n in t.notes), key=lambda n: (n.created, n.id))

    def touch(self, at: int) -> None:
        """Note that it changed at that moment."""
        self.updated = max(self.updated, at)


@dataclass(slots=True)
class SampleRelease(Identified):
    """A published version."""

    tag: str
    name: str
    body: str
    author: SamplePerson
    oid: str
    created: int
    published: int
    prerelease: bool


@dataclass(slots=True)
class SampleDeploymentState(Identified):
    """A status of a deployment, oldest first in its list."""

    state: str
    at: int
    description: str


@dataclass(slots=True)
class SampleDeployment(Identified):
    """One attempt to bring a commit into an environment."""

    oid: str
    ref: str
    environment: str
    creator: SamplePerson
    created: int
    updated: int
    states: list[SampleDeploymentState] = field(default_factory=list)


@dataclass(slots=True)
class SampleRun(Identified):
    """A workflow run."""

    workflow: str
    number: int
    title: str
    branch: str
    oid: str
    event: str
    conclusion: str | None
    actor: SamplePerson
    created: int
    updated: int
    attempt: int
    pull: SamplePull | None = None
