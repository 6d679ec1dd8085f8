"""Does the load of a batch read only the rows of its batch, however much is loaded?"""

from collections.abc import Iterator

import pytest
from django.db import connection, transaction

from apps.integrations.models import Integration
from apps.sources import rows
from apps.sources.base import Children, Transformed
from apps.tenants.models import Tenant
from apps.warehouse.loader import load
from apps.warehouse.models import MODELS
from tests.rows_read import rows_read
from tests.services.warehouse.conftest import NOON, connect, issue

OTHERS, BATCH = 1000, 10
MAX_READ_PER_ROW = 8  # the statement may read a row several times


def record(number: int, text: str = "") -> Transformed:
    """An issue with a comment, a link, an entry of its changelog and a former key."""
    name = str(number)
    return Transformed(
        rows=[
            issue(name, summary=text),
            rows.IssueComment(external_id=name, issue=name, body=text, created_at=NOON),
            rows.IssueLink(external_id=name, issue=name, target=str(number + 1), name="blocks"),
            rows.IssueChange(external_id=f"{name}:0", issue=name, history=name, field="status", to_text=text),
            rows.IssueKey(external_id=f"{name}:OLD-1", issue=name, key="OLD-1"),
        ],
        gap_rows=[rows.User(external_id=f"user-{name}")],
        complete=[
            Children(rows.IssueComment, "issue", name),
            Children(rows.IssueLink, "issue", name),
            Children(rows.IssueLink, "target", name),
            Children(rows.IssueChange, "issue", name),
            Children(rows.IssueKey, "issue", name),
        ],
    )


def load_records(integration: Integration, first: int, number: int, text: str = "") -> None:
    records = [(one + 1, record(one, text)) for one in range(first, first + number)]
    load(records, tenant_id=integration.tenant_id, integration_id=integration.pk)


@pytest.fixture(params=["statistics of others", "statistics"])
def full(request: pytest.FixtureRequest, tenant: Tenant) -> Iterator[Integration]:
    """An integration with many loaded records."""
    other, integration = connect(tenant, "github"), connect(tenant, "jira")
    with transaction.atomic(), connection.cursor() as cursor:
        for one, statistics in ((other, "statistics of others"), (integration, "statistics")):
            load_records(one, 0, OTHERS)
            if request.param == statistics:
                cursor.execute(f"ANALYZE {', '.join(model._meta.db_table for model in MODELS.values())}")
        yield integration


@pytest.mark.parametrize(
    ("first", "text"), [(OTHERS, ""), (5, ""), (5, "changed")], ids=["new records", "the same again", "new texts"]
)
def test_a_batch_reads_only_its_own_rows(full: Integration, first: int, text: str) -> None:
    with rows_read() as read:
        load_records(full, first, BATCH, text)
    assert {table: number for table, number in read.items() if number > MAX_READ_PER_ROW * BATCH} == {}
