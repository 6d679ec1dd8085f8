"""What does a slice contain besides its kind and its repository? One struct for each group of fetch functions.

The names of the fields are stored in the queues of running installations, so they stay.
"""

from datetime import datetime

import msgspec

from apps.sources.base import Slice, SliceArgs
from apps.sources.github.extract import queries

Named = tuple[str, str]  # a node id, and the name of its repository
Entry = tuple[str, str, str, str]  # a stored pull request: node id, external id, repository, fingerprint


# Where the wanted changes begin: ``None`` for no beginning; unset: as the run says.
Since = datetime | None | msgspec.UnsetType


class NumberedId(msgspec.Struct, frozen=True, array_like=True):
    """A node id, the name of its repository, and the number that names it over REST (0 if that is not known)."""

    id: str
    repository: str
    number: int = 0


class ListArgs(SliceArgs, frozen=True):
    """Where a list continues: over REST at a URL, over GraphQL after a cursor. In a sweep its ids are noted.

    ``since`` is set where a run asks again for what an earlier run did not get: the beginning of the range of that
    run, ``None`` for no beginning. ``begun`` counts how often the list was begun anew in this run, ``seen`` its items
    so far.
    """

    url: str = ""
    after: str | None = None
    first: int = queries.MAX_LISTED_ITEMS
    with_sweep: bool = msgspec.field(name="sweep", default=False)
    since: Since = msgspec.UNSET
    begun: int = 0
    seen: int = 0


OWN = "/user/repos?per_page=100&affiliation=owner,collaborator,organization_member"
INSTALLATION = "/installation/repositories?per_page=100"


def of_owner(login: str) -> str:
    """The list of the repositories of an organisation."""
    return f"/orgs/{login}/repos?per_page=100"


class RepositoryListArgs(SliceArgs, frozen=True):
    """A page of a list of repositories.

    ``owner`` is the organisation that it is of. ``not_of`` are owners whose repositories another list has; with ``of``
    only the repositories of that owner are wanted. ``is_again``: the list was refused before, and the repositories that
    are stored need nothing. ``begun`` counts how often the list was begun anew in this run.
    """

    url: str
    not_of: list[str] | None = None
    owner: str = ""
    of: str = ""
    is_again: bool = msgspec.field(name="again", default=False)
    begun: int = 0

    @property
    def first_url(self) -> str:
        """The address of the first page."""
        if self.owner:
            return of_owner(self.owner)
        return INSTALLATION if INSTALLATION.partition("?")[0] in self.url else OWN


class RepositoryArgs(SliceArgs, frozen=True):
    """A repository by name; ``is_alone``: its lists are not read after it."""

    is_alone: bool = msgspec.field(name="alone", default=False)


class FormerNameArgs(SliceArgs, frozen=True):
    """A name that a repository may have had."""

    name: str


class OverviewArgs(SliceArgs, frozen=True):
    """Some repositories; ``with_records``: their records may be old as well."""

    repositories: list[Named]
    with_records: bool = msgspec.field(name="records", default=False)
    first: int | None = None
    since: Since = msgspec.UNSET  # as for ListArgs


class IdsArgs(SliceArgs, frozen=True):
    """Pull requests or deployments by id; ``inner``: how many children of each; ``begun`` as for ListArgs."""

    ids: list[NumberedId]
    inner: int | None = None
    begun: int = 0


class NumbersArgs(SliceArgs, frozen=True):
    """Pull requests by number; ``is_again``: an earlier run did not get them."""

    numbers: list[int]
    is_again: bool = msgspec.field(name="again", default=False)


class IndexArgs(SliceArgs, frozen=True):
    """Repositories whose newest pull requests are asked for, and stored pull requests that may have changed.

    ``numbers`` says how many pull requests of each repository are stored, where the list is compared with the store.
    """

    repositories: list[Named]
    stored: list[Entry] = msgspec.field(name="known")
    first: int
    numbers: dict[str, int] = {}


class EntityArgs(SliceArgs, frozen=True):
    """Records of one entity; ``after``: where the list of their ids continues; ``begun`` and ``seen`` as for ListArgs.

    ``ids``: only these records, by external id.
    """

    entity: str
    after: str | None = None
    begun: int = 0
    seen: int = 0
    ids: list[str] | None = None


class VanishedArgs(SliceArgs, frozen=True):
    """Pull requests that GitHub answered with null: external ids, each with its evidence.

    Without any, the repository itself was answered with null; ``again`` asks again for what did not come.
    """

    pull_requests: list[tuple[str, str]]
    again: Slice | None = None


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
    begun: int = 0  # as for ListArgs
