"""How are raw records stored? Equal content is stored once, the newest version is marked. A batch is 3 statements."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from uuid import UUID

from django.db import connection

from apps.core.sql import rows
from apps.raw.models import QuarantineState
from apps.sources.base import SourceRecord
from apps.sources.text import REPLACEMENT, one_line

MAX_ERROR_LENGTH = 2000  # characters
_STAGING = """
CREATE TEMPORARY TABLE IF NOT EXISTS raw_staging (
    entity text, external_id text, scope text, content_hash bytea, payload text, exact_payload bytea, request text,
    provider_updated_at timestamptz
) ON COMMIT DELETE ROWS
"""
_COPY = """
COPY raw_staging (entity, external_id, scope, content_hash, payload, exact_payload, request, provider_updated_at)
FROM STDIN
"""
# The planner knows nothing of the staging table, so it would read all records of the integration for each batch.
# LATERAL with FOR UPDATE or OFFSET 0 forces one look-up per record. The order is stable, so that two writers cannot
# deadlock.
_RETIRE = """
UPDATE raw_extraction_data SET is_current = false
WHERE id = ANY (ARRAY(
    SELECT old.id
    FROM (SELECT entity, external_id, content_hash FROM raw_staging ORDER BY entity, external_id OFFSET 0) AS new
    CROSS JOIN LATERAL (
        SELECT id FROM raw_extraction_data
        WHERE integration_id = %(integration)s AND entity = new.entity AND external_id = new.external_id AND is_current
            AND content_hash <> new.content_hash
        FOR UPDATE
    ) AS old
))
"""
_STORE = """
INSERT INTO raw_extraction_data AS stored (
    tenant_id, integration_id, entity, external_id, scope, content_hash, payload, exact_payload, request,
    provider_updated_at, fetched_at, is_current, run
)
SELECT %(tenant)s, %(integration)s, entity, external_id, scope, content_hash, payload, exact_payload, request,
    provider_updated_at, %(fetched_at)s, true, %(run)s
FROM raw_staging ORDER BY entity, external_id
ON CONFLICT (integration_id, entity, external_id, content_hash) DO UPDATE
SET is_current = true, run = excluded.run, fetched_at = excluded.fetched_at, scope = excluded.scope,
    exact_payload = excluded.exact_payload
WHERE NOT stored.is_current OR stored.scope <> excluded.scope
    OR (stored.exact_payload IS NULL AND excluded.exact_payload IS NOT NULL)
RETURNING id
"""
_STORED = """
SELECT stored.id FROM raw_staging AS new CROSS JOIN LATERAL (
    SELECT id FROM raw_extraction_data
    WHERE integration_id = %(integration)s AND entity = new.entity AND external_id = new.external_id AND is_current
    OFFSET 0
) AS stored
ORDER BY id
"""


_RENAME = """
UPDATE raw_extraction_data AS stored SET scope = renamed.after
FROM unnest(%(before)s::text[], %(after)s::text[]) AS renamed (before, after)
WHERE stored.integration_id = %(integration)s AND stored.is_current AND stored.scope = renamed.before
RETURNING stored.id
"""


@dataclass(frozen=True)
class Stored:
    """The ids of the versions that are new (or current again), and of all records in the batch."""

    changed: list[int]
    given: list[int]


def store(
    records: Iterable[SourceRecord], *, tenant_id: int, integration_id: int, run: UUID, fetched_at: datetime
) -> Stored:
    """Store the records of one batch, inside the caller's transaction. Equal content is not stored again."""
    newest = {(record.entity, record.external_id): record for record in records}
    if not newest:
        return Stored([], [])
    values: dict[str, int | UUID | datetime] = {
        "tenant": tenant_id,
        "integration": integration_id,
        "run": run,
        "fetched_at": fetched_at,
    }
    with connection.cursor() as cursor:
        cursor.execute(_STAGING)
        with cursor.copy(_COPY) as copy:
            for record in newest.values():
                copy.write_row(
                    (
                        record.entity,
                        record.external_id,
                        record.scope,
                        blake2b(record.payload, digest_size=16).digest(),
                        *_as_text(record.payload),
                        record.request,
                        record.updated_at,
                    )
                )
        cursor.execute(_RETIRE, values)
        cursor.execute(_STORE, values)
        changed = [row[0] for row in cursor.fetchall()]
        cursor.execute(_STORED, values)
        given = [row[0] for row in cursor.fetchall()]
        cursor.execute("DELETE FROM raw_staging")
    return Stored(changed, given)


