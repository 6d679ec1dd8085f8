"""What did the provider list in a run, and how does that differ from what is stored?"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import connection

from apps.core.sql import rows
from apps.sources.base import Listed

_NOTE = """
INSERT INTO raw_seen (run, integration_id, entity, external_id, scope)
SELECT %s, %s, %s, external_id, %s FROM unnest(%s::text[]) AS listed (external_id)
ON CONFLICT (run, entity, external_id) DO NOTHING
"""
# What the run has stored itself is there, whether a list was read before or after it was made.
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
_UNSTORED = """
SELECT external_id FROM unnest(%(ids)s::text[]) WITH ORDINALITY AS given (external_id, place)
WHERE NOT EXISTS (
    SELECT FROM raw_extraction_data AS stored
    WHERE stored.integration_id = %(integration)s AND stored.entity = %(entity)s AND stored.is_current
        AND stored.external_id = given.external_id
)
ORDER BY place
"""


def note(listed: Iterable[Listed], *, integration_id: int, run: UUID) -> None:
    """Keep the ids of some lists for the run's time, inside the caller's transaction."""
    with connection.cursor() as cursor:
        for part in listed:
            ids = sorted(set(part.ids))
            cursor.execute(_NOTE, [run, integration_id, part.entity, part.scope, ids])


def unlisted(integration_id: int, entity: str, scope: str, run: UUID) -> list[str]:
    """The ids of current records of ``scope`` ("" for all) that ``run`` has neither listed nor stored."""
    return _ids(_UNLISTED, {"integration": integration_id, "entity": entity, "scope": scope, "run": run})


def unstored(integration_id: int, entity: str, ids: Sequence[str]) -> list[str]:
    """Those of ``ids`` that no current record has."""
    return _ids(_UNSTORED, {"integration": integration_id, "entity": entity, "ids": list(ids)})


def _ids(query: str, values: dict[str, int | str | UUID | list[str]]) -> list[str]:
    return [external_id for (external_id,) in rows(query, **values)]
