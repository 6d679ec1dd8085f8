"""Which ids did the provider's lists contain in a run, and how does that differ from what is stored?"""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import connection

from apps.core.sql import rows
from apps.sources.base import Listed

_KEEP = """
INSERT INTO raw_seen (run, integration_id, entity, external_id, scope)
SELECT %s, %s, %s, external_id, %s FROM unnest(%s::text[]) AS listed (external_id)
ON CONFLICT (run, entity, external_id) DO NOTHING
"""
# A record that this run has stored exists, even if it was created after its list was read.
_UNLISTED = """
SELECT external_id FROM raw_extraction_data AS stored
WHERE integration_id = %(integration)s AND entity = %(entity)s AND is_current
    AND (scope = %(scope)s OR %(scope)s = '') AND run IS DISTINCT FROM %(run)s
    AND NOT EXISTS (
        SELECT FROM raw_seen AS seen
        WHERE seen.run = %(run)s AND seen.entity = %(entity)s AND seen.external_id = stored.external_id
    )
ORDER BY id
"""
# OFFSET 0 forces one look-up per id: otherwise PostgreSQL may read all records of the entity.
_UNSTORED = """
SELECT external_id FROM unnest(%(ids)s::text[]) WITH ORDINALITY AS given (external_id, place)
WHERE NOT EXISTS (
    SELECT FROM raw_extraction_data AS stored
    WHERE stored.integration_id = %(integration)s AND stored.entity = %(entity)s AND stored.is_current
        AND stored.external_id = given.external_id OFFSET 0
)
ORDER BY place
"""


def keep(listed: Iterable[Listed], *, integration_id: int, run: UUID) -> None:
    """Keep the ids of some lists until the run has ended, inside the caller's transaction."""
    with connection.cursor() as cursor:
        for one in listed:
            cursor.execute(_KEEP, [run, integration_id, one.entity, one.scope, sorted(set(one.ids))])


def unlisted(integration_id: int, entity: str, scope: str, run: UUID) -> list[str]:
    """The ids of current records of ``scope`` ("" for all) that ``run`` has neither listed nor stored."""
    return _ids(_UNLISTED, integration=integration_id, entity=entity, scope=scope, run=run)


def unstored(integration_id: int, entity: str, ids: Sequence[str]) -> list[str]:
    """The ``ids`` without a current record."""
    return _ids(_UNSTORED, integration=integration_id, entity=entity, ids=list(ids))


def _ids(statement: str, **values: Any) -> list[str]:
    return [external_id for (external_id,) in rows(statement, **values)]
