"""Does a deleted object keep its versions and the evidence, and is it current again when it comes back?"""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction

from apps.integrations.models import Integration
from apps.raw import listed_ids, tombstones
from apps.raw import selectors as raw
from apps.raw import services as raw_services
from apps.raw.models import RawRecord, Tombstone
from apps.sources.base import Deletion, Listed, SourceRecord
from apps.tenants.models import Tenant

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def jira(acme: Tenant) -> Integration:
    return Integration.across_tenants.create(
        tenant=acme, provider="jira", name="jira", base_url="https://jira.example.com"
    )


@pytest.fixture(autouse=True)
def in_a_transaction(db: None) -> Iterator[None]:
    with transaction.atomic():
        yield


def store(jira: Integration, *ids: str, scope: str = "PAY", text: str = "", run: UUID | None = None) -> list[int]:
    records = [SourceRecord("issue", name, f'"{name}{text}"'.encode(), scope) for name in ids]
    stored = raw_services.store(
        records, tenant_id=jira.tenant_id, integration_id=jira.pk, run=run or uuid4(), fetched_at=NOON
    )
    tombstones.resurrect(stored.changed)
    return stored.changed


def bury(jira: Integration, *ids: str, run: UUID | None = None) -> list[str]:
    deletions = [Deletion("issue", name, f"GET issue/{name} is 404\x00") for name in ids]
    buried = tombstones.bury(
        deletions, tenant_id=jira.tenant_id, integration_id=jira.pk, run=run or uuid4(), found_at=NOON
    )
    return sorted(one.external_id for one in buried)


def current(jira: Integration) -> list[str]:
    return [record.external_id for record in raw.current(jira.pk, "issue")]


def test_a_deleted_object_keeps_its_versions_and_the_evidence(jira: Integration) -> None:
    store(jira, "1", "2")
    run = uuid4()
    assert bury(jira, "1", run=run) == ["1"]
    assert current(jira) == ["2"]
    assert RawRecord.across_tenants.filter(external_id="1").count() == 1
    tombstone = Tombstone.objects.for_tenant(jira.tenant_id).get()
    assert (tombstone.entity, tombstone.external_id, tombstone.scope) == ("issue", "1", "PAY")
    assert (tombstone.evidence, tombstone.run, tombstone.found_at) == ("GET issue/1 is 404", run, NOON)


def test_a_deletion_of_an_object_that_is_not_stored_is_ignored(jira: Integration) -> None:
    store(jira, "1")
    assert bury(jira, "1", "9") == ["1"]
    assert bury(jira, "1") == []
    assert Tombstone.across_tenants.count() == 1


@pytest.mark.parametrize("text", ["", " changed"])
def test_an_object_that_comes_back_is_a_change_and_has_no_tombstone(jira: Integration, text: str) -> None:
    store(jira, "1", "2")
    bury(jira, "1", "2")
    assert len(store(jira, "1", text=text)) == 1
    assert current(jira) == ["1"]
    assert Tombstone.across_tenants.get().external_id == "2"
    assert bury(jira, "1") == ["1"], "and may go again"


def test_the_same_id_of_another_integration_stays(jira: Integration) -> None:
    other = Integration.across_tenants.create(
        tenant=jira.tenant, provider="jira", name="other", base_url="https://other.example.com"
    )
    store(jira, "1")
    store(other, "1")
    bury(jira, "1")
    assert (current(jira), current(other)) == ([], ["1"])


def test_only_current_versions_may_still_be_loaded(jira: Integration) -> None:
    (old, kept, gone) = store(jira, "1", "2", "3")
    (new,) = store(jira, "1", text=" changed")
    bury(jira, "3")
    assert tombstones.still_current([old, new, kept, gone], integration_id=jira.pk) == {new, kept}


def test_a_run_knows_what_it_has_neither_listed_nor_stored(jira: Integration) -> None:
    run = uuid4()
    store(jira, "1", "2")
    store(jira, "3", scope="CHK")
    store(jira, "4", run=run)
    listed_ids.keep(
        [Listed("issue", "PAY", ["2", "2", "5"]), Listed("issue", "CHK", ["2"])], integration_id=jira.pk, run=run
    )
    assert listed_ids.unlisted(jira.pk, "issue", "PAY", run) == ["1"]
    assert listed_ids.unlisted(jira.pk, "issue", "", run) == ["1", "3"]
    assert listed_ids.unlisted(jira.pk, "issue", "", uuid4()) == ["1", "2", "3", "4"], (
        "another run has lists of its own"
    )
    assert listed_ids.unstored(jira.pk, "issue", ["9", "1", "5"]) == ["9", "5"]
    bury(jira, "1")
    assert listed_ids.unlisted(jira.pk, "issue", "", run) == ["3"]
    assert listed_ids.unstored(jira.pk, "issue", ["1"]) == ["1"]


def test_a_record_that_moved_is_found_under_its_new_scope(jira: Integration) -> None:
    store(jira, "1")
    store(jira, "1", scope="CHK")
    assert raw.find(jira.pk, "issue", "1").scope == "CHK"  # type: ignore[union-attr]
    assert raw.find(jira.pk, "issue", "2") is None


def test_burying_waits_for_loads_of_its_integration_only(jira: Integration) -> None:
    tombstones.still_current([], integration_id=jira.pk)
    with connection.cursor() as cursor:
        cursor.execute("SELECT mode FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        assert cursor.fetchall() == [("ShareLock",)]
        bury(jira, "1")
        cursor.execute("SELECT DISTINCT mode FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        assert set(cursor.fetchall()) == {("ShareLock",), ("ExclusiveLock",)}
