"""What must a source be able to do? The one interface behind which every provider lives.

A source is pure Python: it imports no Django and knows no database. Its extraction is a list of *slices* of work. To
fetch a slice gives raw records and, where a list goes on, further slices; the pipeline stores all of it in one
transaction, so a killed worker goes on at the next slice. Its transform turns one raw record into rows.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

import msgspec

from apps.sources.definition import JobDefinition
from apps.sources.http import Http
from apps.sources.rows import Row

T = TypeVar("T")


@dataclass(frozen=True)
class Connection:
    """How to reach one provider. ``scopes`` are project keys or ``owner/name``; empty means: discover all."""

    base_url: str
    username: str = ""
    token: str = field(default="", repr=False)
    scopes: tuple[str, ...] = ()


class Slice(msgspec.Struct, frozen=True):
    """One piece of extraction work, as JSON in the ledger. ``kind`` picks the source's fetch function.

    It is about one project or repository, its ``scope``, or about several at once, its ``scopes``: when the run has
    ended well, their changes are known up to its start.
    """

    kind: str
    args: dict[str, Any] = {}
    scope: str = ""
    scopes: tuple[str, ...] = ()


class RawRecord(msgspec.Struct):
    """One provider object as it came over the wire: ``payload`` is its JSON, byte for byte.

    ``scope`` is the project key or repository it belongs to ("" for what belongs to the site); ``request`` the call
    it came from, without secrets.
    """

    entity: str
    external_id: str
    payload: bytes
    scope: str = ""
    request: str = ""
    updated_at: datetime | None = None


class Skip(msgspec.Struct):
    """Something the provider would not give (404, 409, 410, 451 …): an outcome to show, not a failure of the run."""

    scope: str
    reason: str


class Deletion(msgspec.Struct):
    """An object that the provider no longer has; ``evidence`` is the answer that proves it, for people.

    Several records may be stored of one object: the source gives one ``Deletion`` per entity. The pipeline ignores
    deletions of what is not stored.
    """

    entity: str
    external_id: str
    evidence: str


class Listed(msgspec.Struct):
    """Ids that the provider listed for one project or repository: all of them are to be found stored afterwards."""

    entity: str
    scope: str
    ids: list[str]


class Fetched(msgspec.Struct):
    """The outcome of one slice. ``expected`` adds to what the provider announced, per entity (exact numbers only).

    ``renamed`` are projects or repositories that go by another name now: what is stored of them goes with the name,
    and its rows are made again.
    """

    records: list[RawRecord] = []
    follow_ups: list[Slice] = []
    expected: dict[str, int] = {}
    skips: list[Skip] = []
    listed: list[Listed] = []
    deletions: list[Deletion] = []
    renamed: dict[str, str] = {}


class Children(msgspec.Struct, frozen=True):
    """Says that ``rows`` hold every child of one parent: a child that is stored but not among them is gone.

    ``field`` is the column of ``row_type`` that names the parent, ``parent`` its external id; with the field
    ``external_id`` it is the row itself that is gone when it is not among ``rows``.
    """

    row_type: type[Row]
    field: str
    parent: str


class Transformed(msgspec.Struct):
    """What one raw record means: ``rows`` are upserted, ``gap_rows`` only inserted where nothing is known yet."""

    rows: list[Row] = []
    gap_rows: list[Row] = []
    complete: list[Children] = []


class Estimate(msgspec.Struct):
    """How many records of one kind a run would fetch from one project or repository."""

    scope: str
    entity: str
    records: int
    exact: bool = True


class Context(Protocol):
    """What the pipeline offers to a source while it works for one run.

    ``full``: everything is asked for again. ``sweep``: the ids of everything are listed, and what a complete list
    lacks is asked for by id; a full run sweeps as well, a run of a chosen range never does.
    """

    connection: Connection
    http: Http
    full: bool
    sweep: bool

    def since(self, scope: str) -> datetime | None:
        """From when on changes of ``scope`` are wanted (overlap included); ``None`` means from the beginning."""

    def until(self) -> datetime | None:
        """The end of a chosen range; ``None`` for no end."""

    def current(self, entity: str) -> Iterator[RawRecord]:
        """The current version of every stored record of ``entity`` of this integration, streamed."""

    def find(self, entity: str, external_id: str) -> RawRecord | None:
        """The current version of one stored record."""

    def changed(self, entity: str) -> Iterator[RawRecord]:
        """Those of :meth:`current` whose version this run, or one before it that came to no end, has stored."""

    def unlisted(self, entity: str, scope: str) -> list[str]:
        """The ids of the stored records of ``scope`` that no slice of this run has listed (see :class:`Listed`).

        "" means all scopes. What this run has stored is not among them. To be asked for after the list has come to
        its end; that an id is among them proves nothing yet.
        """

    def unstored(self, entity: str, ids: Sequence[str]) -> list[str]:
        """Those of ``ids`` of which no current record is stored."""

    def memo(self, key: str, make: Callable[[], T]) -> T:
        """``make()``, remembered for the rest of this run in this process."""


@dataclass(frozen=True)
class ConnectionReport:
    """The outcome of a connection test: ``problem`` is empty, or the sentence that says what is wrong."""

    ok: bool
    account: str = ""
    problem: str = ""
    scopes_found: tuple[str, ...] = ()
    expires_at: datetime | None = None


class Source(Protocol):
    """A provider. One folder, one line in :mod:`apps.sources.registry`."""

    definition: JobDefinition

    def http(self, connection: Connection, **options: Any) -> Http:
        """A client that carries the connection's credentials; ``options`` go to :class:`~apps.sources.http.Http`."""

    def allowance(self, connection: Connection) -> str:
        """What shares one rate limit: all connections that answer alike obey the same governor."""

    def test(self, connection: Connection, http: Http) -> ConnectionReport:
        """Try the credentials and say in one sentence what is wrong; never raises for an answer of the provider."""

    def start(self, step: str, context: Context) -> list[Slice]:
        """The first slices of a step."""

    def fetch(self, step: str, piece: Slice, context: Context) -> Fetched:
        """Fetch one slice. Called from several threads at once. Raises :class:`~apps.sources.errors.SourceError`."""

    def transform_deletion(self, deletion: Deletion) -> Transformed:
        """Which rows go with an object that is gone: no rows, but ``complete`` with the parents that are left empty."""

    def estimate(self, context: Context) -> list[Estimate]:
        """What a run of this context would fetch, without fetching it: few requests, exact where the provider says."""

    def transform(self, record: RawRecord, context: Context) -> Transformed:
        """The rows of one record. Raises any exception for a record that cannot be read: it is set aside then."""
