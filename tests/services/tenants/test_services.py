"""Are tenants, users and roles created and removed as asked, and does no user see rows of another tenant?"""

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management import call_command
from django.core.management.base import CommandError
from django.http import Http404

from apps.core.models import UnscopedQueryError
from apps.integrations.models import Integration
from apps.tenants.models import Membership, Role, Tenant, User
from apps.tenants.permissions import require
from apps.tenants.selectors import role_in, roles_of, tenants_of
from apps.tenants.services import add_membership, create_tenant, create_user, remove_membership
from tests.services.tenants.conftest import PASSWORD, NewUser


def test_a_tenant_starts_with_its_first_admin(new_user: NewUser) -> None:
    ada = new_user("ada")
    tenant = create_tenant(slug="acme", name="Acme", admin=ada)
    assert roles_of(ada) == {tenant.pk: Role.ADMIN}


@pytest.mark.parametrize("slug", ["", "two words", "acme"])
def test_a_bad_or_taken_slug_is_refused(acme: Tenant, slug: str) -> None:
    with pytest.raises(ValidationError):
        create_tenant(slug=slug, name="Other")


def test_a_weak_password_is_refused(db: None) -> None:
    with pytest.raises(ValidationError, match="too common"):
        create_user(username="ada", password="password")
    assert not User.objects.exists()


def test_a_new_role_replaces_the_old_one(acme: Tenant, new_user: NewUser) -> None:
    ada = new_user("ada", {acme: Role.VIEWER})
    add_membership(tenant=acme, user=ada, role=Role.ADMIN)
    assert role_in(ada, acme) == Role.ADMIN
    assert remove_membership(tenant=acme, user=ada)
    assert role_in(ada, acme) is None
    assert not remove_membership(tenant=acme, user=ada)


def test_people_see_their_tenants_only(acme: Tenant, globex: Tenant, new_user: NewUser) -> None:
    assert list(tenants_of(new_user("ada", {acme: Role.VIEWER}))) == [acme]
    assert list(tenants_of(new_user("root", is_superuser=True))) == [acme, globex]
    assert not tenants_of(new_user("nobody"))


def test_a_deactivated_user_has_no_role(acme: Tenant, new_user: NewUser) -> None:
    root = new_user("root", {acme: Role.ADMIN}, is_superuser=True)
    root.is_active = False
    assert roles_of(root) == {}
    assert role_in(root, acme) is None
    assert not tenants_of(root)


def test_a_low_role_is_denied_and_a_foreign_tenant_is_not_found(
    acme: Tenant, globex: Tenant, new_user: NewUser
) -> None:
    ada = new_user("ada", {acme: Role.VIEWER})
    require(ada, acme, Role.VIEWER)
    with pytest.raises(PermissionDenied, match=r"needs the Operator role\. Your role in this tenant is Viewer"):
        require(ada, acme, Role.OPERATOR)
    with pytest.raises(Http404):
        require(ada, globex, Role.VIEWER)


@pytest.mark.parametrize("query", ["all", "count", "exists", "first"])
def test_a_query_without_a_tenant_is_refused(query: str) -> None:
    with pytest.raises(UnscopedQueryError, match="for_tenant"):
        getattr(Integration.objects, query)()
    with pytest.raises(UnscopedQueryError):
        Integration.objects.filter(name="x")


def test_the_commands_create_tenants_and_members(db: None, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("NEW_PASSWORD", PASSWORD)
    call_command("tenant", "add", "acme", "--name", "Acme")
    call_command("member", "add", "ada", "--tenant", "acme", "--role", "operator", "--password-env", "NEW_PASSWORD")
    assert Membership.objects.get().role == Role.OPERATOR
    assert User.objects.get().check_password(PASSWORD)
    call_command("member", "remove", "ada", "--tenant", "acme")
    assert not Membership.objects.exists()
    assert PASSWORD not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["tenant", "add", "acme", "--name", "Again"], "already exists"),
        (["member", "add", "ada", "--tenant", "initech"], "Existing tenants: acme"),
        (
            ["member", "add", "ada", "--tenant", "acme", "--password-env", "UNSET_VARIABLE"],
            "UNSET_VARIABLE is not set",
        ),
        (["member", "remove", "ada", "--tenant", "acme"], "has no role"),
    ],
)
def test_a_command_that_fails_says_why(acme: Tenant, arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command(*arguments)
