"""Is a batch of the transform limited by the size of its records as well as by their number?"""

from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from uuid import uuid4

import pytest
from django.db import transaction

from apps.integrations.models import Integration
from apps.jobs.execution.follow_ups import MAX_BYTES, MAX_RECORDS, to_transform
from apps.jobs.queue.covers import RawRecords
from apps.raw import selectors as raw
from apps.raw import services
from apps.sources.base import SourceRecord
from apps.tenants.models import Tenant

LARGE = MAX_BYTES // 4
SMALL_RECORDS = 2 * MAX_RECORDS


@pytest.fixture
def stored(acme: Tenant, db: None) -> Iterator[dict[int, int]]:
    """The sizes of many small records, a few large ones and one that is larger than a batch, by id."""
    jira = Integration.across_tenants.create(tenant=acme, provider="jira", name="jira", base_url="https://jira.test")
    sizes = [10] * SMALL_RECORDS + [LARGE] * 9 + [MAX_BYTES + 1]
    Random(1).shuffle(sizes)
    records = [SourceRecord("issue", f"{place:06}", b"x" * size) for place, size in enumerate(sizes)]
    owner = {"tenant_id": jira.tenant_id, "integration_id": jira.pk}
    with transaction.atomic():
        given = services.store(records, **owner, run=uuid4(), fetched_at=datetime.now(UTC)).given
        yield dict(zip(given, sizes, strict=True))


def test_every_record_is_in_one_batch_and_no_batch_is_too_large(stored: dict[int, int]) -> None:
    assert raw.sizes(list(stored)) == stored
    batches = list(to_transform("issues", list(stored)))
    covered = [batch.covers.ids for batch in batches if isinstance(batch.covers, RawRecords)]
    assert [raw_id for ids in covered for raw_id in ids] == list(stored)
    assert [batch.size for batch in batches] == [len(ids) for ids in covered]
    for ids in covered:
        assert len(ids) <= MAX_RECORDS
        assert len(ids) == 1 or sum(stored[raw_id] for raw_id in ids) <= MAX_BYTES


def test_batches_are_as_large_as_they_may_be(stored: dict[int, int]) -> None:
    batches = list(to_transform("issues", list(stored)))
    assert len(batches) <= len(stored) // MAX_RECORDS + 1 + 2 * sum(stored.values()) // MAX_BYTES
