"""What must a source be able to do? The one interface of all providers.

A source is pure Python: it imports no Django and knows no database. Its extraction consists of *slices* of work.
Fetching a slice gives raw records and, where a list continues, further slices. The pipeline stores all of it in one
transaction, so after a crash a worker continues with the next slice. The transform makes rows of one raw record.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

import msgspec

from apps.sources.definition import JobDefinition
from apps.sources.errors import SourceError
from apps.sources.http import Http, HttpOptions
from apps.sources.rows import Row

T = TypeVar("T")


@dataclass(frozen=True)
class Connection:
    """How to reach one provider. ``scopes`` are project keys or ``owner/name``. Without scopes all are discovered."""

    base_url: str
    username: str = ""
    token: str = field(default="", repr=False)
    scopes: tuple[str, ...] = ()


class SliceArgs(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a slice contains besides its kind and its scope. A source has one struct per group of fetch functions."""


A = TypeVar("A", bound=SliceArgs)


class Slice(msgspec.Struct, frozen=True):
    """One unit of extraction, stored as JSON in the queue. ``kind`` chooses the source's fetch function.

    ``scope`` is the project or repository that it is about, ``scopes`` are several of them. When the run has ended
    well, their changes are known up to its start.

    ``announced`` is how many records of the step's total this slice and those that follow it give, at most. ``None``:
    nobody has announced them, so the total may still grow by this slice.

    Slices that differ in the argument ``since`` only ask for the same list, from different times on.
    """

    kind: str
    args: dict[str, object] = {}
    scope: str = ""
    scopes: tuple[str, ...] = ()
    announced: int | None = None

    @classmethod
    def of(
        cls,
        kind: str,
        args: SliceArgs,
        scope: str = "",
        scopes: tuple[str, ...] = (),
        announced: int | None = None,
    ) -> "Slice":
        """A slice with these arguments."""
        return cls(kind, msgspec.to_builtins(args), scope, scopes, announced)

    def read(self, shape: type[A]) -> A:
        """The arguments that ``shape`` names."""
        return msgspec.convert(self.args, shape)

    def replace_args(self, **changes: object) -> "Slice":
        """The same slice with some other arguments."""
        return msgspec.structs.replace(self, args={**self.args, **changes})


class SourceRecord(msgspec.Struct):
    """One object of the provider: ``payload`` is its JSON, byte for byte as it was received.

    ``scope`` is the project key or repository that it belongs to ("" for what belongs to the site). ``request`` is
    the call that gave it, without secrets.
    """

    entity: str
    external_id: str
    payload: bytes
    scope: str = ""
    request: str = ""
    updated_at: datetime | None = None


class Skip(msgspec.Struct):
    """Something that the provider did not give. It is shown, and the run does not fail.

    Data is missing because of it, so the run is incomplete, unless ``is_missing`` is false. ``again`` is the slice that
    asks for the missing data: it is remembered, and every run asks again until it is given. Without one, the next run
    asks again for all changes of ``scope``, and of everything if that is "".
    """

    scope: str
    reason: str
    is_missing: bool = True
    again: Slice | None = None


class Deletion(msgspec.Struct):
    """An object that the provider no longer has; ``evidence`` is the answer that proves it, for people.

    Several records may be stored of one object: the source gives one ``Deletion`` per entity. The pipeline ignores
    deletions of what is not stored.
    """

    entity: str
    external_id: str
    evidence: str


class Listed(msgspec.Struct):
    """Ids that a provider's list contained for one project or repository. All of them must be stored afterwards."""

    entity: str
    scope: str
    ids: list[str]


class Fetched(msgspec.Struct):
    """The result of one slice. ``expected`` says how many records the provider announced, per entity (exact only).

    ``renamed`` maps old names of projects or repositories to new ones: their stored records get the new name, and
    their rows are made again. ``made_again`` names stored records, by entity, whose rows are made again because
    something that they depend on has changed; an empty list means all of the entity.
    """

    records: list[SourceRecord] = []
    follow_ups: list[Slice] = []
    expected: dict[str, int] = {}
    skips: list[Skip] = []
    listed: list[Listed] = []
    deletions: list[Deletion] = []
    renamed: dict[str, str] = {}
    made_again: dict[str, list[str]] = {}


class Children(msgspec.Struct, frozen=True):
    """Says that ``rows`` hold every child of one parent. A stored child that is not among them is deleted.

    ``field`` is the column of ``row_type`` that names the parent; ``parent`` is the parent's external id. With the
    field ``external_id`` the row itself is deleted if it is not among ``rows``.
    """

    row_type: type[Row]
    field: str
    parent: str


