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


class IssueListArgs(SliceArgs, frozen=True):
    """A page of the list of issues of some projects that changed in a window of time.

    ``visited`` has the digests of the tokens of earlier pages. ``empty`` is the number of empty pages in a row.
    """

    keys: list[str]
    window: Window
    token: str | None = None
    visited: list[str] = []
    empty: int = 0


class IssuesArgs(SliceArgs, frozen=True):
    """Issues by id, and the projects that they may belong to."""

    ids: list[str]
    keys: list[str]


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


class BoardsArgs(SliceArgs, frozen=True):
    """Boards by id."""

    boards: list[str]


class PanelsArgs(SliceArgs, frozen=True):
    """Issues by id and project whose development panels are read; ``round`` is the number of the attempt."""

    issues: list[tuple[str, str]]
    round: int = 1


class LeftOutPanelsArgs(SliceArgs, frozen=True):
    """How many issues are beyond the limit of a run."""

    issues: int
