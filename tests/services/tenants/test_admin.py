"""Does the admin site show each person their own tenants, and let them do what their role allows?"""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin import AdminSite
from django.contrib.admin.models import LogEntry
from django.test import Client, RequestFactory

from apps.core.crypto import Secret
from apps.integrations.models import Integration
from apps.integrations.services import add_integration
from apps.raw.models import Quarantine
from apps.tenants.admin_base import TenantAdmin
from apps.tenants.models import Membership, Role, Tenant, User
from tests.services.tenants.conftest import PASSWORD, NewUser

pytestmark = pytest.mark.urls("tests.services.tenants.urls")

TOKEN = "ghp_a-token-nobody-may-see"
NEW = {"tokens-0-new_secret": TOKEN}
LIST = "/admin/integrations/integration/"

Visit = Callable[[User], Client]


def connect(tenant: Tenant, name: str) -> Integration:
    return add_integration(
        tenant=tenant,
        provider="github",
        name=name,
        base_url="http://127.0.0.1:1/api/v3",
        token=Secret(TOKEN),
        scopes=["o/r"],
    )


def secret_of(integration: Integration) -> str:
    return integration.tokens.get().secret.reveal()


def with_token(integration: Integration, secret: str = "") -> dict[str, str]:
    """The part of the form that shows the connection's one token."""
    pk = str(integration.tokens.get().pk)
    return {"tokens-INITIAL_FORMS": "1", "tokens-0-id": pk, "tokens-0-new_secret": secret}


def form(**changes: Any) -> dict[str, Any]:
    values = {
        "provider": "github",
        "name": "hub",
        "base_url": "http://127.0.0.1:1/api/v3/",
        "scopes": "o/one\r\n\r\no/two\r\n",
        "is_active": "on",
        "tokens-TOTAL_FORMS": "1",
        "tokens-INITIAL_FORMS": "0",
        "tokens-0-label": "main",
        "tokens-0-is_active": "on",
        "tokens-0-new_secret": "",
    }
    return {name: value for name, value in {**values, **changes}.items() if value is not None}


@pytest.fixture
def acme_hub(acme: Tenant) -> Integration:
    return connect(acme, "acme-hub")


@pytest.fixture
def globex_hub(globex: Tenant) -> Integration:
    return connect(globex, "globex-hub")


def page_of(integration: Integration) -> str:
    return f"{LIST}{integration.pk}/change/"


@pytest.mark.parametrize("role", Role)
def test_members_see_their_own_tenants_rows(
    acme: Tenant, acme_hub: Integration, globex_hub: Integration, new_user: NewUser, visit: Visit, role: Role
) -> None:
    browser = visit(new_user("ada", {acme: role}))
    page = browser.get(LIST).content.decode()
    assert "acme-hub" in page
    assert "globex" not in page.lower()
    assert browser.get(page_of(acme_hub)).status_code == 200
    foreign = browser.get(page_of(globex_hub))
    assert foreign.status_code == 302, "Django's answer for what does not exist"


def test_superusers_see_all(acme_hub: Integration, globex_hub: Integration, new_user: NewUser, visit: Visit) -> None:
    page = visit(new_user("root", is_superuser=True)).get(LIST).content.decode()
    assert "acme-hub" in page
    assert "globex-hub" in page
    assert "By tenant" in page


def test_the_tenant_is_shown_only_to_users_with_several(
    acme: Tenant, globex: Tenant, acme_hub: Integration, globex_hub: Integration, new_user: NewUser, visit: Visit
) -> None:
    one = visit(new_user("one", {acme: Role.ADMIN}))
    both = visit(new_user("both", {acme: Role.ADMIN, globex: Role.VIEWER}))
    assert "By tenant" not in one.get(LIST).content.decode()
    assert "By tenant" in both.get(LIST).content.decode()
    assert "field-tenant" not in one.get(page_of(acme_hub)).content.decode()
    assert "field-tenant" in both.get(page_of(acme_hub)).content.decode()
    add = one.get(f"{LIST}add/").content.decode()
    assert re.search(rf'<input type="hidden" name="tenant" value="{acme.pk}"', add)


@pytest.mark.parametrize(("role", "may_change"), [(Role.VIEWER, False), (Role.OPERATOR, False), (Role.ADMIN, True)])
def test_only_admins_change(
    acme: Tenant, acme_hub: Integration, new_user: NewUser, visit: Visit, role: Role, may_change: bool
) -> None:
    browser = visit(new_user("ada", {acme: role}))
    status = browser.post(page_of(acme_hub), form(name="renamed", **with_token(acme_hub))).status_code
    acme_hub.refresh_from_db(fields=["name"])
    assert (status, acme_hub.name) == ((302, "renamed") if may_change else (403, "acme-hub"))
    assert browser.get(f"{LIST}add/").status_code == (200 if may_change else 403)
    assert browser.get(f"{page_of(acme_hub)[: -len('change/')]}delete/").status_code == (200 if may_change else 403)


