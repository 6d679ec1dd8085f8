"""Does a stored payload stay byte for byte what came, also if it is no valid text?"""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.db import transaction
from django.test import Client

from apps.integrations.models import Integration
from apps.raw import selectors as raw
from apps.raw import services
from apps.raw.models import RawRecord
from apps.sources.base import SourceRecord
from apps.tenants.models import Tenant
from tests.odd_values import ODD_VALUES

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
TEXTS = [
    b'{"a": "plain"}',
    '{"a": "\u00fc \U0001f600 \ufffd \ufeff"}'.encode(),
    b'\xef\xbb\xbf{"a": "\\ud83d \\u0000 \\\\. \r\n\t"}',
]
NO_TEXTS = [b'{"a": "\xff"}', b'{"a": "\xed\xa0\x80"}', b'{"a": "\x00"}', b'{"\xc3": "\x00\xff"}', b"\\x00\xff"]
ODD = [f'{{"id": "1", "odd": {value}}}'.encode() for value in ODD_VALUES.values()]


@pytest.fixture
def jira(acme: Tenant) -> Integration:
    return Integration.across_tenants.create(
        tenant=acme, provider="jira", name="jira", base_url="https://jira.example.com"
    )


@pytest.fixture(autouse=True)
def in_a_transaction(db: None) -> Iterator[None]:
    with transaction.atomic():
        yield


def store(jira: Integration, payloads: list[bytes]) -> list[int]:
    records = [SourceRecord("issue", str(number), payload) for number, payload in enumerate(payloads)]
    return services.store(
        records, tenant_id=jira.tenant_id, integration_id=jira.pk, run=uuid4(), fetched_at=NOON
    ).changed


def test_payloads_stay_byte_for_byte(jira: Integration) -> None:
    ids = store(jira, TEXTS + NO_TEXTS)
    assert {record.payload for _, record in raw.by_ids(ids)} == {*TEXTS, *NO_TEXTS}
    assert [record.payload for record in raw.current(jira.pk, "issue")] == TEXTS + NO_TEXTS
    assert store(jira, TEXTS + NO_TEXTS) == []


def test_payloads_with_odd_values_stay_byte_for_byte(jira: Integration) -> None:
    store(jira, ODD)
    assert {record.payload for record in raw.current(jira.pk, "issue")} == set(ODD)


def test_only_what_is_no_text_is_stored_as_bytes(jira: Integration) -> None:
    store(jira, TEXTS + NO_TEXTS)
    exact = RawRecord.across_tenants.exclude(exact_payload=None).order_by("pk")
    assert [record.content for record in exact] == NO_TEXTS


def test_what_was_stored_before_gets_its_bytes_when_it_comes_again(jira: Integration) -> None:
    (stored,) = store(jira, NO_TEXTS[:1])
    RawRecord.across_tenants.update(exact_payload=None)
    assert store(jira, NO_TEXTS[:1]) == [stored]
    assert RawRecord.across_tenants.get().content == NO_TEXTS[0]


def test_people_see_which_bytes_are_no_text(jira: Integration, admin_client: Client) -> None:
    store(jira, [b'{"name": "caf\xe9 \x00"}'])
    record = RawRecord.across_tenants.get()
    assert record.text == r'{"name": "caf\xe9 \x00"}'
    page = admin_client.get(f"/admin/raw/rawrecord/{record.pk}/change/").content.decode()
    assert r"caf\xe9 \x00" in page
