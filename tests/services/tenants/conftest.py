"""Which users and tenants do these tests use?"""

from collections.abc import Callable

import pytest
from django.core.cache import cache
from django.test import Client

from apps.tenants.models import Role, Tenant, User
from apps.tenants.services import add_membership, create_user

PASSWORD = "correct horse battery staple"

NewUser = Callable[..., User]


@pytest.fixture(autouse=True)
def forget_central_answers() -> None:
    cache.clear()


@pytest.fixture
def new_user(db: None) -> NewUser:
    """``new_user("ada", {acme: Role.VIEWER})``: an account with these roles."""

    def make(username: str, roles: dict[Tenant, Role] | None = None, *, is_superuser: bool = False) -> User:
        user = create_user(username=username, password=PASSWORD, is_superuser=is_superuser)
        for tenant, role in (roles or {}).items():
            add_membership(tenant=tenant, user=user, role=role)
        return user

    return make


@pytest.fixture
def visit() -> Callable[[User], Client]:
    """A browser in which this user is logged in."""

    def open_browser(user: User) -> Client:
        browser = Client()
        browser.force_login(user)
        return browser

    return open_browser
