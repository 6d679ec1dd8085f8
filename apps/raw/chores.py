"""Which rows of this app may be deleted, and when? Lists of ended runs, resolved quarantine entries, old versions."""

from collections.abc import Iterable

from django.conf import settings
from psycopg import sql

from apps.core.chores import Chore
from apps.raw.models import QuarantineState

_RESOLVED = sql.SQL("old.state <> {open} AND old.settled_at < now() - make_interval(days => {days})")
# A version counts from the time when the last later version of its record came.
_REPLACED = sql.SQL("""
NOT old.is_current AND NOT EXISTS (
    SELECT FROM raw_extraction_data AS newer
    WHERE (newer.integration_id, newer.entity, newer.external_id) = (old.integration_id, old.entity, old.external_id)
        AND newer.fetched_at >= now() - make_interval(days => {days})
)
""")


def chores(*, runs_with_lists: sql.Composable, holders: Iterable[tuple[str, str]]) -> tuple[Chore, ...]:
    """``runs_with_lists`` is a statement that gives the ids of the runs that still need what they have listed.

    ``holders`` are the (table, column) of other apps that name a version.
    """
    return (
        Chore("ids listed in ended runs", "raw_seen", sql.SQL("old.run <> ALL (ARRAY({}))").format(runs_with_lists)),
        Chore(
            "resolved records that were set aside",
            "raw_quarantine",
            _RESOLVED.format(
                open=sql.Literal(QuarantineState.OPEN.value), days=sql.Literal(settings.KEEP_QUARANTINE_DAYS)
            ),
        ),
        Chore(
            "replaced raw versions",
            "raw_extraction_data",
            _REPLACED.format(days=sql.Literal(settings.KEEP_RAW_DAYS)),
            holders=(("raw_quarantine", "raw_id"), *holders),
            rest_seconds=3600.0,
        ),
    )
