"""What does the extraction read of an answer? Ids, dates, totals and cursors. The rest is not parsed.

If even these cannot be read, the record is still stored, and the run says what is missing.
"""

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeVar

import msgspec

from apps.sources.errors import InvalidAnswerError
from apps.sources.reading import note_odd_value, odd_values, read_answer, read_json
from apps.sources.text import parse_time

T = TypeVar("T")


def read_part(payload: bytes, shape: type[T]) -> T | None:
    """The part of a payload that ``shape`` names, ``None`` when it cannot be read as a whole."""
    try:
        return read_answer(payload, shape)
    except msgspec.DecodeError:
        return None


def read_index(payload: bytes, shape: type[T], what: str) -> T | None:
    """As :func:`read_part`, but without odd values. They are noted as parts of ``what``: data may be missing."""
    with odd_values() as paths:
        try:
            found: T | None = read_json(payload, shape)
        except msgspec.DecodeError:
            found = None
    if paths or (found is None and payload != b"null"):
        note_odd_value(f"parts of {what}")
    return found


def external_id(given: object, payload: bytes) -> str:
    """The id of a record as text. If GitHub gives none, it is made from the content."""
    if given and isinstance(given, str | int):
        return str(given)
    return f"unreadable-{sha256(payload).hexdigest()[:16]}"


def newest_of(*stamps: object) -> datetime | None:
    """The latest of some times as GitHub writes them; ``None`` when none can be read."""
    return max(filter(None, map(parse_time, stamps)), default=None)


class CursorNode(msgspec.Struct, rename="camel"):
    """The position where a list continues."""

    has_next_page: bool
    end_cursor: str | None = None

    def next_after(self, after: str | None, what: str) -> str | None:
        """The cursor of the next page, ``None`` at the end. A list that repeats its own page is refused."""
        if not self.has_next_page:
            return None
        if not self.end_cursor or self.end_cursor == after:
            raise InvalidAnswerError(f"GitHub's list of {what} repeats its own page.")
        return self.end_cursor


class NamedRepositoryNode(msgspec.Struct, rename="camel"):
    """The repository of an object."""

    name_with_owner: str | None = None


def name_of(repository: NamedRepositoryNode | None) -> str:
    """The present name of a repository, "" if it did not come."""
    return (repository and repository.name_with_owner) or ""


class RawPageNode(msgspec.Struct, rename="camel"):
    """A page of unparsed items; ``nodes`` is ``None`` if GitHub left them out."""

    page_info: CursorNode | None = None
    total_count: int | None = None
    nodes: list[msgspec.Raw] | None = None

    def lacks(self, seen: int) -> int:
        """How many items are missing at the end of the list, after ``seen`` items of earlier pages."""
        is_last = self.page_info is not None and not self.page_info.has_next_page
        return max(0, (self.total_count or 0) - seen - len(self.nodes or [])) if is_last else 0


class IndexNode(msgspec.Struct, rename="camel"):
    """One entry of an index: the ids and dates of a pull request, release or deployment."""

    id: str = ""
    number: int | None = 0
    database_id: Any = None
    full_database_id: Any = None
    created_at: Any = None
    published_at: Any = None
    updated_at: Any = None

    @property
    def newest(self) -> datetime | None:
        """The latest of its dates."""
        return newest_of(self.updated_at, self.published_at, self.created_at)


class IndexPayload(msgspec.Struct):
    """The same over REST."""

    id: Any = None
    created_at: Any = None
    published_at: Any = None
    updated_at: Any = None

    @property
    def newest(self) -> datetime | None:
        """The latest of its dates."""
        return newest_of(self.updated_at, self.published_at, self.created_at)


class IndexPageNode(msgspec.Struct, rename="camel"):
    """A page of an index."""

    page_info: CursorNode
    nodes: list[IndexNode | None]
    total_count: int = 0

    def lacks(self, seen: int) -> int:
        """How many items are missing: those that are null, and at the end of the list those that were announced."""
        nulls = self.nodes.count(None)
        at_end = 0 if self.page_info.has_next_page else self.total_count - seen - len(self.nodes)
        return nulls + max(0, at_end)

    @property
    def items(self) -> list[IndexNode]:
        """The entries that are not null."""
        return [item for item in self.nodes if item]


def with_ids(items: Iterable[IndexNode], what: str) -> list[IndexNode]:
    """The entries that have a node id. One without cannot be asked for: it is noted as an entry of ``what``."""
    found = list(items)
    for _ in filter(lambda item: not item.id, found):
        note_odd_value(f"an entry of {what} without an id")
    return [item for item in found if item.id]


class RawThreadNode(msgspec.Struct):
    """A review thread with a page of its comments."""

    id: str
    comments: RawPageNode | None = None


class RawThreadPageNode(msgspec.Struct, rename="camel"):
    """A page of review threads."""

    page_info: CursorNode | None = None
    total_count: int | None = None
    nodes: list[RawThreadNode | None] | None = None


class RawPullRequestNode(msgspec.Struct, rename="camel"):
    """A pull request with a page of one or all of its lists."""

    id: str
    full_database_id: str | int
    number: int
    repository: NamedRepositoryNode | None = None
    updated_at: Any = None
    commits: RawPageNode | None = None
    reviews: RawPageNode | None = None
    comments: RawPageNode | None = None
    review_threads: RawThreadPageNode | None = None


class ThreadOfPullRequestNode(RawThreadNode, rename="camel", kw_only=True):
    """A review thread that was asked for by its id."""

    pull_request: RawPullRequestNode


class RepositoryListsNode(msgspec.Struct, rename="camel"):
    """A repository with a page of one of its lists."""

    name_with_owner: str
    id: str = ""
    pull_requests: IndexPageNode | None = None
    deployments: RawPageNode | None = None


class RepositoryData(msgspec.Struct):
    """The data of a query about one repository."""

    repository: RepositoryListsNode | None = None


class NodesData(msgspec.Struct):
    """The data of a query for several ids."""

    nodes: list[msgspec.Raw] = []
