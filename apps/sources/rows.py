"""What does a loaded record look like? One struct per table; its fields are the table's columns.

``external_id`` is the provider's stable id as text; together with the integration it is the key of the upsert. A field
that points to another record contains that record's ``external_id`` ("" for none), so rows can be loaded in any order.
Texts are cleaned (:func:`apps.sources.text.clean`), times are aware and in UTC.
"""

from datetime import date, datetime
from typing import ClassVar

import msgspec


class Row(msgspec.Struct, kw_only=True, gc=False):
    """A row of a loaded table.

    ``table`` names the model. Texts of rows that are ``is_embedded`` get vectors and can be searched. The cards of
    jobs show how many rows there are of each kind that ``is_headline``.
    """

    table: ClassVar[str] = ""
    is_embedded: ClassVar[bool] = False
    is_headline: ClassVar[bool] = False
    external_id: str


class User(Row, kw_only=True):
    """A person or bot of the provider."""

    table: ClassVar[str] = "user"
    login: str = ""
    display_name: str = ""
    email: str = ""
    account_type: str = ""
    is_active: bool = True


class ScopeName(Row, kw_only=True):
    """A name that a project (its key) or a repository (``owner/name``) has or had; id ``scope:name``.

    ``scope`` is the external id of the project or repository.
    """

    table: ClassVar[str] = "scope_name"
    scope: str
    name: str


class Project(Row, kw_only=True):
    """A Jira project."""

    table: ClassVar[str] = "project"
    key: str
    name: str
    project_type: str = ""
    style: str = ""
    lead: str = ""
    is_archived: bool = False


class WorkItemType(Row, kw_only=True):
    """The provider's own issue type; ``project`` is set for a team-managed project's type."""

    table: ClassVar[str] = "work_item_type"
    name: str
    description: str = ""
    is_subtask: bool = False
    hierarchy_level: int = 0
    project: str = ""


class Status(Row, kw_only=True):
    """The provider's own status; ``category`` is ``new``, ``indeterminate``, ``done`` or ``undefined``."""

    table: ClassVar[str] = "status"
    name: str
    category: str = ""
    project: str = ""


class ProjectStatus(Row, kw_only=True):
    """A status that issues of one type can have in one project; id ``project:type:status``."""

    table: ClassVar[str] = "project_status"
    project: str
    work_item_type: str
    status: str


class Sprint(Row, kw_only=True):
    """A sprint of a board."""

    table: ClassVar[str] = "sprint"
    name: str
    state: str = ""
    board: str = ""
    goal: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    completed_at: datetime | None = None


class Issue(Row, kw_only=True):
    """A Jira issue. ``category`` is that of its status; ``parent`` is the epic or the parent of a sub-task.

    Where the old field Epic Link names the epic by a key that Jira does not know, ``parent`` is that key.
    ``comment_count`` is the number of comments as Jira says it; ``None`` if it says none.
    """

    table: ClassVar[str] = "issue"
    is_embedded = is_headline = True
    key: str
    project: str
    work_item_type: str
    status: str
    category: str = ""
    summary: str = ""
    description: str = ""
    priority: str = ""
    resolution: str = ""
    assignee: str = ""
    reporter: str = ""
    creator: str = ""
    parent: str = ""
    story_points: float | None = None
    labels: list[str] = []
    components: list[str] = []
    sprints: list[str] = []
    comment_count: int | None = None
    due_on: date | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    resolved_at: datetime | None = None


class IssueChange(Row, kw_only=True):
    """One item of one entry of an issue's changelog; id ``history:index``."""

    table: ClassVar[str] = "issue_change"
    issue: str
    history: str
    field: str
    field_id: str = ""
    from_value: str = ""
    from_text: str = ""
    to_value: str = ""
    to_text: str = ""
    author: str = ""
    changed_at: datetime | None = None


class IssueKey(Row, kw_only=True):
    """A key that an issue had ``until`` it was moved to another project; id ``issue:key``."""

    table: ClassVar[str] = "issue_key"
    issue: str
    key: str
    until: datetime | None = None


class IssueLink(Row, kw_only=True):
    """``issue`` *name* ``target`` (outward direction, for example blocks)."""

    table: ClassVar[str] = "issue_link"
    issue: str
    target: str
    name: str


class IssueComment(Row, kw_only=True):
    """A comment on a Jira issue."""

    table: ClassVar[str] = "issue_comment"
    is_embedded = is_headline = True
    issue: str
    author: str = ""
    body: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Repository(Row, kw_only=True):
    """A GitHub repository."""

    table: ClassVar[str] = "repository"
    full_name: str
    name: str
    owner: str
    description: str = ""
    url: str = ""
    default_branch: str = ""
    language: str = ""
    is_private: bool = False
    is_archived: bool = False
    is_fork: bool = False
    created_at: datetime | None = None
    pushed_at: datetime | None = None