@pytest.mark.parametrize(("role", "may_act"), [(Role.VIEWER, False), (Role.OPERATOR, True), (Role.ADMIN, True)])
def test_operators_act(
    acme: Tenant, acme_hub: Integration, new_user: NewUser, visit: Visit, role: Role, may_act: bool
) -> None:
    browser = visit(new_user("ada", {acme: role}))
    browser.post(LIST, {"action": "test_connections", "_selected_action": [acme_hub.pk]})
    acme_hub.refresh_from_db(fields=["tested_at", "problem"])
    assert bool(acme_hub.tested_at) is may_act
    assert ("refuses the connection" in acme_hub.problem) is may_act


def test_an_action_leaves_out_rows_that_the_user_may_only_view(
    acme: Tenant, globex: Tenant, acme_hub: Integration, globex_hub: Integration, new_user: NewUser, visit: Visit
) -> None:
    browser = visit(new_user("ada", {acme: Role.OPERATOR, globex: Role.VIEWER}))
    chosen = {"action": "test_connections", "_selected_action": [acme_hub.pk, globex_hub.pk]}
    page = browser.post(LIST, chosen, follow=True).content.decode()
    assert "1 row of another tenant left out: you need the Operator role in that tenant." in page
    globex_hub.refresh_from_db(fields=["tested_at"])
    assert globex_hub.tested_at is None


def test_users_cannot_add_or_move_rows_into_a_foreign_tenant(
    acme: Tenant, globex: Tenant, acme_hub: Integration, new_user: NewUser, visit: Visit
) -> None:
    browser = visit(new_user("ada", {acme: Role.ADMIN}))
    browser.post(f"{LIST}add/", form(tenant=globex.pk, **NEW))
    browser.post(page_of(acme_hub), form(tenant=globex.pk))
    assert not Integration.objects.for_tenant(globex).exists()


def test_a_viewer_of_a_second_tenant_cannot_add_rows_there(
    acme: Tenant, globex: Tenant, new_user: NewUser, visit: Visit
) -> None:
    browser = visit(new_user("ada", {acme: Role.ADMIN, globex: Role.VIEWER}))
    browser.post(f"{LIST}add/", form(tenant=globex.pk, **NEW))
    assert not Integration.across_tenants.exists()


def test_a_token_is_written_never_shown_and_kept_when_left_empty(
    acme: Tenant, new_user: NewUser, visit: Visit, caplog: pytest.LogCaptureFixture
) -> None:
    browser = visit(new_user("ada", {acme: Role.ADMIN}))
    refused = browser.post(f"{LIST}add/", form(tenant=acme.pk))
    assert "Enter the token that the provider has created." in refused.content.decode()
    refused = browser.post(f"{LIST}add/", form(tenant=acme.pk, name="", **NEW))
    assert TOKEN not in refused.content.decode()
    browser.post(f"{LIST}add/", form(tenant=acme.pk, **NEW))
    integration = Integration.objects.for_tenant(acme).get()
    assert (secret_of(integration), integration.scopes) == (TOKEN, ["o/one", "o/two"])
    assert integration.base_url == "http://127.0.0.1:1/api/v3"
    browser.post(page_of(integration), form(name="renamed", **with_token(integration)))
    integration.refresh_from_db()
    assert (secret_of(integration), integration.name) == (TOKEN, "renamed")
    browser.post(page_of(integration), form(name="renamed", **with_token(integration, "ghp_another")))
    assert secret_of(integration) == "ghp_another"
    pages = [LIST, page_of(integration), f"{LIST}{integration.pk}/history/"]
    texts = [browser.get(page).content.decode() for page in pages] + [
        caplog.text,
        repr(integration),
        str(vars(integration)),
    ]
    texts += [entry.change_message + entry.object_repr for entry in LogEntry.objects.all()]
    assert not any(TOKEN in text or "ghp_another" in text for text in texts)


def test_two_connections_with_one_name_are_refused_with_a_sentence(
    acme: Tenant, acme_hub: Integration, new_user: NewUser, visit: Visit
) -> None:
    other = connect(acme, "other")
    page = (
        visit(new_user("ada", {acme: Role.ADMIN}))
        .post(page_of(other), form(name="acme-hub", **with_token(other)))
        .content.decode()
    )
    assert "integration_name_per_tenant" in page or "already exists" in page


def test_the_list_works_while_a_key_is_missing(
    acme: Tenant, acme_hub: Integration, new_user: NewUser, visit: Visit, settings: Any
) -> None:
    from cryptography.fernet import Fernet

    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    browser = visit(new_user("ada", {acme: Role.ADMIN}))
    assert browser.get(LIST).status_code == 200
    page = browser.post(LIST, {"action": "test_connections", "_selected_action": [acme_hub.pk]}, follow=True)
    assert "add the key it was encrypted with to ENCRYPTION_KEY" in page.content.decode()
    assert browser.post(page_of(acme_hub), form(**with_token(acme_hub, "ghp_another"))).status_code == 302
    assert secret_of(acme_hub) == "ghp_another"


