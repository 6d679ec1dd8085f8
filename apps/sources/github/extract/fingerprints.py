"""Which pull requests are stored, and what told at that time whether anything in them changes?

A comment that is deleted does not move a pull request's time of change. So a mark is made of the time, the head
commit, and the numbers of commits, reviews and comments.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import zip_longest
from typing import Any

import msgspec

from apps.sources.base import Context, Slice
from apps.sources.github.extract import queries
from apps.sources.github.extract.index import glance

Entry = list[str]  # node id, external id, repository, mark


class _Count(msgspec.Struct, rename="camel", frozen=True):
    total_count: int = -1


class Marks(msgspec.Struct, rename="camel"):
    """A pull request as a sweep looks at it."""

    id: str = ""
    updated_at: str | None = None
    head_ref_oid: str | None = None
    total_comments_count: int | None = None
    commits: _Count = _Count()
    reviews: _Count = _Count()

    @property
    def mark(self) -> str:
        """Short, and another one when anything has changed."""
        told = (self.updated_at, self.head_ref_oid, self.total_comments_count)
        text = f"{told} {self.commits.total_count} {self.reviews.total_count}"
        return blake2b(text.encode(), digest_size=6).hexdigest()


def stored_pull_requests(context: Context, scopes: set[str]) -> list[Entry]:
    """The stored pull requests of some repositories; one that came over REST tells no node id here, and is left out."""
    found = ((record, glance(record.payload, Marks)) for record in context.current("pull_request"))
    return [
        [told.id, record.external_id, record.scope, told.mark]
        for record, told in found
        if told and told.id and record.scope in scopes
    ]


def slices(repositories: Sequence[tuple[str, str]], stored: Sequence[Entry], size: int = queries.KNOWN) -> list[Slice]:
    """Slices of some repositories, by node id and name, and of at most ``size`` stored pull requests each."""
    parts = zip_longest(parts_of(repositories, queries.OVERVIEWED), parts_of(stored, size), fillvalue=())
    return [heads_slice(homes, entries) for homes, entries in parts]


def heads_slice(repositories: Sequence[tuple[str, str]], stored: Sequence[Entry], first: int = queries.LISTED) -> Slice:
    """One look at the newest pull requests of some repositories and at some stored ones."""
    args = {"repositories": list(repositories), "known": list(stored), "first": first}
    return Slice("pull_request_heads", args, scopes=tuple(name for _, name in repositories))


def parts_of(items: Sequence[Any], size: int) -> Iterator[list[Any]]:
    """``items`` in pieces."""
    return (list(items[i : i + size]) for i in range(0, len(items), size))
