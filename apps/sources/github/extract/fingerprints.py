"""Which pull requests are stored, and with which fingerprint? It changes whenever a pull request changes.

A deleted comment does not change the time of a pull request. So a fingerprint consists of the time, the head commit,
and the numbers of commits, reviews and comments.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from itertools import zip_longest

import msgspec

from apps.sources.base import Context, Slice
from apps.sources.github.extract import queries
from apps.sources.github.extract.args import Entry, IndexArgs, Named
from apps.sources.github.extract.index import read_part
from apps.sources.text import in_pieces


class _TotalNode(msgspec.Struct, rename="camel", frozen=True):
    total_count: int = -1


class FingerprintNode(msgspec.Struct, rename="camel"):
    """A pull request as a sweep asks for it."""

    id: str = ""
    number: int | None = None
    updated_at: str | None = None
    head_ref_oid: str | None = None
    total_comments_count: int | None = None
    commits: _TotalNode = _TotalNode()
    reviews: _TotalNode = _TotalNode()

    @property
    def fingerprint(self) -> str:
        """A short text. Any change of the pull request gives another text."""
        fields = (self.updated_at, self.head_ref_oid, self.total_comments_count)
        text = f"{fields} {self.commits.total_count} {self.reviews.total_count}"
        return blake2b(text.encode(), digest_size=6).hexdigest()


def stored_pull_requests(context: Context, scopes: set[str]) -> list[Entry]:
    """The stored pull requests of some repositories. One that came over REST has no node id and is left out."""
    found = ((record, read_part(record.payload, FingerprintNode)) for record in context.current("pull_request"))
    return [
        (node.id, record.external_id, record.scope, node.fingerprint)
        for record, node in found
        if node and node.id and record.scope in scopes
    ]


def index_slices(
    repositories: Sequence[Named],
    stored: Sequence[Entry],
    size: int = queries.MAX_REFRESHED_PULL_REQUESTS,
    numbers: Mapping[str, int] | None = None,
) -> list[Slice]:
    """Slices of some repositories, by node id and name, and of at most ``size`` stored pull requests each.

    ``numbers``: how many pull requests of each repository are stored.
    """
    pieces = zip_longest(
        in_pieces(repositories, queries.MAX_OVERVIEW_REPOSITORIES), in_pieces(stored, size), fillvalue=()
    )
    return [index_slice(some, entries, numbers=numbers) for some, entries in pieces]


def index_slice(
    repositories: Sequence[Named],
    stored: Sequence[Entry],
    first: int = queries.MAX_LISTED_ITEMS,
    numbers: Mapping[str, int] | None = None,
) -> Slice:
    """One query for the newest pull requests of some repositories and for some stored ones."""
    known = {name: numbers[name] for _, name in repositories if numbers and name in numbers}
    args = IndexArgs(list(repositories), list(stored), first, known)
    return Slice.of("pull_request_heads", args, scopes=tuple(name for _, name in repositories))
