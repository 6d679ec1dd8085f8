"""Are the pages shown with the preferences of the user?"""

from collections.abc import Callable

import pytest
from django.test import Client

from apps.tenants.models import Role, User
from apps.tenants.services import create_tenant
from tests.services.tenants.conftest import PASSWORD, NewUser

Visit = Callable[[User], Client]


@pytest.fixture
def ada(new_user: NewUser) -> User:
    return new_user("ada", {create_tenant(slug="acme", name="Acme"): Role.VIEWER})


def test_chosen_preferences_are_saved_and_shown(ada: User, visit: Visit) -> None:
    browser = visit(ada)
    chosen = {"time_zone": "Europe/Berlin", "theme": "dark", "refresh": 60, "start_page": "runs", "shortcuts": "on"}
    assert browser.post("/preferences/", chosen).status_code == 302
    page = browser.get("/preferences/").content.decode()
    assert 'data-theme="dark"' in page
    assert 'data-refresh="60"' in page
    assert "Preferences saved." in page


def test_an_unknown_time_zone_is_refused_and_nothing_is_saved(ada: User, visit: Visit) -> None:
    browser = visit(ada)
    answer = browser.post(
        "/preferences/", {"time_zone": "Mars/Base", "theme": "dark", "refresh": 0, "start_page": "home"}
    )
    assert "Unknown time zone" in answer.content.decode()
    ada.refresh_from_db()
    assert (ada.time_zone, ada.theme) == ("", "system")


def test_the_log_in_opens_the_chosen_start_page(ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(start_page="runs")
    browser = Client()
    answer = browser.post("/login/", {"username": "ada", "password": PASSWORD}, follow=True)
    assert answer.redirect_chain[-1][0] == "/runs/"


def test_one_preference_is_changed_by_the_api(ada: User, visit: Visit) -> None:
    browser = visit(ada)
    answer = browser.patch("/api/preferences", {"theme": "light"}, content_type="application/json")
    assert answer.json()["theme"] == "light"
    refused = browser.patch("/api/preferences", {"refresh": 7}, content_type="application/json")
    assert refused.status_code == 400
    ada.refresh_from_db()
    assert (ada.theme, ada.refresh) == ("light", 0)
