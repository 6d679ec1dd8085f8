"""What must be known of an answer to go on reading? Ids, totals and page marks; the rest stays as it came.

A record that is so odd that not even this can be read is stored all the same: its transform sets it aside.
"""

from datetime import datetime
from hashlib import sha256
from typing import Any, TypeVar

import msgspec

from apps.sources.errors import InvalidAnswerError
from apps.sources.text import parse_time, read_json

T = TypeVar("T")


def glance(payload: bytes, shape: type[T]) -> T | None:
    """What must be known of a record, ``None`` when it cannot be read."""
    try:
        return read_json(payload, shape)
    except msgspec.DecodeError:
        return None


def external_id(told: object, payload: bytes) -> str:
    """The id that a record tells as text; one made of its content when it tells none."""
    if told and isinstance(told, str | int):
        return str(told)
    return f"unreadable-{sha256(payload).hexdigest()[:16]}"


class PageInfo(msgspec.Struct, rename="camel"):
    """Where a list goes on."""

    has_next_page: bool = False
    end_cursor: str | None = None

    def next_after(self, after: str | None, what: str) -> str | None:
        """The cursor of the next page, ``None`` at the end. A list that repeats its own page is refused."""
        if not self.has_next_page:
            return None
        if not self.end_cursor or self.end_cursor == after:
            raise InvalidAnswerError(f"GitHub's list of {what} repeats its own page.")
        return self.end_cursor


class Page(msgspec.Struct, rename="camel"):
    """A page of things that stay as they came."""

    page_info: PageInfo
    total_count: int = 0
    nodes: list[msgspec.Raw] = []


class Item(msgspec.Struct, rename="camel"):
    """What a list of ids tells of a pull request, release or deployment."""

    id: str = ""
    database_id: Any = None
    full_database_id: Any = None
    created_at: Any = None
    published_at: Any = None
    updated_at: Any = None

    @property
    def newest(self) -> datetime | None:
        """The last time that it tells."""
        stamps = (parse_time(text) for text in (self.updated_at, self.published_at, self.created_at))
        return max((stamp for stamp in stamps if stamp), default=None)


class ItemPage(msgspec.Struct, rename="camel"):
    """A page of a list of ids."""

    page_info: PageInfo
    total_count: int = 0
    nodes: list[Item | None] = []

    @property
    def items(self) -> list[Item]:
        """Those that are there."""
        return [item for item in self.nodes if item]


class Thread(msgspec.Struct):
    """A review thread."""

    id: str
    comments: Page | None = None


class ThreadPage(msgspec.Struct, rename="camel"):
    """A page of review threads."""

    page_info: PageInfo
    nodes: list[Thread | None] = []


class Home(msgspec.Struct, rename="camel"):
    """The repository of an object."""

    name_with_owner: str = ""


class PullRequest(msgspec.Struct, rename="camel"):
    """A pull request with a page of one or all of its lists."""

    id: str
    full_database_id: str | int
    number: int
    updated_at: Any = None
    repository: Home | None = None
    commits: Page | None = None
    reviews: Page | None = None
    comments: Page | None = None
    review_threads: ThreadPage | None = None


class ThreadNode(msgspec.Struct, rename="camel"):
    """A page of the comments of one review thread."""

    id: str
    pull_request: PullRequest
    comments: Page | None = None


class Repository(msgspec.Struct, rename="camel"):
    """A repository with a page of one of its lists."""

    name_with_owner: str
    pull_requests: ItemPage | None = None
    deployments: Page | None = None


class RepositoryAnswer(msgspec.Struct):
    """The data of a question about one repository."""

    repository: Repository | None = None


class Deliveries(msgspec.Struct):
    """A repository with a page of the ids of its releases or deployments."""

    releases: ItemPage | None = None
    deployments: ItemPage | None = None


class DeliveriesAnswer(msgspec.Struct):
    """The data of a question for the ids of releases or deployments."""

    repository: Deliveries | None = None


class NodesAnswer(msgspec.Struct):
    """The data of a question for several ids."""

    nodes: list[msgspec.Raw] = []