def rename(renamed: Mapping[str, str], *, integration_id: int) -> list[int]:
    """Give the current records of renamed scopes their new scope; gives their ids."""
    found = rows(_RENAME, before=list(renamed), after=list(renamed.values()), integration=integration_id)
    return [raw_id for (raw_id,) in found]


def _as_text(payload: bytes) -> tuple[str, bytes | None]:
    """The payload as a text that the database can hold, and its bytes if this text says something else."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        text = payload.decode(errors="replace")
    else:
        if "\x00" not in text:
            return text, None
    return text.replace("\x00", REPLACEMENT), payload


@dataclass(frozen=True)
class Failure:
    """One record that could not be used, and why."""

    integration_id: int
    entity: str
    external_id: str
    error: str
    raw_id: int | None = None


def describe(error: Exception) -> str:
    """The error of a record, on one line."""
    text = str(error).strip() or "no further explanation"
    return one_line(f"{type(error).__name__}: {text}", MAX_ERROR_LENGTH)


def fingerprint(stage: str, failure: Failure) -> str:
    """A text that is equal for errors of the same kind: numbers and quoted values are left out."""
    kind = re.sub(r"\d+|'[^']*'|\"[^\"]*\"", "*", failure.error)
    return blake2b(f"{stage}|{failure.entity}|{kind}".encode(), digest_size=16).hexdigest()


# An entry that a person has dismissed stays dismissed while the record fails in the same way.
_QUARANTINE = """
INSERT INTO raw_quarantine AS known (
    tenant_id, integration_id, run, step, stage, entity, external_id, raw_id, error, fingerprint, state, created_at,
    settled_by, reason
)
SELECT DISTINCT ON (entity, external_id) %(tenant)s, %(integration)s, %(run)s, %(step)s, %(stage)s, entity, external_id,
    raw_id, error, fingerprint, 'open', now(), '', ''
FROM unnest(
    %(entities)s::text[], %(external_ids)s::text[], %(raw_ids)s::bigint[], %(errors)s::text[], %(fingerprints)s::text[]
) AS failure (entity, external_id, raw_id, error, fingerprint)
ORDER BY entity, external_id
ON CONFLICT (integration_id, stage, entity, external_id) DO UPDATE
SET run = excluded.run, step = excluded.step, raw_id = excluded.raw_id, error = excluded.error,
    fingerprint = excluded.fingerprint,
    state = 'open', settled_at = NULL, settled_by = '', reason = ''
WHERE NOT (known.state = 'dismissed' AND known.fingerprint = excluded.fingerprint)
"""

# LATERAL with OFFSET 0 looks for the entry of each record, and ARRAY reads those entries only. Otherwise PostgreSQL may
# hash the records and compare all open entries with them, for every batch.
_RESOLVE = """
UPDATE raw_quarantine SET state = %(resolved)s, settled_at = now()
WHERE id = ANY (ARRAY(
    SELECT known.id FROM unnest(%(entities)s::text[], %(external_ids)s::text[]) AS done (entity, external_id)
    CROSS JOIN LATERAL (
        SELECT id FROM raw_quarantine
        WHERE integration_id = %(integration)s AND stage = %(stage)s AND entity = done.entity
            AND external_id = done.external_id AND state = %(open)s OFFSET 0
    ) AS known
)) AND state = %(open)s
"""


def quarantine_records(
    failures: Sequence[Failure], *, tenant_id: int, integration_id: int, run: UUID, step: str, stage: str
) -> None:
    """Quarantine records. A record that is already there keeps its one entry and gets the newest error."""
    with connection.cursor() as cursor:
        cursor.execute(
            _QUARANTINE,
            {
                "tenant": tenant_id,
                "integration": integration_id,
                "run": run,
                "step": step,
                "stage": stage,
                "entities": [failure.entity for failure in failures],
                "external_ids": [failure.external_id for failure in failures],
                "raw_ids": [failure.raw_id for failure in failures],
                "errors": [failure.error for failure in failures],
                "fingerprints": [fingerprint(stage, failure) for failure in failures],
            },
        )


def resolve(records: Sequence[tuple[str, str]], *, integration_id: int, stage: str) -> None:
    """End the quarantine of records (entity, external id) that have now been loaded."""
    if not records:
        return
    entities, external_ids = zip(*records, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(
            _RESOLVE,
            {
                "integration": integration_id,
                "stage": stage,
                "open": QuarantineState.OPEN,
                "resolved": QuarantineState.RESOLVED,
                "entities": list(entities),
                "external_ids": list(external_ids),
            },
        )
