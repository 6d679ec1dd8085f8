"""How much can GitHub answer at once? Half as many items are asked for after a failure, then half as many children."""

from dataclasses import dataclass

from apps.sources.base import Context
from apps.sources.errors import SourceError, UntrustedError
from apps.sources.sizes import Sizes


@dataclass
class Size:
    """How much GitHub could answer so far to the kind of question ``what``: ``items``, ``inner`` children each."""

    items: int
    inner: int
    what: str
    sizes: Sizes

    def lower(self, items: int, inner: int) -> None:
        """Never more than this again; threads that failed with the same size lower it once."""
        self.items, self.inner = min(self.items, items), min(self.inner, inner)
        self.sizes.lower(_items(self.what), self.items)
        self.sizes.lower(_inner(self.what), self.inner)

    def halve(self, items: int, inner: int, error: SourceError) -> tuple[int, int]:
        """What to ask for after ``error``: half as many items, then half as many children; raises it at the end."""
        if isinstance(error, UntrustedError) or (items <= 1 and inner <= 1):
            raise error
        items, inner = (items // 2, inner) if items > 1 else (items, inner // 2)
        self.lower(max(items, 1), inner)
        return items, inner


def size_of(context: Context, what: str, items: int, inner: int) -> Size:
    """The size that the connection has come to for one kind of question; it begins with ``items`` and ``inner``."""
    sizes = context.http.sizes
    return Size(sizes.at_most(_items(what), items), sizes.at_most(_inner(what), inner), what, sizes)


def _items(what: str) -> str:
    return f"github {what}: items"


def _inner(what: str) -> str:
    return f"github {what}: inner"
