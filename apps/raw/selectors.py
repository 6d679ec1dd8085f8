"""Which raw records are there? Always streamed: an integration may have millions."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from django.db.models import Count, QuerySet

from apps.raw.models import Quarantine, QuarantineState
from apps.raw.models import RawRecord as StoredRecord
from apps.sources.base import RawRecord


def _records(rows: QuerySet[StoredRecord]) -> Iterator[RawRecord]:
    for row in rows.iterator(chunk_size=200):
        yield to_record(row)


def to_record(row: StoredRecord) -> RawRecord:
    """A stored version as the source gave it."""
    return RawRecord(row.entity, row.external_id, row.payload.encode(), row.scope, row.request, row.provider_updated_at)


def current(integration_id: int, entity: str) -> Iterator[RawRecord]:
    """The current version of every record of an entity, in the order of first storing."""
    rows = StoredRecord.across_tenants.filter(integration=integration_id, entity=entity, is_current=True)
    return _records(rows.order_by("id"))


def changed(integration_id: int, entity: str, run: UUID) -> Iterator[RawRecord]:
    """Those of :func:`current` that ``run`` has stored."""
    rows = StoredRecord.across_tenants.filter(integration=integration_id, entity=entity, is_current=True, run=run)
    return _records(rows.order_by("id"))


def by_ids(ids: Sequence[int]) -> list[tuple[int, RawRecord]]:
    """The versions with these ids, with their ids."""
    return [(row.pk, to_record(row)) for row in StoredRecord.across_tenants.filter(pk__in=ids).order_by("pk")]


def extracted(integration_id: int) -> dict[str, int]:
    """How many records are current, per entity."""
    rows = StoredRecord.across_tenants.filter(integration=integration_id, is_current=True)
    return dict(rows.values_list("entity").annotate(Count("pk")).order_by())


def set_aside(integration_id: int) -> dict[str, int]:
    """How many records are in open quarantine, per entity."""
    rows = Quarantine.across_tenants.filter(integration=integration_id, state=QuarantineState.OPEN)
    return dict(rows.values_list("entity").annotate(Count("pk")).order_by())
