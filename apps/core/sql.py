"""How is a statement of our own run? All rows at once, or page by page."""

from collections.abc import Iterator
from typing import Any

from django.db import connection
from psycopg import sql


def rows(statement: str | sql.Composable, **values: Any) -> list[tuple[Any, ...]]:
    """Run ``statement`` with its ``%(name)s`` values; returns all rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def pages(statement: str, size: int, **values: Any) -> Iterator[list[tuple[Any, ...]]]:
    """Run ``statement``; yields its rows in pages of ``size``, out of a result that waits on the server.

    Outside of a transaction no transaction stays open: the server keeps the result, not a snapshot.
    """
    with connection.chunked_cursor() as cursor:
        cursor.execute(statement, values)
        while page := cursor.fetchmany(size):
            yield page
