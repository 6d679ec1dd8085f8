"""Can people look into the loaded tables of their own tenants, without changing anything?"""

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from apps.integrations.models import Integration
from apps.sources.base import Transformed
from apps.tenants.models import Membership, Role, Tenant, User
from apps.warehouse.models import MODELS, Issue, LoadedModel
from tests.services.warehouse.conftest import NOON, connect, every_row, issue, load_into

pytestmark = pytest.mark.urls("tests.services.tenants.urls")


@pytest.fixture
def browser(tenant: Tenant) -> Client:
    """The tenant's admin, logged in."""
    user = User.objects.create_user("ada", is_staff=True)
    Membership.objects.create(user=user, tenant=tenant, role=Role.ADMIN)
    client = Client()
    client.force_login(user)
    return client


def address(model: type[LoadedModel], page: str, *args: int) -> str:
    return reverse(f"admin:warehouse_{model._meta.model_name}_{page}", args=args)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_every_table_can_be_listed_searched_and_opened(
    model: type[LoadedModel], jira: Integration, browser: Client
) -> None:
    load_into(jira, Transformed(rows=every_row()))
    row = model.across_tenants.get()
    for query in ("", "?q=x", "?deleted_at__isempty=1"):
        assert browser.get(address(model, "changelist") + query).status_code == 200
    page = browser.get(address(model, "change", row.pk))
    assert page.status_code == 200
    assert b'name="_save"' not in page.content


def test_rows_of_other_tenants_are_not_shown(jira: Integration, browser: Client) -> None:
    other = Tenant.objects.create(slug="other", name="Other")
    load_into(jira, Transformed(rows=[issue(summary="Ours")]))
    load_into(connect(other, "jira"), Transformed(rows=[issue(summary="Theirs")]))
    page = browser.get(address(Issue, "changelist")).content.decode()
    assert "Ours" in page
    assert "Theirs" not in page
    theirs = Issue.across_tenants.get(tenant=other)
    assert browser.get(address(Issue, "change", theirs.pk)).status_code == 302


def test_nobody_can_change_a_row(jira: Integration, browser: Client) -> None:
    load_into(jira, Transformed(rows=[issue(summary="Ours")]))
    row = Issue.across_tenants.get()
    assert browser.post(address(Issue, "change", row.pk), {"summary": "Mine"}).status_code == 403
    assert browser.post(address(Issue, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert browser.get(address(Issue, "add")).status_code == 403


def test_tombstones_can_be_found(jira: Integration, browser: Client) -> None:
    load_into(jira, Transformed(rows=[issue("1", summary="Live"), issue("2", summary="Buried")]))
    Issue.across_tenants.filter(external_id="2").update(deleted_at=NOON)
    page = browser.get(address(Issue, "changelist") + "?deleted_at__isempty=0").content.decode()
    assert "Buried" in page
    assert "Live" not in page


def test_every_table_has_an_admin() -> None:
    assert set(MODELS.values()) <= set(admin.site._registry)
