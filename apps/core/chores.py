"""How are rows removed that have passed their time? In small batches beside the running work.

An app says what may go in a module ``chores``; the housekeeper of jobs collects the chores and does them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from psycopg import sql

ROWS_PER_BATCH = 5000  # one transaction
ALWAYS = sql.SQL("true")


@dataclass(frozen=True)
class Chore:
    """Rows of one table that may go.

    ``expired`` is a condition on ``old``, the row. ``holders`` are (table, column): a row stays while one of them names
    its id. ``rest_seconds`` is how long the table is left alone once all of it was looked at. ``remove`` removes rows
    by their ids where a DELETE is not enough.
    """

    title: str
    table: str
    expired: sql.Composable
    holders: tuple[tuple[str, str], ...] = ()
    rest_seconds: float = 300.0
    remove: Callable[[list[Any]], int] | None = None

    def count(self) -> int:
        """How many rows it would remove now."""
        statement = sql.SQL("SELECT count(*) FROM {} AS old WHERE {} AND {}")
        with connection.cursor() as cursor:
            cursor.execute(statement.format(sql.Identifier(self.table), self.expired, self._is_free()))
            return int(cursor.fetchone()[0])

    def remove_batch(self, after: Any) -> tuple[list[Any], int]:
        """Remove one batch of the rows beyond the id ``after`` in one transaction; skips rows that others have locked.

        Returns the ids that it looked at, and how many rows it has removed.
        """
        table = sql.Identifier(self.table)
        beyond: sql.Composable = ALWAYS if after is None else sql.SQL("old.id > {}").format(sql.Literal(after))
        look = sql.SQL("SELECT old.id FROM {} AS old WHERE {} AND {} ORDER BY old.id LIMIT {} FOR UPDATE SKIP LOCKED")
        remove = sql.SQL("DELETE FROM {} AS old WHERE old.id = ANY (%s) AND {}")
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(look.format(table, beyond, self.expired, sql.Literal(ROWS_PER_BATCH)))
            ids = [row_id for (row_id,) in cursor.fetchall()]
            if not ids:
                return ids, 0
            if self.remove:
                return ids, self.remove(ids)
            cursor.execute(remove.format(table, self._is_free()), [ids])
            return ids, cursor.rowcount

    def _is_free(self) -> sql.Composed:
        """The condition that no holder names the row."""
        unnamed = sql.SQL("NOT EXISTS (SELECT FROM {} AS holder WHERE holder.{} = old.id)")
        return sql.SQL(" AND ").join(
            [ALWAYS, *(unnamed.format(sql.Identifier(table), sql.Identifier(column)) for table, column in self.holders)]
        )
