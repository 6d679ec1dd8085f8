"""Can the right users change a job's settings and start its runs, on the pages, by the API and in the admin?"""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone

from apps.jobs.choices import BatchState, RunMode
from apps.jobs.execution import estimate
from apps.jobs.forms import JobForm
from apps.jobs.lifecycle import services
from apps.jobs.models import Batch, Job, Run, StateChange
from apps.jobs.queue import batches
from apps.jobs.queue.batches import NewBatch
from apps.jobs.queue.covers import RawRecords
from apps.sources.base import Estimate
from apps.sources.definition import Stage
from apps.tenants.models import Role, Tenant
from apps.tenants.services import add_membership, create_user

SETTINGS = {
    "is_active": "on",
    "interval_minutes": "60",
    "rule": "",
    "time_zone": "UTC",
    "retry_minutes": "15",
    "max_retries": "3",
    "sweep_hours": "24",
}


@pytest.fixture
def admin(acme: Tenant) -> Client:
    user = create_user(username="admin-of-acme", password="correct horse battery staple")
    user.is_staff = True
    user.save()
    add_membership(tenant=acme, user=user, role=Role.ADMIN)
    browser = Client()
    browser.force_login(user)
    return browser


def sent(client: Client, job: Job, **changed: str) -> Any:
    return client.post(f"/jobs/{job.pk}/settings/", SETTINGS | changed)


def posted(client: Client, path: str, **body: object) -> Any:
    return client.post(path, body, content_type="application/json")


def test_an_operator_saves_settings_and_sees_the_new_schedule(job: Job, operator: Client) -> None:
    answer = sent(operator, job, rule="0  6 * * 1-5", time_zone="Europe/Berlin", reason="Before work begins.")
    assert (answer.status_code, answer["Location"]) == (302, f"/jobs/{job.pk}/")
    page = operator.get(f"/jobs/{job.pk}/").content.decode()
    assert "At 06:00 on Monday through Friday, Europe/Berlin" in page
    assert page.count("06:00 CE") == 5
    assert "Before work begins." in page


def test_an_error_is_shown_beside_its_field_and_nothing_is_saved(job: Job, operator: Client) -> None:
    answer = sent(operator, job, rule="0 6 * *", retry_minutes="3")
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "A rule has five fields" in page
    assert "greater than or equal to 5" in page
    assert 'value="0 6 * *"' in page
    job.refresh_from_db()
    assert (job.rule, job.retry_minutes) == ("", 15)


def test_a_viewer_sees_the_schedule_and_cannot_change_it(job: Job, viewer: Client) -> None:
    assert "Edit settings" not in viewer.get(f"/jobs/{job.pk}/").content.decode()
    assert sent(viewer, job, interval_minutes="5").status_code == 403
    assert viewer.patch(f"/api/jobs/{job.pk}/schedule", {}, content_type="application/json").status_code == 403


def test_a_job_of_another_tenant_is_not_found(foreign_run: Run, operator: Client) -> None:
    pk = foreign_run.job_id
    assert sent(operator, foreign_run.job).status_code == 404
    assert operator.get(f"/api/jobs/{pk}/schedule-preview").status_code == 404
    assert operator.get(f"/api/jobs/{pk}/scopes").status_code == 404
    assert posted(operator, f"/api/jobs/{pk}/estimate").status_code == 404


def test_a_preview_shows_five_times_and_stores_nothing(job: Job, viewer: Client) -> None:
    asked = {"rule": "30 2 * * *", "time_zone": "Europe/Berlin", "is_active": "true"}
    answer = viewer.get(f"/api/jobs/{job.pk}/schedule-preview", asked).json()
    assert answer["description"] == "At 02:30 every day, Europe/Berlin"
    assert len(answer["occurrences"]) == 5
    assert all("02:30 CE" in one["local"] for one in answer["occurrences"])
    job.refresh_from_db()
    assert job.rule == ""


def test_a_preview_of_an_interval_counts_from_the_last_start(job: Job, viewer: Client) -> None:
    start = timezone.now() - timedelta(minutes=10)
    Job.across_tenants.filter(pk=job.pk).update(last_run_started_at=start)
    first = viewer.get(f"/api/jobs/{job.pk}/schedule-preview", {"interval_minutes": "30"}).json()["occurrences"][0]
    assert first["at"][:19] == (start + timedelta(minutes=30)).isoformat()[:19]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rule", "0 6"),
        ("time_zone", "Mars"),
        ("interval_minutes", ""),
        ("interval_minutes", "9" * 30),
        ("rule", "\x00"),
    ],
)
def test_a_preview_of_invalid_settings_names_the_field(job: Job, viewer: Client, field: str, value: str) -> None:
    answer = viewer.get(f"/api/jobs/{job.pk}/schedule-preview", {field: value})
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]


def test_the_api_changes_only_the_settings_that_it_gets(job: Job, operator: Client) -> None:
    answer = operator.patch(
        f"/api/jobs/{job.pk}/schedule", {"interval_minutes": 20}, content_type="application/json"
    ).json()
    assert answer["description"] == "Every 20 minutes"
    job.refresh_from_db()
    assert (job.interval_minutes, job.retry_minutes, job.is_active) == (20, 15, True)
    assert StateChange.objects.get(job=job, action="schedule").reason == "Interval minutes: 60 → 20."


def test_the_admin_refuses_a_bad_rule_and_shows_the_next_five(job: Job, admin: Client) -> None:
    address = f"/admin/jobs/job/{job.pk}/change/"
    assert "A rule has five fields" in admin.post(address, SETTINGS | {"name": job.name, "rule": "x"}).content.decode()
    assert admin.post(address, SETTINGS | {"name": "renamed", "rule": "0 6 * * *"}).status_code == 302
    job.refresh_from_db()
    assert (job.name, job.rule) == ("renamed", "0 6 * * *")
    assert admin.get(address).content.decode().count("06:00 UTC") >= 5
    assert StateChange.objects.get(job=job, action="schedule").actor == "admin-of-acme"


