"""What does a slice contain besides its kind and its project? One struct for each group of fetch functions.

The names of the fields are stored in the queues of running installations, so they stay.
"""

import msgspec

from apps.sources.base import SliceArgs

Window = tuple[int | None, int | None]  # from and to, in epoch milliseconds


class AccountArgs(SliceArgs, frozen=True):
    """The check of the account; ``with_directories``: lists that rarely change are read after it."""

    with_directories: bool = msgspec.field(name="directories", default=False)


class KeysArgs(SliceArgs, frozen=True):
    """Some projects by key; none for all projects."""

    keys: list[str] = []


class PagedListArgs(SliceArgs, frozen=True):
    """How far a list was read: the place of the next page, the ids of the earlier pages, and the announced number."""

    start: int = 0
    seen: list[str] = []
    total: int = 0


class ProjectListArgs(PagedListArgs, frozen=True):
    """A page of some projects by key, none for all; ``shown`` are the names of those on earlier pages."""

    keys: list[str] = []
    shown: list[str] = []


class SprintListArgs(PagedListArgs, frozen=True):
    """A page of the sprints of a board. Only one board is named."""

    boards: list[str] = []

    @property
    def board(self) -> str:
        """The id of the board."""
        return self.boards[0]


class PeopleArgs(SliceArgs, frozen=True):
    """A page of the user directory; ``first`` is the digest of the first person of the page before."""

    start: int = 0
    first: str = ""


class IssueListArgs(SliceArgs, frozen=True):
    """A page of the list of issues of some projects that changed in a window of time.

    ``visited`` has the digests of the tokens of earlier pages. ``empty`` is the number of empty pages in a row.
    ``restarts`` counts how often the list was begun anew.
    """

    keys: list[str]
    window: Window
    token: str | None = None
    visited: list[str] = []
    empty: int = 0
    restarts: int = 0


class IssuesArgs(SliceArgs, frozen=True):
    """Issues by id, and the projects that they may belong to."""

    ids: list[str]
    keys: list[str]


class ChangedIssueArgs(SliceArgs, frozen=True):
    """An issue whose changelog is read. ``explained`` is the time of its newest change that it shows, "" if unknown."""

    id: str
    key: str
    project: str
    updated: str = ""
    explained: str = ""


class ChangelogsArgs(SliceArgs, frozen=True):
    """The issues whose changelogs are read."""

    issues: list[ChangedIssueArgs]


class CommentsArgs(SliceArgs, frozen=True):
    """The issue whose comments are read; ``restarts`` counts how often the list was begun anew."""

    id: str
    key: str
    restarts: int = 0


class EpicsArgs(SliceArgs, frozen=True):
    """Epics by key, and the issues that name them."""

    keys: list[str]
    issues: list[str]


class UnlistedArgs(SliceArgs, frozen=True):
    """The stored objects of one entity that a complete list lacks."""

    entity: str


class VerifyArgs(SliceArgs, frozen=True):
    """Objects of one entity that are asked for one by one."""

    entity: str
    ids: list[str]


class ProjectStatusesArgs(SliceArgs, frozen=True):
    """Projects by key and id."""

    projects: list[tuple[str, str]]


class PanelsArgs(SliceArgs, frozen=True):
    """Issues by id and project whose development panels are read."""

    issues: list[tuple[str, str]]
