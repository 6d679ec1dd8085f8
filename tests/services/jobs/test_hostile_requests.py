"""Can a request to the API crash the server, do more than it says, or store something that cannot be read?"""

import json
from typing import Any

import pytest
from django.test import Client

from apps.core.crypto import Secret
from apps.integrations.services import add_integration
from apps.jobs import selectors
from apps.jobs.lifecycle import services, transitions
from apps.jobs.lifecycle.creation import create_job
from apps.jobs.models import Job, Run, StateChange
from apps.tenants.models import Role, Tenant
from apps.tenants.services import add_membership, create_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(acme: Tenant) -> Job:
    integration = add_integration(
        tenant=acme, provider="jira", name="jira", base_url="http://127.0.0.1:9", username="a@b.c", token=Secret("x")
    )
    return create_job(integration)


@pytest.fixture
def operator(acme: Tenant) -> Client:
    user = create_user(username="olga", password="correct horse battery staple")
    add_membership(tenant=acme, user=user, role=Role.OPERATOR)
    browser = Client()
    browser.force_login(user)
    return browser


def sent(browser: Client, path: str, body: Any, *, method: str = "post") -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    return getattr(browser, method)(path, text, content_type="application/json")


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"])
def test_a_reason_that_cannot_be_stored_is_kept_without_the_parts_that_cannot_be_stored(
    job: Job, operator: Client, text: str
) -> None:
    assert sent(operator, f"/api/jobs/{job.pk}/start", {"reason": text}).status_code == 202
    assert sent(operator, f"/api/jobs/{job.pk}/pause", {"reason": text}).status_code == 202
    reasons = StateChange.objects.filter(job=job, actor="olga").values_list("reason", flat=True)
    assert set(reasons) == {"a\N{REPLACEMENT CHARACTER}b"}


def test_a_long_reason_is_refused(job: Job, operator: Client) -> None:
    assert sent(operator, f"/api/jobs/{job.pk}/start", {"reason": "x" * 501}).status_code == 422


@pytest.mark.parametrize(
    "times",
    [
        {"since": "0001-01-01T00:00:00+14:00"},
        {"until": "9999-12-31T23:59:59-14:00"},
        {"since": "1969-12-31T00:00:00Z", "until": "2026-01-01T00:00:00Z"},
    ],
)
@pytest.mark.parametrize("action", ["start", "estimate"])
def test_times_that_cannot_be_stored_are_refused(
    job: Job, operator: Client, action: str, times: dict[str, str]
) -> None:
    answer = sent(operator, f"/api/jobs/{job.pk}/{action}", {"mode": "range", **times})
    assert (answer.status_code, answer.json()["detail"]) == (422, "Choose times between 1970 and 2100.")
    assert not Run.across_tenants.exists()


def test_an_interval_beyond_the_calendar_is_refused_and_not_stored(job: Job, operator: Client) -> None:
    path, minutes = f"/api/jobs/{job.pk}/schedule", 2**31 - 1
    assert "interval_minutes" in sent(operator, path, {"interval_minutes": minutes}, method="patch").json()["errors"]
    assert operator.get(f"{path}-preview", {"interval_minutes": minutes}).status_code == 422
    job.refresh_from_db()
    assert job.interval_minutes == 60


@pytest.mark.parametrize("name", ["text", "stage", "entity", "fingerprint"])
@pytest.mark.parametrize("text", ["\x00", "\ud800"])
def test_a_filter_that_no_record_can_match_finds_none(job: Job, operator: Client, name: str, text: str) -> None:
    assert sent(operator, "/api/quarantine/retry", {name: text}).status_code == 409
    assert sent(operator, "/api/quarantine/dismiss", {name: text, "reason": text}).json() == {"records": 0}
    if text == "\x00":
        assert operator.get("/api/quarantine", {name: text}).json()["number"] == 0


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "/api/quarantine/dismiss", {"entities": "issue", "reason": "obsolete"}),
        ("post", "/api/quarantine/retry", {"entities": "issue"}),
        ("post", "/api/jobs/{job}/start", {"modus": "full"}),
        ("post", "/api/jobs/{job}/stop", {"why": "late"}),
        ("patch", "/api/jobs/{job}/schedule", {"interval": 5}),
    ],
)
def test_an_unknown_word_is_refused_and_not_ignored(
    job: Job, operator: Client, method: str, path: str, body: dict[str, str]
) -> None:
    answer = sent(operator, path.format(job=job.pk), body, method=method)
    assert (answer.status_code, answer.json()["detail"][0]["type"]) == (422, "extra_forbidden")


@pytest.mark.parametrize("body", ["", "{", "null", "[]", "\x00", "[" * 100_000])
@pytest.mark.parametrize("action", ["start", "stop"])
def test_a_body_that_is_no_object_is_refused_in_json(job: Job, operator: Client, action: str, body: str) -> None:
    answer = sent(operator, f"/api/jobs/{job.pk}/{action}", body)
    assert answer.status_code in (400, 422)
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    "path", ["/api/jobs/{n}", "/api/jobs/{n}/scopes", "/api/quarantine/{n}", "/api/jobs/{n}/check-completion"]
)
def test_a_number_too_large_for_an_id_names_nothing(operator: Client, path: str) -> None:
    assert operator.get(path.format(n=10**30)).status_code == 404


def test_the_reason_of_a_reset_is_kept(job: Job, operator: Client) -> None:
    run = services.start(job, actor="test")
    transitions.transition(transitions.lock(job.pk), "finish", run, actor="test")
    assert sent(operator, f"/api/jobs/{job.pk}/reset", {"reason": "seen"}).status_code == 200
    assert StateChange.objects.get(job=job, action="reset").reason == "seen"
    assert sent(operator, f"/api/jobs/{job.pk}/reset", "").status_code == 200  # no body, and nothing left to do


def test_a_list_of_jobs_takes_the_same_few_queries_however_many_there_are(
    job: Job, acme: Tenant, operator: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(5):
        create_job(
            add_integration(
                tenant=acme, provider="jira", name=f"jira-{number}", base_url="http://127.0.0.1:9", token=Secret("x")
            )
        )
    services.start(job, actor="test")
    with django_assert_max_num_queries(10):
        found = operator.get("/api/jobs").json()
    assert len(found) == 7
    assert {tuple(one["steps"]) for one in found if one["job_type"] == "jira"} == {tuple(selectors.idle_steps(job))}
