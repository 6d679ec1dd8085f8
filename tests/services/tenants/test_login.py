"""Is the number of password attempts limited, and does the chosen tenant stay chosen?"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import AsyncClient, Client
from django.utils import timezone

from apps.tenants import throttle
from apps.tenants.models import LoginAttempt, Role, Tenant, User
from tests.services.tenants.conftest import PASSWORD, NewUser

pytestmark = pytest.mark.urls("tests.services.tenants.urls")

Visit = Callable[[User], Client]


def try_admin(browser: Client, password: str, username: str = "ada") -> Any:
    return browser.post("/admin/login/", {"username": username, "password": password})


def test_after_some_wrong_passwords_even_the_right_one_has_to_wait(acme: Tenant, new_user: NewUser) -> None:
    new_user("ada", {acme: Role.ADMIN})
    browser = Client()
    for _ in range(throttle.MAX_ATTEMPTS_PER_USER_AND_ADDRESS):
        assert "correct username" in try_admin(browser, "wrong").content.decode()
    page = try_admin(browser, PASSWORD)
    assert page.status_code == 200
    assert "Too many wrong passwords. Wait 15 minutes" in page.content.decode()
    LoginAttempt.objects.update(at=timezone.now() - throttle.WINDOW - timedelta(seconds=1))
    assert try_admin(browser, PASSWORD).status_code == 302


def test_waiting_is_not_prolonged_by_trying(acme: Tenant, new_user: NewUser) -> None:
    new_user("ada", {acme: Role.ADMIN})
    for _ in range(throttle.MAX_ATTEMPTS_PER_USER_AND_ADDRESS + 5):
        try_admin(Client(), "wrong")
    assert LoginAttempt.objects.count() == throttle.MAX_ATTEMPTS_PER_USER_AND_ADDRESS


def test_the_throttle_also_counts_other_spellings_and_the_api(acme: Tenant, new_user: NewUser) -> None:
    new_user("ada", {acme: Role.ADMIN})
    for username in ("ada", "ADA", "Ada", "aDa", "adA"):
        try_admin(Client(), "wrong", username)
    body = {"username": "ada", "password": PASSWORD}
    answer = Client().post("/api/token", body, content_type="application/json")
    assert (answer.status_code, answer.json()["detail"]) == (
        401,
        "Too many wrong passwords. Wait 15 minutes, then try again.",
    )


def test_other_people_and_other_addresses_are_not_locked_out(acme: Tenant, new_user: NewUser) -> None:
    new_user("ada", {acme: Role.ADMIN})
    new_user("bob", {acme: Role.ADMIN})
    for _ in range(throttle.MAX_ATTEMPTS_PER_USER_AND_ADDRESS):
        try_admin(Client(), "wrong")
    assert try_admin(Client(), PASSWORD, "bob").status_code == 302
    assert try_admin(Client(REMOTE_ADDR="192.0.2.7"), PASSWORD).status_code == 302


def test_one_address_cannot_try_a_password_for_many_users(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "MAX_ATTEMPTS_PER_ADDRESS", 3)
    for name in ("a", "b", "c"):
        throttle.admit(username=name, address="192.0.2.7")
    with pytest.raises(throttle.TooManyAttemptsError):
        throttle.admit(username="d", address="192.0.2.7")


def test_the_right_password_clears_the_count(acme: Tenant, new_user: NewUser) -> None:
    new_user("ada", {acme: Role.ADMIN})
    try_admin(Client(), "wrong")
    try_admin(Client(), PASSWORD)
    assert not LoginAttempt.objects.exists()


def test_the_chosen_tenant_stays_chosen(acme: Tenant, globex: Tenant, new_user: NewUser, visit: Visit) -> None:
    browser = visit(new_user("ada", {acme: Role.VIEWER, globex: Role.ADMIN}))
    assert browser.get("/").content == b"acme:viewer"
    assert browser.post("/switch-tenant/", {"tenant": "globex"}).headers["Location"] == "/"
    assert browser.get("/").content == b"globex:admin"


def test_a_lost_role_ends_the_choice(acme: Tenant, globex: Tenant, new_user: NewUser, visit: Visit) -> None:
    ada = new_user("ada", {acme: Role.VIEWER, globex: Role.ADMIN})
    browser = visit(ada)
    browser.post("/switch-tenant/", {"tenant": "globex"})
    ada.memberships.get(tenant=globex).delete()
    assert browser.get("/").content == b"acme:viewer"


def test_nobody_switches_into_a_foreign_tenant(acme: Tenant, globex: Tenant, new_user: NewUser, visit: Visit) -> None:
    browser = visit(new_user("ada", {acme: Role.VIEWER}))
    assert browser.post("/switch-tenant/", {"tenant": "globex"}).status_code == 404
    assert browser.get("/switch-tenant/").status_code == 405


@pytest.mark.parametrize(
    ("target", "expected"), [("/async/", "/async/"), ("https://evil.example/", "/"), ("//evil.example", "/")]
)
def test_switching_leads_to_our_own_pages_only(
    acme: Tenant, new_user: NewUser, visit: Visit, target: str, expected: str
) -> None:
    browser = visit(new_user("ada", {acme: Role.VIEWER}))
    answer = browser.post("/switch-tenant/", {"tenant": "acme", "next": target})
    assert answer.headers["Location"] == expected


def test_a_user_without_a_tenant_or_a_log_in_has_no_role(acme: Tenant, new_user: NewUser, visit: Visit) -> None:
    assert visit(new_user("ada")).get("/").content == b"nowhere"
    assert Client().get("/").content == b"nowhere"


@pytest.mark.django_db(transaction=True)
async def test_the_middleware_also_serves_async_views() -> None:
    assert (await AsyncClient().get("/async/")).content == b"nowhere"
