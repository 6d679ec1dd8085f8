"""How much can the provider answer at once? After a question that was too large, less is asked for: that stays so."""

import threading
from typing import Protocol


class Sizes(Protocol):
    """The sizes that have proven to work, by the kind of question; shared by whoever works for a connection."""

    def at_most(self, what: str, size: int) -> int:
        """``size``, or less where more has failed."""

    def lower(self, what: str, size: int) -> None:
        """Never more than ``size`` again."""


class LocalSizes:
    """The sizes of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, int] = {}

    def at_most(self, what: str, size: int) -> int:
        """See :class:`Sizes`."""
        return min(size, self._known.get(what, size))

    def lower(self, what: str, size: int) -> None:
        """See :class:`Sizes`."""
        with self._lock:
            self._known[what] = min(size, self._known.get(what, size))
