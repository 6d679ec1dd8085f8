"""What do GitHub's objects look like? Only the needed fields, as GraphQL has them. REST's become these shapes.

Nearly everything may be null: accounts, branches and forks are deleted, reviews have no body. What has no default is
what an object cannot be without.
"""

from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from apps.sources.reading import Address, BigInteger, Id, Integer, Name

N = TypeVar("N")
GHOST = "ghost"  # REST's stand-in for a deleted account


class AccountNode(msgspec.Struct, rename="camel"):
    """An account. ``name`` is unset if the answer lacks it: REST's lists have only the login."""

    login: Name | None
    typename: str = msgspec.field(default="User", name="__typename")
    database_id: BigInteger | None = None
    name: str | msgspec.UnsetType | None = msgspec.UNSET


class PageInfoNode(msgspec.Struct, rename="camel"):
    """Whether a list continues."""

    has_next_page: bool


class Nodes(msgspec.Struct, Generic[N], rename="camel"):
    """A list of children, or the first part of it. A list without pages has no ``page_info``.

    ``is_doubtful`` is no field of GitHub: it is kept if the list had not as many children as it announced.
    """

    nodes: list[N | None]
    page_info: PageInfoNode | msgspec.UnsetType | None = msgspec.UNSET
    total_count: Integer | None = None
    is_doubtful: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether no child is missing, as far as this page can say."""
        is_last = self.page_info is not None and not (self.page_info and self.page_info.has_next_page)
        return is_last and None not in self.nodes and not self.is_doubtful


class OidNode(msgspec.Struct):
    """A commit by its SHA."""

    oid: str


class ReferenceNode(msgspec.Struct, rename="camel"):
    """Another object by its id."""

    full_database_id: Id | None


class NameNode(msgspec.Struct):
    """A label, a branch."""

    name: str


class RepositoryNode(msgspec.Struct, rename="camel"):
    """The repository of an object."""

    name_with_owner: str | None
    database_id: BigInteger | None = None


class GitActorNode(msgspec.Struct):
    """The author that git names; ``user`` is set only if GitHub knows the e-mail address."""

    name: str | None
    email: str | None = None
    user: AccountNode | None = None


class CommitNode(msgspec.Struct, rename="camel"):
    """A commit; over REST the numbers of lines are unknown."""

    oid: Name
    message: str = ""
    additions: Integer | None = None
    deletions: Integer | None = None
    authored_date: datetime | None = None
    committed_date: datetime | None = None
    author: GitActorNode | None = None


class PullRequestCommitNode(msgspec.Struct):
    """A commit in a pull request."""

    commit: CommitNode


class ReviewNode(msgspec.Struct, rename="camel"):
    """A review."""

    full_database_id: Id
    state: str = ""
    body: str | None = None
    submitted_at: datetime | None = None
    commit: OidNode | None = None
    author: AccountNode | None = None


class CommentNode(msgspec.Struct, rename="camel"):
    """A comment, in the conversation or (with a path) on a line."""

    full_database_id: Id
    created_at: datetime | None = None
    body: str | None = None
    updated_at: datetime | None = None
    path: str | None = None
    line: Integer | None = None
    original_line: Integer | None = None
    pull_request_review: ReferenceNode | None = None
    author: AccountNode | None = None


class ThreadNode(msgspec.Struct):
    """A review thread."""

    id: str = ""
    comments: Nodes[CommentNode] | None = None


class PullRequestStateNode(msgspec.Struct, rename="camel"):
    """The pull request of a page of children, in its state when the page was read."""

    full_database_id: Id
    url: Address = ""
    repository: RepositoryNode | None = None
    updated_at: datetime | None = None
    head_ref_oid: str | None = None
    total_comments_count: int | None = None

    @property
    def state_read(self) -> tuple[datetime | None, str | None, int | None]:
        """Two answers have the same value if nothing was changed or deleted between them."""
        return self.updated_at, self.head_ref_oid, self.total_comments_count


class ChildPageNode(PullRequestStateNode, rename="camel"):
    """A further page of one of the lists of a pull request."""

    commits: Nodes[PullRequestCommitNode] | None = None
    reviews: Nodes[ReviewNode] | None = None
    review_threads: Nodes[ThreadNode] | None = None
    comments: Nodes[CommentNode] | None = None


class ThreadPageNode(msgspec.Struct, rename="camel"):
    """A further page of the comments of one review thread."""

    pull_request: PullRequestStateNode
    comments: Nodes[CommentNode] | None = None


class _AnyListNode(msgspec.Struct, rename="camel"):
    page_info: PageInfoNode | None = None


class AnyPageNode(msgspec.Struct, rename="camel"):
    """A further page of any list."""

    commits: _AnyListNode | None = None
    reviews: _AnyListNode | None = None
    review_threads: _AnyListNode | None = None
    comments: _AnyListNode | None = None

    @property
    def has_next_page(self) -> bool:
        """Whether another page follows."""
        lists = (self.commits, self.reviews, self.review_threads, self.comments)
        return any(each.page_info.has_next_page for each in lists if each and each.page_info)


class PullRequestNode(ChildPageNode, rename="camel", kw_only=True):
    """A pull request with the first page of each of its lists."""

    number: Integer
    state: str = ""
    created_at: datetime | None = None
    title: str | None = None
    body: str | None = None
    is_draft: bool = False
    merged_at: datetime | None = None
    closed_at: datetime | None = None
    additions: Integer | None = None
    deletions: Integer | None = None
    changed_files: Integer | None = None
    review_decision: str | None = None
    base_ref_name: str | None = None
    head_ref_name: str | None = None
    head_repository: RepositoryNode | None = None
    merge_commit: OidNode | None = None
    author: AccountNode | None = None
    merged_by: AccountNode | None = None
    labels: Nodes[NameNode] | None = None
    assignees: Nodes[AccountNode] | None = None


class DeploymentStatusNode(msgspec.Struct, rename="camel"):
    """One status of a deployment."""

    state: str | None
    created_at: datetime | None = None


class DeploymentNode(msgspec.Struct, rename="camel", kw_only=True):
    """A deployment with its statuses."""

    database_id: BigInteger
    repository: RepositoryNode | None = None
    commit_oid: str = ""
    ref: NameNode | None = None
    environment: str | None = None
    created_at: datetime | None = None
    creator: AccountNode | None = None
    latest_status: DeploymentStatusNode | None = None
    statuses: Nodes[DeploymentStatusNode] | None = None
