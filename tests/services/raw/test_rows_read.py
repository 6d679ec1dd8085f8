"""Does each statement of a batch read only the rows of its batch, however much is stored?"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.db import connection, transaction

from apps.integrations.models import Integration
from apps.raw import listed_ids, services, tombstones
from apps.raw import selectors as raw
from apps.raw.models import RawRecord
from apps.raw.services import Failure
from apps.sources.base import Deletion, Listed, SourceRecord
from apps.tenants.models import Tenant
from tests.rows_read import rows_read

STORED, BATCH = 1000, 10
MAX_READ_PER_RECORD = 6  # the statements of one function may read a row several times
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
TABLES = ("raw_extraction_data", "raw_quarantine", "raw_seen", "raw_tombstone")


class Store:
    """Raw records of one integration, with what else may be known of them."""

    def __init__(self, jira: Integration) -> None:
        self.owner = {"tenant_id": jira.tenant_id, "integration_id": jira.pk}
        self.integration_id = jira.pk

    def records(self, first: int, number: int, text: str = "") -> list[SourceRecord]:
        return [
            SourceRecord("issue", str(one), f'{{"id": "{one}", "text": "{text}"}}'.encode(), "PAY")
            for one in range(first, first + number)
        ]

    def store(self, records: list[SourceRecord]) -> None:
        services.store(records, **self.owner, run=uuid4(), fetched_at=NOON)

    def fail(self, records: list[SourceRecord]) -> None:
        failures = [Failure(self.integration_id, one.entity, one.external_id, "ValueError: no") for one in records]
        services.quarantine_records(failures, **self.owner, run=uuid4(), step="issues", stage="transform")

    def bury(self, records: list[SourceRecord]) -> None:
        gone = [Deletion(one.entity, one.external_id, "404") for one in records]
        tombstones.bury(gone, **self.owner, run=uuid4(), found_at=NOON)

    def keep(self, records: list[SourceRecord]) -> None:
        listed = Listed("issue", "PAY", [one.external_id for one in records])
        listed_ids.keep([listed], integration_id=self.integration_id, run=uuid4())

    def resolve(self, records: list[SourceRecord]) -> None:
        names = [(one.entity, one.external_id) for one in records]
        services.resolve(names, integration_id=self.integration_id, stage="transform")

    def ids(self, records: list[SourceRecord]) -> list[int]:
        return raw.ids_of(self.integration_id, {"issue": [one.external_id for one in records]})

    def read(self, records: list[SourceRecord]) -> None:
        ids = self.ids(records)
        assert len(raw.sizes(ids)) == len(list(raw.by_ids(ids))) == len(records)
        assert len(tombstones.still_current(ids, integration_id=self.integration_id)) == len(records)
        tombstones.resurrect(ids)

    def find(self, records: list[SourceRecord]) -> None:
        names = [one.external_id for one in records]
        assert len(list(raw.find_all(self.integration_id, "issue", names))) == len(records)
        assert listed_ids.unstored(self.integration_id, "issue", [*names, "none"]) == ["none"]


@pytest.fixture(params=["statistics of others", "statistics"])
def full(request: pytest.FixtureRequest, acme: Tenant, db: None) -> Iterator[Store]:
    """A store with many records, each also in quarantine and listed; each tenth has been deleted."""
    other, store = (
        Store(Integration.across_tenants.create(tenant=acme, provider="jira", name=name, base_url="https://jira.test"))
        for name in ("another", "jira")
    )
    with transaction.atomic(), connection.cursor() as cursor:
        for one, statistics in ((other, "statistics of others"), (store, "statistics")):
            records = one.records(0, STORED)
            for fill in (one.store, one.fail, one.keep):
                fill(records)
            one.bury(records[::10])
            if request.param == statistics:
                cursor.execute(f"ANALYZE {', '.join(TABLES)}")
        yield store


ACTIONS: dict[str, Callable[[Store], None]] = {
    "store new records": lambda store: store.store(store.records(STORED, BATCH)),
    "store the same again": lambda store: store.store(store.records(1, BATCH)),
    "store new versions": lambda store: store.store(store.records(1, BATCH, "changed")),
    "set aside": lambda store: store.fail(store.records(1, BATCH)),
    "set aside what is new": lambda store: store.fail(store.records(STORED, BATCH)),
    "resolve": lambda store: store.resolve(store.records(1, BATCH)),
    "resolve nothing": lambda store: store.resolve(store.records(STORED, BATCH)),
    "delete": lambda store: store.bury(store.records(1, BATCH)),
    "list": lambda store: store.keep(store.records(1, BATCH)),
    "read": lambda store: store.read(store.records(1, BATCH - 1)),
    "find": lambda store: store.find(store.records(1, BATCH - 1)),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_a_batch_reads_only_its_own_rows(full: Store, action: str) -> None:
    assert RawRecord.across_tenants.count() == 2 * STORED
    with rows_read() as read:
        ACTIONS[action](full)
    assert {table: number for table, number in read.items() if number > MAX_READ_PER_RECORD * BATCH} == {}


def test_statements_that_read_a_whole_table_are_noticed(full: Store) -> None:
    with rows_read() as read:
        RawRecord.across_tenants.filter(payload="").count()
    assert read["raw_extraction_data"] == 2 * STORED