def test_a_tenants_admin_adds_members_by_user_name(
    acme: Tenant, globex: Tenant, new_user: NewUser, visit: Visit
) -> None:
    bob = new_user("bob", {globex: Role.ADMIN})
    browser = visit(new_user("ada", {acme: Role.ADMIN}))
    add = "/admin/tenants/membership/add/"
    assert "bob" not in browser.get(add).content.decode()
    unknown = browser.post(add, {"tenant": acme.pk, "username": "nobody", "role": "viewer"}).content.decode()
    assert "No active user has this name" in unknown
    assert browser.post(add, {"tenant": acme.pk, "username": "bob", "role": "operator"}).status_code == 302
    assert Membership.objects.get(tenant=acme, user=bob).role == Role.OPERATOR
    again = browser.post(add, {"tenant": acme.pk, "username": "bob", "role": "admin"}).content.decode()
    assert "already a member" in again
    browser.post(add, {"tenant": globex.pk, "username": "ada", "role": "admin"})
    assert not Membership.objects.filter(tenant=globex, user__username="ada").exists()


def test_a_tenants_admin_changes_a_role(acme: Tenant, new_user: NewUser, visit: Visit) -> None:
    bob = new_user("bob", {acme: Role.VIEWER})
    membership = bob.memberships.get()
    browser = visit(new_user("ada", {acme: Role.ADMIN}))
    browser.post(f"/admin/tenants/membership/{membership.pk}/change/", {"role": "operator"})
    membership.refresh_from_db()
    assert membership.role == Role.OPERATOR


def test_a_tenants_admin_changes_only_their_own_tenant(
    acme: Tenant, globex: Tenant, new_user: NewUser, visit: Visit
) -> None:
    browser = visit(new_user("ada", {acme: Role.ADMIN}))
    page = browser.get("/admin/tenants/tenant/").content.decode()
    assert "Acme" in page
    assert "Globex" not in page
    change = {"name": "Acme Ltd", "slug": "taken-over", "max_concurrent_jobs": 3}
    browser.post(f"/admin/tenants/tenant/{acme.pk}/change/", change)
    browser.post(f"/admin/tenants/tenant/{globex.pk}/change/", change)
    acme.refresh_from_db()
    globex.refresh_from_db()
    assert (acme.name, acme.slug, acme.max_concurrent_jobs, globex.name) == ("Acme Ltd", "acme", 3, "Globex")
    assert browser.get("/admin/tenants/tenant/add/").status_code == 403


def test_accounts_are_for_superusers_and_show_no_hash(acme: Tenant, new_user: NewUser, visit: Visit) -> None:
    ada = new_user("ada", {acme: Role.ADMIN})
    assert visit(ada).get("/admin/tenants/user/").status_code == 403
    root = visit(new_user("root", is_superuser=True))
    page = root.get(f"/admin/tenants/user/{ada.pk}/change/").content.decode()
    assert "Set a new password" in page
    assert ada.password not in page
    assert "algorithm" not in page
    assert root.get(f"/admin/tenants/user/{ada.pk}/password/").status_code == 200


def test_a_superuser_creates_an_account_that_may_open_the_admin_site(
    acme: Tenant, new_user: NewUser, visit: Visit
) -> None:
    root = visit(new_user("root", is_superuser=True))
    inline: dict[str, Any] = {"memberships-TOTAL_FORMS": 1, "memberships-INITIAL_FORMS": 0}
    inline |= {"memberships-0-tenant": acme.pk, "memberships-0-role": "viewer"}
    account = {"username": "bob", "usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    answer = root.post("/admin/tenants/user/add/", {**account, **inline})
    assert answer.status_code == 302
    bob = User.objects.get(username="bob")
    assert (bob.is_staff, bob.is_superuser) == (True, False)
    assert visit(bob).get("/admin/").status_code == 200


def test_a_user_without_a_role_sees_nothing(acme_hub: Integration, new_user: NewUser, visit: Visit) -> None:
    browser = visit(new_user("nobody"))
    assert browser.get(LIST).status_code == 403
    assert "integration" not in browser.get("/admin/").content.decode().lower()


@pytest.mark.parametrize(
    ("sees_globex", "sentence"),
    [(True, "This belongs to another tenant"), (False, "not one of the available choices")],
)
def test_a_row_refers_to_its_own_tenants_rows_only(
    acme: Tenant, globex: Tenant, globex_hub: Integration, new_user: NewUser, sees_globex: bool, sentence: str
) -> None:
    request = RequestFactory().get("/")
    request.user = new_user("ada", {acme: Role.ADMIN, **({globex: Role.ADMIN} if sees_globex else {})})
    form_class = TenantAdmin(Quarantine, AdminSite()).get_form(request, fields=["tenant", "integration"])
    form = form_class({"tenant": acme.pk, "integration": globex_hub.pk})
    assert sentence in str(form.errors["integration"])