class PullRequest(Row, kw_only=True):
    """A pull request; ``state`` is ``open``, ``closed`` or ``merged``.

    The four counts of children are the numbers that GitHub says, ``None`` if it says none; ``comment_count`` is that of
    the conversation.
    """

    table: ClassVar[str] = "pull_request"
    is_embedded = is_headline = True
    repository: str
    number: int
    title: str = ""
    body: str = ""
    state: str
    is_draft: bool = False
    url: str = ""
    author: str = ""
    merged_by: str = ""
    base_branch: str = ""
    head_branch: str = ""
    head_repository: str = ""
    head_sha: str = ""
    merge_sha: str = ""
    additions: int = 0
    deletions: int = 0
    changed_files: int = 0
    review_decision: str = ""
    labels: list[str] = []
    assignees: list[str] = []
    commit_count: int | None = None
    review_count: int | None = None
    comment_count: int | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    merged_at: datetime | None = None
    closed_at: datetime | None = None


class Commit(Row, kw_only=True):
    """A commit; id ``repository:sha``."""

    table: ClassVar[str] = "commit"
    is_headline = True
    repository: str
    sha: str
    message: str = ""
    author: str = ""
    author_name: str = ""
    author_email: str = ""
    additions: int = 0
    deletions: int = 0
    authored_at: datetime | None = None
    committed_at: datetime | None = None


class PullRequestCommit(Row, kw_only=True):
    """A commit of a pull request; id ``pull request:sha``."""

    table: ClassVar[str] = "pull_request_commit"
    pull_request: str
    commit: str
    position: int


class Review(Row, kw_only=True):
    """A review; ``state`` as GitHub's in lower case (approved, changes_requested, commented, dismissed, pending)."""

    table: ClassVar[str] = "review"
    is_embedded = is_headline = True
    pull_request: str
    author: str = ""
    state: str
    body: str = ""
    commit_sha: str = ""
    submitted_at: datetime | None = None


class PullRequestComment(Row, kw_only=True):
    """A comment on a pull request: ``kind`` is ``review`` (on a line) or ``issue`` (in the conversation)."""

    table: ClassVar[str] = "pull_request_comment"
    is_embedded = is_headline = True
    kind: str
    pull_request: str
    review: str = ""
    author: str = ""
    body: str = ""
    path: str = ""
    line: int | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Release(Row, kw_only=True):
    """A release of a repository."""

    table: ClassVar[str] = "release"
    repository: str
    tag: str
    name: str = ""
    body: str = ""
    author: str = ""
    is_draft: bool = False
    is_prerelease: bool = False
    created_at: datetime | None = None
    published_at: datetime | None = None


class Deployment(Row, kw_only=True):
    """A deployment and its latest state (``success``, ``failure``, ``error``, ``inactive``, ``pending`` …)."""

    table: ClassVar[str] = "deployment"
    repository: str
    sha: str
    ref: str = ""
    environment: str = ""
    state: str = ""
    creator: str = ""
    created_at: datetime | None = None
    finished_at: datetime | None = None


class WorkflowRun(Row, kw_only=True):
    """A run of GitHub Actions."""

    table: ClassVar[str] = "workflow_run"
    repository: str
    name: str = ""
    event: str = ""
    status: str = ""
    conclusion: str = ""
    sha: str = ""
    branch: str = ""
    number: int = 0
    attempt: int = 1
    actor: str = ""
    created_at: datetime | None = None
    started_at: datetime | None = None
    updated_at: datetime | None = None


class PullRequestIssueLink(Row, kw_only=True):
    """A reason to believe that a pull request belongs to an issue; id ``pull request url|issue|evidence``.

    ``evidence`` is ``branch``, ``title``, ``body``, ``commit``, ``closing`` (keyword before the key) or
    ``dev_panel``. GitHub names the issue by ``issue_key``, Jira's panel by ``issue``. Both name the pull request by its
    URL, which changes with its repository's name; GitHub also gives its id in ``pull_request``. The row makes a link
    only while no issue has one of the ``longer_keys``: they may be meant at the same place (FIX_PAY-12 for PAY-12).
    """

    table: ClassVar[str] = "pull_request_issue_link"
    pull_request: str = ""
    pull_request_url: str
    issue: str = ""
    issue_key: str = ""
    longer_keys: list[str] = []
    evidence: str
    excerpt: str = ""


ROWS = tuple(Row.__subclasses__())
EMBEDDED_KINDS = tuple(row.table for row in ROWS if row.is_embedded)
HEADLINE_KINDS = tuple(row.table for row in ROWS if row.is_headline)
