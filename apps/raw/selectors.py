"""Which raw records are stored, and which are in quarantine? Records are streamed: there may be millions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from apps.core.sql import rows
from apps.raw.models import Quarantine, QuarantineState, RawRecord
from apps.sources.base import SourceRecord
from apps.sources.text import in_pieces
from apps.tenants.models import Tenant

MAX_RECORDS_IN_MEMORY = 50  # of those that are streamed; a page of the largest ones may have some MB each


def _records(rows: QuerySet[RawRecord], chunk_size: int = MAX_RECORDS_IN_MEMORY) -> Iterator[SourceRecord]:
    for row in rows.iterator(chunk_size=chunk_size):
        yield to_record(row)


def _current(integration_id: int, entity: str) -> QuerySet[RawRecord]:
    return RawRecord.across_tenants.filter(integration=integration_id, entity=entity, is_current=True)


def to_record(row: RawRecord) -> SourceRecord:
    """A stored version as its source gave it."""
    return SourceRecord(row.entity, row.external_id, row.content, row.scope, row.request, row.provider_updated_at)


def current(integration_id: int, entity: str) -> Iterator[SourceRecord]:
    """The current version of every record of an entity, in the order of their first storage."""
    return _records(_current(integration_id, entity).order_by("id"))


def find(integration_id: int, entity: str, external_id: str) -> SourceRecord | None:
    """The current version of one record."""
    row = _current(integration_id, entity).filter(external_id=external_id).first()
    return to_record(row) if row else None


def find_all(integration_id: int, entity: str, external_ids: Sequence[str]) -> Iterator[SourceRecord]:
    """The current versions of some records, few at a time."""
    return _records(_current(integration_id, entity).filter(external_id__in=external_ids), chunk_size=20)


def ids_of(integration_id: int, records: Mapping[str, Sequence[str]]) -> list[int]:
    """The ids of the current versions of some records: external ids by entity; none of them means all of the entity."""
    found: list[int] = []
    for entity, external_ids in records.items():
        rows = _current(integration_id, entity)
        rows = rows.filter(external_id__in=external_ids) if external_ids else rows
        found += rows.order_by("pk").values_list("pk", flat=True)
    return found


def changed(integration_id: int, entity: str, runs: Sequence[UUID]) -> Iterator[SourceRecord]:
    """The records of :func:`current` that one of ``runs`` has stored."""
    return _records(_current(integration_id, entity).filter(run__in=runs).order_by("id"))


def by_ids(ids: Sequence[int]) -> Iterator[tuple[int, SourceRecord]]:
    """The versions with these ids in their order, with their ids; few payloads are in memory at a time."""
    for some in in_pieces(sorted(ids), MAX_RECORDS_IN_MEMORY):
        for row in RawRecord.across_tenants.filter(pk__in=some).order_by("pk"):
            yield row.pk, to_record(row)


# PostgreSQL knows the size of a text without reading the text.
_SIZES = "SELECT id, octet_length(payload) FROM raw_extraction_data WHERE id = ANY (%(ids)s)"


def sizes(ids: Sequence[int]) -> dict[int, int]:
    """The bytes of the payloads of these versions, by id."""
    return dict(rows(_SIZES, ids=list(ids))) if ids else {}


def current_ids(integration_id: int, *, after: int, limit: int) -> list[int]:
    """The ids of the next current versions of an integration, in ascending order."""
    rows = RawRecord.across_tenants.filter(integration=integration_id, is_current=True, pk__gt=after)
    return list(rows.order_by("pk").values_list("pk", flat=True)[:limit])


def count_current(integration_id: int) -> dict[str, int]:
    """How many records are current, per entity."""
    rows = RawRecord.across_tenants.filter(integration=integration_id, is_current=True)
    return dict(rows.values_list("entity").annotate(Count("pk")).order_by())


def count_quarantined(integration_id: int) -> dict[str, int]:
    """How many records are in open quarantine, per entity."""
    rows = Quarantine.across_tenants.filter(integration=integration_id, state=QuarantineState.OPEN)
    return dict(rows.values_list("entity").annotate(Count("pk")).order_by())


def count_quarantined_by(run: UUID) -> int:
    """How many records a run has quarantined and nobody has resolved."""
    return Quarantine.across_tenants.filter(run=run, state=QuarantineState.OPEN).count()


@dataclass(frozen=True)
class QuarantineQuery:
    """The conditions for quarantine entries; an empty field is no condition."""

    integration: int | None = None
    stage: str = ""
    entity: str = ""
    state: str = QuarantineState.OPEN.value
    text: str = ""
    fingerprint: str = ""
    ids: Sequence[int] = ()


def quarantined(tenant: Tenant, query: QuarantineQuery) -> QuerySet[Quarantine]:
    """The tenant's quarantine entries that fit the query."""
    exact = {
        "integration": query.integration,
        "stage": query.stage,
        "entity": query.entity,
        "state": query.state,
        "fingerprint": query.fingerprint,
        "pk__in": query.ids,
    }
    condition = Q(**{name: value for name, value in exact.items() if value})
    if query.text:
        condition &= Q(external_id__icontains=query.text) | Q(error__icontains=query.text)
    return Quarantine.objects.for_tenant(tenant).filter(condition)


