"""What may be forgotten, and when? Removed in small pieces beside the running work, and never what somebody needs.

The newest run of a job stays whole: a failed one can be retried. Its proof and the history of its job stay with a run
for as long as there is one; the database refuses to delete that history before its run.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from psycopg import sql

from apps.jobs.models import Run
from apps.progress.models import RunProgress
from apps.warehouse.models import MODELS

logger = logging.getLogger(__name__)

BATCH = 5000  # rows: one transaction
EVERY = 120.0  # seconds from one round of the scheduler to the next
BUDGET = 1.0  # seconds that a round may take of the scheduler's time
LOCK = "housekeeping"  # only one process does it at a time

# Ended runs by their age among the runs of their job: the newest is 1.
_RUNS = """
SELECT id FROM (
    SELECT id, state, finished_at, row_number() OVER (PARTITION BY job_id ORDER BY created_at DESC) AS age FROM jobs_run
) AS run
WHERE {condition}
"""
_ENDED = "state IN ('FINISHED', 'FAILED', 'CANCELLED') AND age > 1"
_BEYOND = _RUNS.replace("{condition}", f"{_ENDED} AND age > {{runs}}")
_OLD = _RUNS.replace(
    "{condition}", f"{_ENDED} AND (age > {{runs}} OR finished_at < now() - make_interval(days => {{days}}))"
)
# A failed run that is its job's newest goes on by a retry: it needs what it has listed.
_NEEDS_ITS_LISTS = _RUNS.replace(
    "{condition}", "state NOT IN ('FINISHED', 'FAILED', 'CANCELLED') OR (state = 'FAILED' AND age = 1)"
)


@dataclass(frozen=True)
class Chore:
    """Rows of one table that may go.

    ``expired`` is a condition on ``old``, the row; ``days`` stands in it for the setting that is the limit. A row that
    one of ``named_by`` (table, column) names stays. ``rest`` is how many seconds a table is left alone once it has
    been looked through. ``remove`` removes rows by their keys where a DELETE is not enough.
    """

    title: str
    table: str
    expired: str
    days: str = "KEEP_HISTORY_DAYS"
    named_by: tuple[tuple[str, str], ...] = ()
    rest: float = 300.0
    remove: Callable[[list[Any]], int] | None = None


def chores() -> tuple[Chore, ...]:
    """Everything that is tidied up, in this order: a run goes when none of its batches is left."""
    of_old_run = f"old.run_id = ANY (ARRAY({_OLD}))"
    settled = "old.state <> 'open' AND old.settled_at < now() - make_interval(days => {days})"
    # Replaced for so long: no version of the record has come since.
    replaced = (
        "NOT old.is_current AND NOT EXISTS (SELECT FROM raw_extraction_data AS newer"
        " WHERE (newer.integration_id, newer.entity, newer.external_id)"
        " = (old.integration_id, old.entity, old.external_id)"
        " AND newer.fetched_at >= now() - make_interval(days => {days}))"
    )
    # What a run has left undone the next one takes over when it begins.
    taken_over = (
        "(old.state = 'finished' OR EXISTS (SELECT FROM jobs_run AS own JOIN jobs_run AS next USING (job_id)"
        " WHERE own.id = old.run_id AND next.created_at > own.created_at AND next.started_at IS NOT NULL))"
    )
    left = "EXISTS (SELECT FROM etl_job_queue AS item WHERE item.run_id = old.id)"
    loaded = tuple((model._meta.db_table, "raw") for model in MODELS.values())
    return (
        Chore("ids listed in ended runs", "raw_seen", f"old.run <> ALL (ARRAY({_NEEDS_ITS_LISTS}))"),
        Chore("batches of old runs", "etl_job_queue", f"{of_old_run} AND {taken_over}", "KEEP_LEDGER_DAYS"),
        Chore("log lines of old runs", "progress_logline", of_old_run),
        Chore("spans of old runs' timelines", "progress_span", of_old_run),
        Chore("settled records that were set aside", "raw_quarantine", settled, "KEEP_QUARANTINE_DAYS"),
        Chore(
            "replaced raw versions",
            "raw_extraction_data",
            replaced,
            "KEEP_RAW_DAYS",
            named_by=(("raw_quarantine", "raw_id"), *loaded),
            rest=3600.0,
        ),
        Chore(
            "runs beyond those kept",
            "jobs_run",
            f"old.id = ANY (ARRAY({_BEYOND})) AND NOT {left}",
            remove=_remove_runs,
        ),
    )


def _remove_runs(ids: list[Any]) -> int:
    """The runs with all that hangs on them, history included: in the caller's one transaction."""
    RunProgress.across_tenants.filter(pk__in=ids).delete()
    Run.across_tenants.filter(pk__in=ids).delete()
    return len(ids)


