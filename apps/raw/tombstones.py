"""Which objects are gone at the provider, what proves it, and what if one comes back?"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection

from apps.sources.base import Deletion

# One lock per integration: loads share it, a burial takes it exclusively.
_EXCLUSIVE = "SELECT pg_advisory_xact_lock(hashtextextended('tombstones', %s))"
_SHARED = "SELECT pg_advisory_xact_lock_shared(hashtextextended('tombstones', %s))"

_BURY = """
WITH gone AS (
    SELECT * FROM unnest(%(entities)s::text[], %(ids)s::text[], %(evidence)s::text[])
        AS gone (entity, external_id, evidence)
), retired AS (
    UPDATE raw_extraction_data SET is_current = false
    WHERE id = ANY (ARRAY(SELECT stored.id FROM gone CROSS JOIN LATERAL (
        SELECT id FROM raw_extraction_data
        WHERE integration_id = %(integration)s AND entity = gone.entity AND external_id = gone.external_id
            AND is_current OFFSET 0
    ) AS stored))
    RETURNING entity, external_id, scope
)
INSERT INTO raw_tombstone (tenant_id, integration_id, entity, external_id, scope, evidence, run, found_at)
SELECT %(tenant)s, %(integration)s, entity, external_id, scope, evidence, %(run)s, %(found_at)s
FROM retired JOIN gone USING (entity, external_id)
ON CONFLICT (integration_id, entity, external_id) DO UPDATE
SET scope = excluded.scope, evidence = excluded.evidence, run = excluded.run, found_at = excluded.found_at
RETURNING entity, external_id
"""
_RESURRECT = """
DELETE FROM raw_tombstone AS tombstone USING raw_extraction_data AS stored
WHERE stored.id = ANY (%s) AND tombstone.integration_id = stored.integration_id
    AND tombstone.entity = stored.entity AND tombstone.external_id = stored.external_id
"""


def bury(
    deletions: Iterable[Deletion], *, tenant_id: int, integration_id: int, run: UUID, found_at: datetime
) -> list[Deletion]:
    """Retire the raw records of deleted objects and keep the evidence; gives the deletions of records that were stored.

    It runs inside the caller's transaction, which waits for all loads of this integration (see :func:`still_current`).
    """
    by_name = {(one.entity, one.external_id): one for one in deletions}
    with connection.cursor() as cursor:
        cursor.execute(_EXCLUSIVE, [integration_id])
        cursor.execute(
            _BURY,
            {
                "tenant": tenant_id,
                "integration": integration_id,
                "run": run,
                "found_at": found_at,
                "entities": [one.entity for one in by_name.values()],
                "ids": [one.external_id for one in by_name.values()],
                "evidence": [one.evidence.replace("\x00", "") for one in by_name.values()],
            },
        )
        return [by_name[entity, external_id] for entity, external_id in cursor.fetchall()]


def resurrect(raw_ids: Sequence[int]) -> None:
    """Remove the tombstones of the objects that these raw versions bring back."""
    if raw_ids:
        with connection.cursor() as cursor:
            cursor.execute(_RESURRECT, [list(raw_ids)])


def still_current(raw_ids: Sequence[int], *, integration_id: int) -> set[int]:
    """The current versions among these. None of them can be buried until the caller's transaction ends.

    Otherwise a late load of an old version could bring deleted rows back.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SHARED, [integration_id])
        cursor.execute("SELECT id FROM raw_extraction_data WHERE id = ANY (%s) AND is_current", [list(raw_ids)])
        return {raw_id for (raw_id,) in cursor.fetchall()}