_QUARANTINED_RAW_IDS = """
SELECT r.id FROM raw_quarantine AS q JOIN raw_extraction_data AS r USING (integration_id, entity, external_id)
WHERE q.id = ANY (%(ids)s) AND q.stage <> %(stage)s AND q.state <> %(resolved)s AND r.is_current ORDER BY r.id
"""


def quarantined_raw_ids(ids: Sequence[int], *, not_in_stage: str) -> list[int]:
    """The ids of the current raw records of unresolved quarantine entries, without the entries of one stage."""
    found = rows(_QUARANTINED_RAW_IDS, ids=list(ids), stage=str(not_in_stage), resolved=QuarantineState.RESOLVED.value)
    return [raw_id for (raw_id,) in found]


def unresolved(ids: Sequence[int], *, stage: str) -> dict[str, list[str]]:
    """The unresolved entries among some quarantine entries of one stage: external ids by entity."""
    rows = Quarantine.across_tenants.filter(pk__in=ids, stage=stage).exclude(state=QuarantineState.RESOLVED)
    found: dict[str, list[str]] = {}
    for entity, external_id in rows.values_list("entity", "external_id"):
        found.setdefault(entity, []).append(external_id)
    return found


# A record is not missing if it was deleted meanwhile, or was quarantined before it could be stored. A stored record
# counts for its own scope, because some lists are of the whole site.
_LISTED_IDS = """
SELECT seen.entity, coalesce(r.scope, seen.scope) AS place, count(*),
    count(*) FILTER (WHERE r.id IS NULL AND q.id IS NULL),
    (array_agg(seen.external_id) FILTER (WHERE r.id IS NULL AND q.id IS NULL))[:%(max_ids)s]
FROM raw_seen AS seen
LEFT JOIN raw_extraction_data AS r ON r.integration_id = seen.integration_id AND r.entity = seen.entity
    AND r.external_id = seen.external_id AND r.is_current
LEFT JOIN raw_quarantine AS q ON q.integration_id = seen.integration_id AND q.stage = 'extraction'
    AND q.entity = seen.entity AND q.external_id = seen.external_id AND q.state <> 'resolved'
WHERE seen.run = %(run)s AND NOT EXISTS (
    SELECT FROM raw_tombstone AS gone WHERE gone.integration_id = seen.integration_id AND gone.entity = seen.entity
        AND gone.external_id = seen.external_id
)
GROUP BY seen.entity, place
"""


def count_listed(run: UUID, max_ids: int) -> list[tuple[str, str, int, int, list[str] | None]]:
    """The lists of a run: entity, scope, how many ids, how many of them are not stored, and some of these."""
    return rows(_LISTED_IDS, run=run, max_ids=max_ids)
