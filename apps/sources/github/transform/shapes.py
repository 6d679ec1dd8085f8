"""What do GitHub's objects look like? The needed fields only, GraphQL's shapes; REST's are turned into them.

Nearly everything may be null: people leave, branches and forks are deleted, reviews have no body.
"""

from datetime import UTC, datetime
from typing import Generic, TypeVar, overload

import msgspec

N = TypeVar("N")
GHOST = "ghost"  # REST's stand-in for a deleted account


class Person(msgspec.Struct, rename="camel"):
    """An account. ``name`` is unset where the shape does not carry it: REST's lists know the login only."""

    typename: str = msgspec.field(default="User", name="__typename")
    login: str = ""
    database_id: int | None = None
    name: str | msgspec.UnsetType | None = msgspec.UNSET


class PageInfo(msgspec.Struct, rename="camel"):
    """Whether a list goes on."""

    has_next_page: bool = False


class Nodes(msgspec.Struct, Generic[N], rename="camel"):
    """A list of children, perhaps a part of it."""

    nodes: list[N | None] = []
    page_info: PageInfo | None = None

    @property
    def is_whole(self) -> bool:
        """Whether no child is missing, as far as this (first) page can say."""
        return not (self.page_info and self.page_info.has_next_page) and None not in self.nodes


class Oid(msgspec.Struct):
    """A commit by its SHA."""

    oid: str = ""


class Reference(msgspec.Struct, rename="camel"):
    """Another object by its id."""

    full_database_id: str | int | None = None


class Name(msgspec.Struct):
    """A label, a branch."""

    name: str = ""


class Home(msgspec.Struct, rename="camel"):
    """The repository of an object."""

    database_id: int | None = None
    name_with_owner: str = ""


class GitActor(msgspec.Struct):
    """The author that git knows; ``user`` only where GitHub knows the e-mail address."""

    name: str | None = None
    email: str | None = None
    user: Person | None = None


class Commit(msgspec.Struct, rename="camel"):
    """A commit; lines are unknown over REST."""

    oid: str
    message: str = ""
    additions: int | None = None
    deletions: int | None = None
    authored_date: datetime | None = None
    committed_date: datetime | None = None
    author: GitActor | None = None


class CommitNode(msgspec.Struct):
    """A commit in a pull request."""

    commit: Commit | None = None


class Review(msgspec.Struct, rename="camel"):
    """A review."""

    full_database_id: str | int
    state: str
    body: str | None = None
    submitted_at: datetime | None = None
    commit: Oid | None = None
    author: Person | None = None


class Comment(msgspec.Struct, rename="camel"):
    """A comment, in the conversation or (with a path) on a line."""

    full_database_id: str | int
    created_at: datetime
    body: str | None = None
    updated_at: datetime | None = None
    path: str | None = None
    line: int | None = None
    original_line: int | None = None
    pull_request_review: Reference | None = None
    author: Person | None = None


class Thread(msgspec.Struct):
    """A review thread."""

    id: str = ""
    comments: Nodes[Comment] | None = None


class Owner(msgspec.Struct, rename="camel"):
    """The pull request that a page of children belongs to, as it was when the page was read."""

    full_database_id: str | int
    url: str
    repository: Home
    updated_at: datetime
    head_ref_oid: str | None = None
    total_comments_count: int | None = None

    @property
    def state_read(self) -> tuple[datetime, str | None, int | None]:
        """Equal for answers between which nothing was changed or deleted."""
        return self.updated_at, self.head_ref_oid, self.total_comments_count


class ChildPage(Owner, rename="camel"):
    """A further page of one of the lists of a pull request."""

    commits: Nodes[CommitNode] | None = None
    reviews: Nodes[Review] | None = None
    review_threads: Nodes[Thread] | None = None
    comments: Nodes[Comment] | None = None


class ThreadPage(msgspec.Struct, rename="camel"):
    """A further page of the comments of one review thread."""

    pull_request: Owner
    comments: Nodes[Comment] | None = None


class _Any(msgspec.Struct, rename="camel"):
    page_info: PageInfo | None = None


class AnyPage(msgspec.Struct, rename="camel"):
    """A further page of whichever list."""

    commits: _Any | None = None
    reviews: _Any | None = None
    review_threads: _Any | None = None
    comments: _Any | None = None

    @property
    def goes_on(self) -> bool:
        """Whether another page follows."""
        lists = (self.commits, self.reviews, self.review_threads, self.comments)
        return any(each.page_info.has_next_page for each in lists if each and each.page_info)


class PullRequest(ChildPage, rename="camel", kw_only=True):
    """A pull request with the first page of each of its lists."""

    number: int
    state: str
    created_at: datetime
    title: str | None = None
    body: str | None = None
    is_draft: bool = False
    merged_at: datetime | None = None
    closed_at: datetime | None = None
    additions: int | None = None
    deletions: int | None = None
    changed_files: int | None = None
    review_decision: str | None = None
    base_ref_name: str | None = None
    head_ref_name: str | None = None
    head_repository: Home | None = None
    merge_commit: Oid | None = None
    author: Person | None = None
    merged_by: Person | None = None
    labels: Nodes[Name] | None = None
    assignees: Nodes[Person] | None = None


class Status(msgspec.Struct, rename="camel"):
    """One status of a deployment."""

    state: str
    created_at: datetime | None = None


class Deployment(msgspec.Struct, rename="camel", kw_only=True):
    """A deployment with its statuses."""

    database_id: int
    repository: Home | None = None
    commit_oid: str = ""
    ref: Name | None = None
    environment: str | None = None
    created_at: datetime
    creator: Person | None = None
    latest_status: Status | None = None
    statuses: Nodes[Status] | None = None


@overload
def utc(moment: datetime) -> datetime: ...
@overload
def utc(moment: datetime | None) -> datetime | None: ...
def utc(moment: datetime | None) -> datetime | None:
    """The same moment in UTC; one without an offset counts as UTC."""
    if moment is None or moment.tzinfo is UTC:
        return moment
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
