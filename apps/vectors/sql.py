"""How are statements of our own run?"""

from collections.abc import Iterator
from typing import Any

from django.db import connection


def rows(statement: str, **values: Any) -> list[tuple[Any, ...]]:
    """Run ``statement`` with its ``%(name)s`` values; gives all rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def pages(statement: str, size: int, **values: Any) -> Iterator[list[tuple[Any, ...]]]:
    """Run ``statement``; gives its rows ``size`` by ``size``, out of a result that waits on the server.

    Outside of a transaction none stays open: the server keeps the result, not a snapshot.
    """
    with connection.chunked_cursor() as cursor:
        cursor.execute(statement, values)
        while page := cursor.fetchmany(size):
            yield page
