"""What does a slice contain besides its kind and its repository? One struct for each group of fetch functions.

The names of the fields are stored in the queues of running installations, so they stay.
"""

import msgspec

from apps.sources.base import SliceArgs
from apps.sources.github.extract import queries

Named = tuple[str, str]  # a node id, and the name of its repository
Entry = tuple[str, str, str, str]  # a stored pull request: node id, external id, repository, fingerprint


class ListArgs(SliceArgs, frozen=True):
    """Where a list continues: over REST at a URL, over GraphQL after a cursor. In a sweep its ids are noted."""

    url: str = ""
    after: str | None = None
    first: int = queries.MAX_LISTED_ITEMS
    with_sweep: bool = msgspec.field(name="sweep", default=False)


class RepositoryListArgs(SliceArgs, frozen=True):
    """A page of a list of repositories; ``not_of``: owners whose repositories another list has."""

    url: str
    not_of: list[str] | None = None


class RepositoryArgs(SliceArgs, frozen=True):
    """A repository by name; ``is_alone``: its lists are not read after it."""

    is_alone: bool = msgspec.field(name="alone", default=False)


class OverviewArgs(SliceArgs, frozen=True):
    """Some repositories; ``with_records``: their records may be old as well."""

    repositories: list[Named]
    with_records: bool = msgspec.field(name="records", default=False)
    first: int | None = None


class IdsArgs(SliceArgs, frozen=True):
    """Pull requests or deployments by id; ``inner``: how many children of each."""

    ids: list[Named]
    inner: int | None = None


class NumbersArgs(SliceArgs, frozen=True):
    """Pull requests by number."""

    numbers: list[int]


class IndexArgs(SliceArgs, frozen=True):
    """Repositories whose newest pull requests are asked for, and stored pull requests that may have changed."""

    repositories: list[Named]
    stored: list[Entry] = msgspec.field(name="known")
    first: int


class EntityArgs(SliceArgs, frozen=True):
    """Records of one entity; ``after``: where the list of their ids continues."""

    entity: str
    after: str | None = None


class VanishedArgs(SliceArgs, frozen=True):
    """Pull requests that GitHub answered with null: external ids, each with its evidence."""

    pull_requests: list[tuple[str, str]]


class ChildPage(msgspec.Struct, frozen=True):
    """A further page of one list of children of a pull request; ``id`` is the node that has the list."""

    kind: str
    id: str
    pull_request: str = msgspec.field(name="pr")
    after: str
    offset: int


class ChildPagesArgs(SliceArgs, frozen=True):
    """Further pages of several lists of children, ``first`` children each."""

    pages: list[ChildPage]
    first: int
