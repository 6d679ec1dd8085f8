"""How are old rows removed while the product works? Chore by chore, in batches, a short time in each round."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from apps.core import chores
from apps.core.chores import Chore
from apps.jobs.scheduler.chores import all_chores

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_ROUNDS = 120.0
MAX_ROUND_SECONDS = 1.0
LOCK = "housekeeping"  # only one process does it at a time


class Housekeeper:
    """Does the chores. It remembers how far it came in each table, because some rows stay."""

    def __init__(self) -> None:
        self._after: dict[str, Any] = {}
        self._rests_until: dict[str, float] = {}
        self._next_round = 0.0

    def round(self) -> None:
        """A round of the scheduler, unless the last one is too recent; see the two limits above."""
        now = time.monotonic()
        if now >= self._next_round:
            self._next_round = now + SECONDS_BETWEEN_ROUNDS
            self.tidy(until=now + MAX_ROUND_SECONDS)

    def tidy(self, *, until: float | None = None) -> dict[str, int]:
        """Do all chores, or what is possible ``until`` a time of the monotonic clock; returns rows per chore.

        The answer is empty if another process is doing them.
        """
        removed: dict[str, int] = {}
        with _lock() as is_locked:
            for chore in all_chores() if is_locked else ():
                removed[chore.title] = self._do(chore, until)
        if any(removed.values()):
            counts = ", ".join(f"{number:,} {title}" for title, number in removed.items() if number)
            logger.info("Housekeeping removed %s.", counts)
        return removed

    def _do(self, chore: Chore, until: float | None) -> int:
        removed = 0
        while self._may_go_on(chore, until):
            ids, number = chore.remove_batch(self._after.get(chore.title))
            removed += number
            is_last = len(ids) < chores.ROWS_PER_BATCH
            self._after[chore.title] = None if is_last else ids[-1]
            if is_last:
                self._rests_until[chore.title] = time.monotonic() + chore.rest_seconds
                break
        return removed

    def _may_go_on(self, chore: Chore, until: float | None) -> bool:
        now = time.monotonic()
        return until is None or (now < until and now >= self._rests_until.get(chore.title, 0.0))


def expired() -> dict[str, int]:
    """How many rows each chore would remove now."""
    return {chore.title: chore.count() for chore in all_chores()}


@contextmanager
def _lock() -> Iterator[bool]:
    """Whether this process holds the lock of all housekeepers while the block runs."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [LOCK])
        is_locked = bool(cursor.fetchone()[0])
    try:
        yield is_locked
    finally:
        if is_locked:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [LOCK])


housekeeper = Housekeeper()
