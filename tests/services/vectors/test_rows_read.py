"""Does a batch of the embedding read only the rows of its batch, however much is loaded, embedded and set aside?"""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from apps.integrations.models import Integration
from apps.jobs.models import Batch
from apps.jobs.queue.covers import LoadedRows, encode
from apps.raw.models import Quarantine
from apps.raw.services import Failure, quarantine_records
from apps.sources.definition import Stage
from apps.vectors.embedders import current_embedder
from apps.vectors.handlers import embed
from apps.vectors.models import Embedding
from apps.vectors.selectors import model_and_preparation
from apps.warehouse.models import Issue
from tests.rows_read import rows_read

OTHERS, BATCH = 1000, 10
MAX_READ_PER_DOCUMENT = 12  # the statements of a batch may read a row several times
TABLES = ("warehouse_issue", "vectors_embedding", "raw_quarantine")


def load(integration: Integration, first: int, number: int) -> list[Issue]:
    return Issue.across_tenants.bulk_create(
        Issue(
            tenant_id=integration.tenant_id,
            integration=integration,
            external_id=str(one),
            key=f"PAY-{one}",
            project="1",
            summary=f"Invoice {one} cannot be paid",
            loaded_at=timezone.now(),
        )
        for one in range(first, first + number)
    )


def set_aside(integration: Integration, issues: list[Issue]) -> None:
    failures = [Failure(integration.pk, "issue", issue.external_id, "too long") for issue in issues]
    owner = {"tenant_id": integration.tenant_id, "integration_id": integration.pk}
    quarantine_records(failures, **owner, run=uuid4(), step="issues", stage="embedding")


def fill(integration: Integration) -> None:
    """Many issues; all are recorded as embedded and as set aside."""
    issues = load(integration, 0, OTHERS)
    Embedding.across_tenants.bulk_create(
        Embedding(
            tenant_id=integration.tenant_id,
            integration=integration,
            kind="issue",
            external_id=issue.external_id,
            row_id=issue.pk,
            text_hash="",
            payload_hash="",
            embedded_at=timezone.now(),
            **model_and_preparation(current_embedder()),
        )
        for issue in issues
    )
    set_aside(integration, issues)


@pytest.fixture(params=["statistics of others", "statistics"])
def full(request: pytest.FixtureRequest, new_integration: Callable[[], Integration]) -> Iterator[Integration]:
    """An integration with many documents."""
    other, integration = new_integration(), new_integration()
    with transaction.atomic(), connection.cursor() as cursor:
        for one, statistics in ((other, "statistics of others"), (integration, "statistics")):
            fill(one)
            if request.param == statistics:
                cursor.execute(f"ANALYZE {', '.join(TABLES)}")
        yield integration


def test_a_batch_reads_only_its_own_rows(full: Integration) -> None:
    issues = load(full, OTHERS, BATCH)
    set_aside(full, issues)
    covers = encode(LoadedRows("issue", [issue.pk for issue in issues], full.pk))
    batch = Batch(tenant_id=full.tenant_id, covers=covers)
    for change in ({"summary": "New"}, {"summary": "Other words"}, {"key": "PAY-X"}, {"deleted_at": timezone.now()}):
        Issue.across_tenants.filter(pk__in=[issue.pk for issue in issues]).update(**change)
        with rows_read() as read:
            assert embed(batch)().done == BATCH
        assert {table: number for table, number in read.items() if number > MAX_READ_PER_DOCUMENT * BATCH} == {}
    opened = Quarantine.objects.for_tenant(full.tenant_id).filter(stage=Stage.EMBEDDING, state="open")
    assert opened.count() == OTHERS