class Housekeeper:
    """Does the chores piece by piece; remembers how far it came, because some rows stay."""

    def __init__(self) -> None:
        self._after: dict[str, Any] = {}
        self._rests_until: dict[str, float] = {}
        self._next_round = 0.0

    def round(self) -> None:
        """A short round of the scheduler: at most every :data:`EVERY` seconds, for about :data:`BUDGET` seconds."""
        now = time.monotonic()
        if now >= self._next_round:
            self._next_round = now + EVERY
            self.tidy(until=now + BUDGET)

    def tidy(self, *, until: float | None = None) -> dict[str, int]:
        """Do all chores, or as much as is possible ``until`` a time of the monotonic clock; gives rows per chore.

        Empty when another process is at it.
        """
        removed: dict[str, int] = {}
        with _alone() as alone:
            for chore in chores() if alone else ():
                removed[chore.title] = self._do(chore, until)
        if any(removed.values()):
            told = ", ".join(f"{number:,} {title}" for title, number in removed.items() if number)
            logger.info("Housekeeping removed %s.", told)
        return removed

    def _do(self, chore: Chore, until: float | None) -> int:
        removed = 0
        while self._may_go_on(chore, until):
            keys, number = _remove_some(chore, self._after.get(chore.title))
            removed += number
            is_through = len(keys) < BATCH
            self._after[chore.title] = None if is_through else keys[-1]
            if is_through:
                self._rests_until[chore.title] = time.monotonic() + chore.rest
                break
        return removed

    def _may_go_on(self, chore: Chore, until: float | None) -> bool:
        now = time.monotonic()
        return until is None or (now < until and now >= self._rests_until.get(chore.title, 0.0))


def expired() -> dict[str, int]:
    """How many rows each chore would remove now."""
    count = sql.SQL("SELECT count(*) FROM {} AS old WHERE {} AND {}")
    found = {}
    with connection.cursor() as cursor:
        for chore in chores():
            cursor.execute(count.format(sql.Identifier(chore.table), _condition(chore), _unnamed(chore)))
            found[chore.title] = cursor.fetchone()[0]
    return found


@contextmanager
def _alone() -> Iterator[bool]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [LOCK])
        alone = bool(cursor.fetchone()[0])
    try:
        yield alone
    finally:
        if alone:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [LOCK])


def _remove_some(chore: Chore, after: Any) -> tuple[list[Any], int]:
    """One piece in one transaction: the keys that were looked at, and how many rows went. Waits for nobody's row."""
    table = sql.Identifier(chore.table)
    beyond = sql.SQL("true") if after is None else sql.SQL("old.id > {}").format(sql.Literal(after))
    look = sql.SQL("SELECT old.id FROM {} AS old WHERE {} AND {} ORDER BY old.id LIMIT {} FOR UPDATE SKIP LOCKED")
    remove = sql.SQL("DELETE FROM {} AS old WHERE old.id = ANY (%s) AND {}")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(look.format(table, beyond, _condition(chore), sql.Literal(BATCH)))
        keys = [key for (key,) in cursor.fetchall()]
        if not keys:
            return keys, 0
        if chore.remove:
            return keys, chore.remove(keys)
        cursor.execute(remove.format(table, _unnamed(chore)), [keys])
        return keys, cursor.rowcount


def _condition(chore: Chore) -> sql.Composed:
    days = sql.Literal(getattr(settings, chore.days))
    return sql.SQL(chore.expired).format(days=days, runs=sql.Literal(settings.KEEP_RUNS))


def _unnamed(chore: Chore) -> sql.Composed:
    """No row that would keep it names the row."""
    conditions = [
        sql.SQL("NOT EXISTS (SELECT FROM {} AS holder WHERE holder.{} = old.id)").format(
            sql.Identifier(name), sql.Identifier(column)
        )
        for name, column in chore.named_by
    ]
    return sql.SQL(" AND ").join([sql.SQL("true"), *conditions])


housekeeper = Housekeeper()
