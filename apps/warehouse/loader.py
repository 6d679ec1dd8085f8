"""How are thousands of rows loaded at once? With one COPY and one upsert per table and batch."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import msgspec
from django.db import DataError, IntegrityError, OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import Error as PsycopgError
from psycopg import sql
from psycopg.errors import ProgramLimitExceeded

from apps.integrations.models import Integration
from apps.sources.base import Children, Transformed
from apps.sources.rows import Row
from apps.warehouse.models import MODELS
from apps.warehouse.statements import Statements, statements

Staged = tuple[int, Row]


class IntegrationGoneError(Exception):
    """The integration whose rows are to be loaded does not exist, or belongs to another tenant."""


@dataclass
class TableReport:
    """How many rows of one table a load has changed; ``given`` counts each external id once."""

    given: int = 0
    inserted: int = 0
    updated: int = 0
    tombstoned: int = 0


@dataclass
class LoadReport:
    """What a load did: per table, and the ids of changed rows (tombstoned ones too) of embedded tables."""

    tables: dict[str, TableReport] = field(default_factory=dict)
    changed: dict[str, list[int]] = field(default_factory=dict)

    def add(self, other: "LoadReport") -> None:
        """Add the numbers of ``other``."""
        for name, theirs in other.tables.items():
            ours = self.tables.setdefault(name, TableReport())
            ours.given += theirs.given
            ours.inserted += theirs.inserted
            ours.updated += theirs.updated
            ours.tombstoned += theirs.tombstoned
        for name, ids in other.changed.items():
            self.changed[name] = sorted({*self.changed.get(name, ()), *ids})


@dataclass
class Pending:
    """The rows of a batch for one table: the last one of each external id, and the complete parents."""

    rows: dict[str, Staged] = field(default_factory=dict)
    gaps: dict[str, Staged] = field(default_factory=dict)
    parents: dict[str, set[str]] = field(default_factory=dict)

    def complete(self, children: Children) -> None:
        """Note a complete parent, and drop the children that earlier records of the batch gave it."""
        parents = self.parents.setdefault(children.field, set())
        if children.parent in parents:
            self.rows = {
                key: staged
                for key, staged in self.rows.items()
                if getattr(staged[1], children.field) != children.parent
            }
        parents.add(children.parent)

    def gap_ids(self) -> list[str]:
        """The external ids that only gap rows have."""
        return [external_id for external_id in self.gaps if external_id not in self.rows]

    def staged(self) -> Collection[Staged]:
        """Every row to stage, once per external id."""
        return (self.gaps | self.rows).values()


def load(transformed: Sequence[tuple[int, Transformed]], *, tenant_id: int, integration_id: int) -> LoadReport:
    """Load ``transformed`` into the tables: pairs of a raw id and the rows of that record, oldest first.

    The caller holds the transaction. Loading the same again changes no row. Raises
    :class:`IntegrationGoneError`, and ``DataError`` or ``IntegrityError`` when a value does not fit its
    column: the caller can only roll back then (see :func:`load_or_split`).
    """
    batch = gather(transformed)
    report = LoadReport()
    with value_errors(), connection.cursor() as cursor:
        lock_integration(cursor, tenant_id, integration_id)
        create_stages(cursor, batch)
        for row_type in sorted(batch, key=lambda row_type: row_type.table):
            load_table(cursor, row_type, batch[row_type], tenant_id, integration_id, report)
    return report


def refresh_statistics() -> None:
    """Update the planner's statistics right after the first load, instead of a minute later.

    It needs the right MAINTAIN (PostgreSQL 17). If the role lacks it, PostgreSQL warns and continues.
    """
    with connection.cursor() as cursor:
        for model in MODELS.values():
            cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(model._meta.db_table)))


def load_or_split(
    transformed: Sequence[tuple[int, Transformed]], *, tenant_id: int, integration_id: int
) -> tuple[LoadReport, list[tuple[int, Exception]]]:
    """As :func:`load`, but a record that cannot be loaded does not stop the others.

    Gives the report, and the raw id and the error of each record that the database refused.
    """
    try:
        with transaction.atomic():
            return load(transformed, tenant_id=tenant_id, integration_id=integration_id), []
    except (DataError, IntegrityError) as error:
        if len(transformed) == 1:
            return LoadReport(), [(transformed[0][0], error)]
    report, refused = LoadReport(), []
    middle = len(transformed) // 2
    for half in (transformed[:middle], transformed[middle:]):
        half_report, half_refused = load_or_split(half, tenant_id=tenant_id, integration_id=integration_id)
        report.add(half_report)
        refused += half_refused
    return report, refused


def gather(transformed: Iterable[tuple[int, Transformed]]) -> dict[type[Row], Pending]:
    """Sort a batch by table. If several rows have one external id, the last one stays."""
    batch: dict[type[Row], Pending] = {}
    for raw_id, record in transformed:
        for children in record.complete:
            batch.setdefault(children.row_type, Pending()).complete(children)
        for row in record.rows:
            batch.setdefault(type(row), Pending()).rows[row.external_id] = raw_id, row
        for row in record.gap_rows:
            batch.setdefault(type(row), Pending()).gaps[row.external_id] = raw_id, row
    return batch


@contextmanager
def value_errors() -> Iterator[None]:
    """Raise Django's exceptions instead of psycopg's; ``DataError`` also for a text that no index can hold."""
    try:
        with connection.wrap_database_errors:
            yield
    except OperationalError as error:
        if isinstance(error.__cause__, ProgramLimitExceeded):
            raise DataError(str(error)) from error
        raise


def lock_integration(cursor: CursorWrapper, tenant_id: int, integration_id: int) -> None:
    """Check once what a foreign key would check for every row: the integration exists until the commit."""
    table = sql.Identifier(Integration._meta.db_table)
    query = sql.SQL("SELECT FROM {} WHERE id = %s AND tenant_id = %s FOR KEY SHARE").format(table)
    cursor.execute(query, [integration_id, tenant_id])
    if not cursor.rowcount:
        raise IntegrationGoneError(
            f"Integration {integration_id} of tenant {tenant_id} does not exist any more: nothing was loaded."
        )


def create_stages(cursor: CursorWrapper, row_types: Iterable[type[Row]]) -> None:
    """Create the staging tables that this connection does not have yet."""
    stages = {statements(row_type).stage: statements(row_type) for row_type in row_types}
    cursor.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relname = ANY (%s)",
        [list(stages)],
    )
    existing = {name for (name,) in cursor.fetchall()}
    for name in stages.keys() - existing:
        cursor.execute(stages[name].create)


def load_table(
    cursor: CursorWrapper,
    row_type: type[Row],
    pending: Pending,
    tenant_id: int,
    integration_id: int,
    report: LoadReport,
) -> None:
    """Stage and upsert the rows of one table, and note the changes in ``report``."""
    table = statements(row_type)
    staged = pending.staged()
    cursor.execute(table.clear)
    copy(cursor, table, staged)
    parents = {name: list(values) for name, values in pending.parents.items()}
    cursor.execute(
        table.upsert(parents),
        {"tenant": tenant_id, "integration": integration_id, "gaps": pending.gap_ids(), **parents},
    )
    inserted, updated, tombstoned, ids = cursor.fetchone()
    report.tables[row_type.table] = TableReport(len(staged), inserted, updated, tombstoned)
    if ids and row_type.is_embedded:
        report.changed[row_type.table] = ids


def copy(cursor: CursorWrapper, table: Statements, staged: Iterable[Staged]) -> None:
    """Stream rows into the staging table. Raises ``DataError`` that names the row of a value that cannot be packed."""
    with cursor.copy(table.copy) as stream:
        stream.set_types(table.types)
        for raw_id, row in staged:
            try:
                stream.write_row((raw_id, *msgspec.structs.astuple(row)))
            except PsycopgError:
                raise
            except Exception as error:  # a driver has many ways to say that it cannot pack a value
                raise DataError(f"{row.table} {row.external_id}: {error}") from error
