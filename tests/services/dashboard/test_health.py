"""Do the supervisor and the pages get the health of every service, also if a service is not reachable?"""

import pytest
from django.test import Client
from pytest_django import Settings

from apps.dashboard import health
from apps.tenants.models import Tenant
from apps.tenants.services import create_user

PARTS = {"database", "redis", "broker", "workers", "queues", "qdrant", "integrations"}


def test_the_supervisor_gets_ok_without_a_log_in(acme: Tenant) -> None:
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok")


def test_an_unreachable_database_is_not_ok(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    monkeypatch.setattr(health, "is_database_up", lambda: False)
    assert Client().get("/healthz").status_code == 503


def test_the_api_refuses_people_without_a_log_in_in_json(acme: Tenant) -> None:
    answer = Client().get("/api/health")
    assert answer.status_code == 401
    assert answer.json() == {"detail": "Log in first."}
    browser = Client()
    browser.force_login(create_user(username="nobody", password="correct horse battery staple"))
    assert browser.get("/api/health").status_code == 403


def test_every_service_responds(viewer: Client) -> None:
    message = viewer.get("/api/health").json()
    assert message["type"] == "system_health"
    assert {check["key"] for check in message["checks"]} == PARTS
    assert {message[part] for part in PARTS} <= {"healthy", "warning", "down"}
    assert message["database"] in {"healthy", "warning"}
    assert message["workers"] == "down"


def test_unreachable_services_are_shown_as_down(viewer: Client, settings: Settings) -> None:
    settings.QDRANT_URL = "http://127.0.0.1:9"
    message = viewer.get("/api/health").json()
    assert message["qdrant"] == "down"


def test_home_shows_cached_checks_without_new_ones(viewer: Client) -> None:
    assert "Checking all services" in viewer.get("/").content.decode()
    viewer.get("/api/health")
    assert "No worker responds" in viewer.get("/").content.decode()