def test_the_admin_does_not_overwrite_a_newer_state(job: Job, admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    clean = JobForm.clean

    def slow(form: JobForm) -> object:
        services.start(job, actor="ada")
        return clean(form)

    monkeypatch.setattr(JobForm, "clean", slow)
    admin.post(f"/admin/jobs/job/{job.pk}/change/", SETTINGS | {"name": "renamed"})
    job.refresh_from_db()
    assert (job.name, job.state) == ("renamed", "RUNNING")


def test_the_admin_starts_a_full_run(job: Job, admin: Client) -> None:
    admin.post("/admin/jobs/job/", {"action": "full", "_selected_action": [job.pk]})
    assert services.current_run(job).mode == RunMode.FULL


def scopes_are_known(job: Job) -> None:
    assert job.integration
    job.integration.scopes = ["PAY", "CHK"]
    job.integration.save()


def test_a_range_is_started_as_it_was_chosen(job: Job, operator: Client) -> None:
    scopes_are_known(job)
    body = {"mode": "range", "since": "2026-01-01T00:00Z", "until": "2026-02-01T00:00+01:00", "scopes": ["pay"]}
    assert posted(operator, f"/api/jobs/{job.pk}/start", **body, reason="Moved by an import").status_code == 202
    run = services.current_run(job)
    assert (run.mode, run.scopes, run.sweep) == (RunMode.RANGE, ["PAY"], False)
    assert run.since
    assert run.until
    assert (run.until - run.since).total_seconds() == 31 * 86400 - 3600


def test_a_run_checks_for_deletions_if_asked(job: Job, operator: Client) -> None:
    Job.across_tenants.filter(pk=job.pk).update(last_sweep_at=Now())
    posted(operator, f"/api/jobs/{job.pk}/start", sweep=True)
    assert services.current_run(job).sweep


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"mode": "some"}, "There is no mode 'some'"),
        ({"mode": "range"}, "Choose a range"),
        ({"scopes": ["PAY"]}, "Only the mode 'range' takes"),
        ({"mode": "full", "sweep": True}, "Only the mode 'incremental' takes a sweep"),
        ({"mode": "range", "scopes": ["NO"]}, "does not know NO. It knows CHK, PAY."),
        ({"mode": "range", "since": "2026-01-01T00:00"}, "with its time zone"),
        ({"mode": "range", "since": "2026-02-01T00:00Z", "until": "2026-01-01T00:00Z"}, "ends before it begins"),
    ],
)
@pytest.mark.parametrize("action", ["start", "estimate"])
def test_an_invalid_run_request_is_refused_with_a_sentence(
    job: Job, operator: Client, action: str, body: dict[str, object], sentence: str
) -> None:
    scopes_are_known(job)
    answer = posted(operator, f"/api/jobs/{job.pk}/{action}", **body)
    assert answer.status_code == 422
    assert sentence in answer.json()["detail"]
    assert not Run.across_tenants.filter(job=job).exists()


def test_only_an_operator_asks_the_provider(job: Job, viewer: Client) -> None:
    assert posted(viewer, f"/api/jobs/{job.pk}/estimate").status_code == 403


def test_an_estimate_says_which_numbers_are_exact(job: Job, operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [Estimate("PAY", "issue", 7), Estimate("CHK", "issue", 3, is_exact=False)]
    monkeypatch.setattr(estimate, "estimate", lambda job, request: found)
    assert posted(operator, f"/api/jobs/{job.pk}/estimate").json() == {
        "records": 10,
        "exact": False,
        "estimates": [
            {"scope": "PAY", "entity": "issue", "records": 7, "exact": True},
            {"scope": "CHK", "entity": "issue", "records": 3, "exact": False},
        ],
    }


def test_a_job_without_a_provider_has_no_range(job: Job, operator: Client) -> None:
    vectorization = Job.objects.for_tenant(job.tenant).get(integration=None)
    page = operator.get(f"/jobs/{vectorization.pk}/").content.decode()
    assert 'data-mode="full"' in page
    assert 'data-mode="range"' not in page
    answer = posted(operator, f"/api/jobs/{vectorization.pk}/estimate", mode="full")
    assert "reads from no provider" in answer.json()["detail"]


def test_the_jobs_page_shows_waiting_batches_and_active_workers(run: Run, viewer: Client) -> None:
    step = "jira_issues_with_changelogs"
    added = batches.add(run, [NewBatch(step, Stage.TRANSFORM, RawRecords([number])) for number in range(5)])
    mine = Batch.across_tenants.filter(pk__in=[batch.pk for batch in added[:3]])
    mine.update(state=BatchState.RUNNING, owner=run.pk, lease_until=Now() + timedelta(minutes=1))
    Batch.across_tenants.filter(pk=added[3].pk).update(state=BatchState.FINISHED, finished_at=Now())
    page = viewer.get("/jobs/").content.decode()
    load = " ".join(page[page.index('id="load"') :].split())
    assert "Issues with changelogs <small>transform</small>" in load
    assert str(run.pk)[:8] in load
    assert '<td class="figure" data-label="Batches">3</td>' in load
    assert "0.2 per min" in load


def test_the_queues_of_another_tenant_are_not_shown(foreign_run: Run, acme: Tenant, viewer: Client) -> None:
    batches.add(foreign_run, [NewBatch("jira_issues_with_changelogs", Stage.TRANSFORM, RawRecords([1]))])
    assert "None waiting" in viewer.get("/jobs/").content.decode()
    assert "globex" not in viewer.get("/jobs/").content.decode()
