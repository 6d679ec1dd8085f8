"""Which data do the tests of the warehouse load? Small records of one Jira and one GitHub integration."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction
from msgspec.structs import fields

from apps.integrations.models import Integration
from apps.sources import rows
from apps.sources.base import Children, Transformed
from apps.tenants.models import Tenant
from apps.warehouse.loader import LoadReport, load

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def tenant(db: None) -> Tenant:
    return Tenant.objects.create(slug="acme", name="Acme")


def connect(tenant: Tenant, provider: str) -> Integration:
    return Integration.across_tenants.create(
        tenant=tenant,
        provider=provider,
        name=provider,
        base_url=f"https://{provider}.example.com",
    )


@pytest.fixture
def jira(tenant: Tenant) -> Integration:
    return connect(tenant, "jira")


@pytest.fixture
def github(tenant: Tenant) -> Integration:
    return connect(tenant, "github")


def load_into(integration: Integration, *records: Transformed, first_raw: int = 1) -> LoadReport:
    """Load records whose raw ids count from ``first_raw``."""
    with transaction.atomic():
        return load(
            list(enumerate(records, first_raw)),
            tenant_id=integration.tenant_id,
            integration_id=integration.pk,
        )


def issue(external_id: str = "10001", **values: Any) -> rows.Issue:
    """An issue ``ABC-<external id>``."""
    return rows.Issue(
        **{
            "external_id": external_id,
            "key": f"ABC-{external_id}",
            "project": "10",
            "work_item_type": "3",
            "status": "5",
            "summary": f"Issue {external_id}",
            "created_at": NOON,
            "updated_at": NOON,
            **values,
        }
    )


def change(external_id: str, of: str = "10001", **values: Any) -> rows.IssueChange:
    """A change of the issue ``of``."""
    return rows.IssueChange(
        **{
            "external_id": external_id,
            "issue": of,
            "history": external_id,
            "field": "status",
            "changed_at": NOON,
            **values,
        }
    )


def with_changes(parent: rows.Issue, *changes: rows.IssueChange) -> Transformed:
    """An issue together with every change it has."""
    return Transformed(
        rows=[parent, *changes],
        complete=[Children(row_type=rows.IssueChange, field="issue", parent=parent.external_id)],
    )


def pull_request(external_id: str = "500", **values: Any) -> rows.PullRequest:
    """The pull request ``acme/shop#12``."""
    return rows.PullRequest(
        **{
            "external_id": external_id,
            "repository": "70",
            "number": 12,
            "title": "Pay by card",
            "state": "open",
            "url": "https://github.example.com/acme/shop/pull/12",
            "created_at": NOON,
            "updated_at": NOON,
            **values,
        }
    )


def every_row() -> list[rows.Row]:
    """A row of every table, with its required fields only."""
    values: dict[Any, Any] = {str: "x", int: 1, datetime: NOON}
    return [
        row_type(**{field.name: values[field.type] for field in fields(row_type) if field.required})
        for row_type in rows.Row.__subclasses__()
    ]
