"""How many rows do the statements of a block read, per table? The work for a batch must not grow with the tables."""

from collections.abc import Iterator
from contextlib import contextmanager

from apps.core.sql import rows

# The counters of the transaction of this connection. An index scan counts the rows that it fetches from the table.
_READ = """
SELECT relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables
WHERE schemaname = 'public'
"""


@contextmanager
def rows_read() -> Iterator[dict[str, int]]:
    """The rows that the block reads, by table. It must be inside a transaction."""
    before = dict(rows(_READ))
    read: dict[str, int] = {}
    yield read
    read |= {table: number - before.get(table, 0) for table, number in rows(_READ)}
    for table in [table for table, number in read.items() if not number]:
        del read[table]
