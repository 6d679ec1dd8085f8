"""How much can the provider answer at once? After a query was too large, all later queries are smaller."""

import threading
from typing import Protocol


class Sizes(Protocol):
    """The sizes that have worked, by the kind of query. All workers of a connection share them."""

    def at_most(self, what: str, size: int) -> int:
        """``size``, or a smaller size if that was too large before."""

    def lower(self, what: str, size: int) -> None:
        """Ask for at most ``size`` from now on."""


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
