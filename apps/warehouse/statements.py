"""Which SQL loads one table? The statements of one row type, composed once per process."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from django.db import connection, models
from psycopg import sql

from apps.sources.rows import Row
from apps.warehouse.models import MODELS

# Binary COPY packs an integer into its column's width without a check. So integers are staged as bigint, and the cast
# of the upsert refuses what does not fit.
STAGE_TYPES = {"integer": "bigint"}

CREATE = "CREATE TEMPORARY TABLE {stage} ({definitions}) ON COMMIT DELETE ROWS"
COPY = "COPY {stage} ({columns}) FROM STDIN (FORMAT binary)"

# Rows that would change nothing are left out before they are locked. Upserts and tombstones are one statement, so that
# all row locks are taken in one order. During a first load the planner has no statistics yet, so it gets two hints:
# OFFSET 0 prevents a hash join over the whole table; the sub-select hides the integration's id, so that the planner
# finds children by their parent instead of assuming that a new integration has no rows.
UPSERT = """
WITH written AS (
    INSERT INTO {table} AS old (tenant_id, integration_id, loaded_at, deleted_at, {columns})
    SELECT %(tenant)s, %(integration)s, now(), gone, {columns} FROM (
        SELECT NULL::timestamptz AS gone, {columns} FROM {stage} AS new
        WHERE NOT EXISTS (
            SELECT FROM {table} AS old
            WHERE old.integration_id = %(integration)s AND old.external_id = new.external_id AND (
                new.external_id = ANY (%(gaps)s::text[])
                OR (old.deleted_at IS NULL AND ({old_values}) IS NOT DISTINCT FROM ({new_values}))
            ) OFFSET 0
        )
        UNION ALL
        SELECT now(), {columns} FROM {table} AS old
        WHERE tenant_id = %(tenant)s AND integration_id = (SELECT %(integration)s) AND deleted_at IS NULL
            AND ({is_child})
            AND NOT EXISTS (SELECT FROM {stage} AS new WHERE new.external_id = old.external_id)
    ) AS change
    ORDER BY external_id
    ON CONFLICT (integration_id, external_id) DO UPDATE
    SET {assignments}, loaded_at = excluded.loaded_at, deleted_at = excluded.deleted_at
    WHERE excluded.external_id <> ALL (%(gaps)s::text[])
        AND ({old_values}, old.deleted_at IS NULL)
            IS DISTINCT FROM ({excluded_values}, excluded.deleted_at IS NULL)
    RETURNING id, xmax = 0 AS inserted, deleted_at IS NOT NULL AS tombstoned
)
SELECT count(*) FILTER (WHERE inserted), count(*) FILTER (WHERE NOT inserted AND NOT tombstoned),
    count(*) FILTER (WHERE tombstoned), array_agg(id ORDER BY id)
FROM written
"""


def names(columns: Iterable[str], *qualifier: str) -> sql.Composed:
    """``a, b`` or, with a qualifier, ``q.a, q.b``."""
    return sql.SQL(", ").join(sql.Identifier(*qualifier, column) for column in columns)


@dataclass(frozen=True)
class Statements:
    """The statements that load one row type. The staged ``columns`` are the raw id, then the struct's fields."""

    row_type: type[Row]
    model: type[models.Model]
    columns: tuple[str, ...]
    types: tuple[str, ...]

    @property
    def stage(self) -> str:
        """The name of the staging table, which is temporary and belongs to the connection."""
        return f"stage_{self.row_type.table}"

    @property
    def create(self) -> sql.Composed:
        """Create the staging table."""
        definitions = sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(kind))
            for column, kind in zip(self.columns, self.types, strict=True)
        )
        return sql.SQL(CREATE).format(stage=sql.Identifier(self.stage), definitions=definitions)

    @property
    def clear(self) -> sql.Composed:
        """Remove an earlier batch of the same transaction."""
        return sql.SQL("DELETE FROM {}").format(sql.Identifier(self.stage))

    @property
    def copy(self) -> sql.Composed:
        """Fill the staging table."""
        return sql.SQL(COPY).format(stage=sql.Identifier(self.stage), columns=names(self.columns))

    def upsert(self, parent_fields: Iterable[str]) -> sql.Composed:
        """Write the staged rows into the table, and give a tombstone to all other children of the complete parents.

        Parameters: ``tenant``, ``integration``, ``gaps`` (external ids to insert but never to change) and, under the
        name of each parent field, a list of parents. The result is one row: the numbers of inserted, updated and
        tombstoned rows, and the ids of all these.
        """
        values = [column for column in self.row_type.__struct_fields__ if column != "external_id"]
        is_child = sql.SQL(" OR ").join(
            sql.SQL("{} = ANY ({})").format(sql.Identifier(field), sql.Placeholder(field)) for field in parent_fields
        )
        return sql.SQL(UPSERT).format(
            table=sql.Identifier(self.model._meta.db_table),
            stage=sql.Identifier(self.stage),
            columns=names(self.columns),
            old_values=names(values, "old"),
            new_values=names(values, "new"),
            excluded_values=names(values, "excluded"),
            is_child=is_child if parent_fields else sql.SQL("false"),
            assignments=sql.SQL(", ").join(
                sql.SQL("{} = {}").format(sql.Identifier(column), sql.Identifier("excluded", column))
                for column in ("raw", *values)
            ),
        )


@cache
def statements(row_type: type[Row]) -> Statements:
    """The statements of ``row_type``."""
    model = MODELS[row_type.table]
    columns = ("raw", *row_type.__struct_fields__)
    types = (str(model._meta.get_field(column).db_type(connection)) for column in columns)
    return Statements(row_type, model, columns, tuple(STAGE_TYPES.get(kind, kind) for kind in types))