class Transformed(msgspec.Struct):
    """The rows of one raw record: ``rows`` are upserted, ``gap_rows`` are inserted only if no row is stored yet.

    ``odd_values`` has the paths of the values that could not be read, such as ``fields.labels[]``. Their columns are
    empty, their children are left out.
    """

    rows: list[Row] = []
    gap_rows: list[Row] = []
    complete: list[Children] = []
    odd_values: list[str] = []


class Estimate(msgspec.Struct):
    """How many records of one kind a run would fetch from one project or repository."""

    scope: str
    entity: str
    records: int
    is_exact: bool = msgspec.field(default=True, name="exact")


class Context(Protocol):
    """What the pipeline offers to a source while it works for one run.

    ``is_full``: everything is asked for again. ``with_sweep``: all ids are listed, and what a complete list lacks is
    asked for by id; a full run sweeps as well, a run of a chosen range never does.
    """

    connection: Connection
    http: Http
    is_full: bool
    with_sweep: bool

    def since(self, scope: str) -> datetime | None:
        """The start of the wanted changes of ``scope`` (with overlap); ``None`` means from the beginning."""

    def until(self) -> datetime | None:
        """The end of a chosen range; ``None`` for no end."""

    def current(self, entity: str) -> Iterator[SourceRecord]:
        """The current version of every stored record of ``entity`` of this integration, streamed."""

    def find(self, entity: str, external_id: str) -> SourceRecord | None:
        """The current version of one stored record."""

    def find_all(self, entity: str, external_ids: Sequence[str]) -> Iterator[SourceRecord]:
        """The current versions of some records, streamed, with one query. Those that are not stored are left out."""

    def changed(self, entity: str) -> Iterator[SourceRecord]:
        """The records of :meth:`current` that were stored by this run, or by an earlier run that did not finish."""

    def unlisted(self, entity: str, scope: str) -> list[str]:
        """The ids of the stored records of ``scope`` that no slice of this run has listed (see :class:`Listed`).

        "" means all scopes. Records that this run has stored are left out. Ask only when the list is complete; an id
        in the answer proves nothing yet.
        """

    def unstored(self, entity: str, ids: Sequence[str]) -> list[str]:
        """The ``ids`` without a stored current record."""

    def scope_ids(self, names: Sequence[str]) -> dict[str, str]:
        """The ids of the projects or repositories that have or had these names, by the name as it is given."""

    def unknown_repositories(self) -> list[str]:
        """The addresses (``https://host/owner/name``) that issues of the tenant name, and that nobody has or had."""

    def memo(self, key: str, make: Callable[[], T]) -> T:
        """The value of ``make()``, remembered for the rest of this run in this process."""


@dataclass(frozen=True)
class ConnectionReport:
    """The result of a connection test. ``problem`` is empty, or a sentence about what is wrong.

    ``warnings`` are sentences about what a run cannot read although the connection works.
    """

    is_ok: bool
    account: str = ""
    problem: str = ""
    scopes_found: tuple[str, ...] = ()
    expires_at: datetime | None = None
    warnings: tuple[str, ...] = ()


class Source(Protocol):
    """A provider. One folder, one line in :mod:`apps.sources.registry`."""

    definition: JobDefinition

    def http(self, connection: Connection, options: HttpOptions = HttpOptions()) -> Http:
        """A client that carries the connection's credentials."""

    def quota_key(self, connection: Connection) -> str:
        """The name of what shares one quota. All connections with the same key share a rate limiter."""

    def test(self, connection: Connection, http: Http) -> ConnectionReport:
        """Try the credentials and say in one sentence what is wrong. Never raises for an answer of the provider."""

    def start(self, step: str, context: Context) -> list[Slice]:
        """The first slices of a step."""

    def fetch(self, step: str, slice_: Slice, context: Context) -> Fetched:
        """Fetch one slice. Called from several threads at once. Raises :class:`~apps.sources.errors.SourceError`."""

    def probe(self, context: Context) -> None:
        """Send a request that works whenever the provider and the credentials work; raises what is wrong with them."""

    def refused(self, step: str, slice_: Slice, error: SourceError, context: Context) -> Fetched:
        """The outcome of a slice that the provider refuses while it answers others: a skip that names what is missing.

        Raises ``error`` if nothing can be loaded without this slice.
        """

    def transform_deletion(self, deletion: Deletion) -> Transformed:
        """The rows for a deleted object: no rows, but ``complete`` with the parents that have no children any more."""

    def estimate(self, context: Context) -> list[Estimate]:
        """What a run of this context would fetch, found with few requests; exact if the provider gives numbers."""

    def transform(self, record: SourceRecord, context: Context) -> Transformed:
        """The rows of one record. Any exception means that the record cannot be read; it is then quarantined."""
