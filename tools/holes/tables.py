"""What is loaded, and in what do two states differ? Living rows by table and id, without our own ids and times."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import connection

from apps.warehouse.models import MODELS
from tests.platform import OWN_COLUMNS

MAX_SHOWN = 3
MAX_VALUE_LENGTH = 80

Cells = dict[str, Any]
Table = dict[str, Cells]
Tables = dict[str, Table]


def tables_of(integration_id: int) -> Tables:
    """The living rows of an integration: kind → external id → column → value."""
    return {kind: _rows(model._meta.db_table, integration_id) for kind, model in MODELS.items()}


def _rows(table: str, integration_id: int) -> Table:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT * FROM {table} WHERE integration_id = %s AND deleted_at IS NULL ORDER BY external_id",
            [integration_id],
        )
        names = [column.name for column in cursor.description or ()]
        kept = [(place, name) for place, name in enumerate(names) if name not in OWN_COLUMNS | {"deleted_at"}]
        rows = [{name: row[place] for place, name in kept} for row in cursor.fetchall()]
    return {row["external_id"]: row for row in rows}


Difference = tuple[str, str, Cells | None, Cells | None]  # table, external id, the wanted row, the found row


def differences(wanted: Tables, found: Tables) -> Iterator[Difference]:
    """Every row that is missing, too many, or has other values."""
    for table in sorted(wanted.keys() | found.keys()):
        mine, theirs = wanted.get(table, {}), found.get(table, {})
        for name in sorted(mine.keys() | theirs.keys()):
            if mine.get(name) != theirs.get(name):
                yield table, name, mine.get(name), theirs.get(name)


def summary(found: list[Difference]) -> str:
    """The differences in one line per table, with some examples."""
    by_table: dict[str, list[Difference]] = {}
    for one in found:
        by_table.setdefault(one[0], []).append(one)
    return "; ".join(f"{table}: {_of_table(rows)}" for table, rows in by_table.items())


def _of_table(rows: list[Difference]) -> str:
    missing = [row for row in rows if row[3] is None]
    extra = [row for row in rows if row[2] is None]
    other = [row for row in rows if row[2] is not None and row[3] is not None]
    parts = [
        f"{len(some)} {words}" for some, words in ((missing, "missing"), (extra, "too many"), (other, "other")) if some
    ]
    shown = [example(row) for row in (other + missing + extra)[:MAX_SHOWN]]
    return f"{', '.join(parts)} ({' | '.join(shown)})"


def example(row: Difference) -> str:
    """One difference: ``10019 labels: ['a'] → []``."""
    _, name, wanted, found = row
    if wanted is None or found is None:
        return name
    columns = [column for column in wanted if wanted[column] != found.get(column)]
    return f"{name} " + ", ".join(f"{one}: {_short(wanted[one])} → {_short(found.get(one))}" for one in columns)


def _short(value: Any) -> str:
    text = value.isoformat() if isinstance(value, datetime) else repr(value)
    return text if len(text) <= MAX_VALUE_LENGTH else f"{text[:MAX_VALUE_LENGTH]}…"
