"""Does every page show the right content to the right users?"""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from apps.integrations.models import Integration
from apps.jobs.choices import Outcome
from apps.jobs.lifecycle import services
from apps.jobs.models import Job, Run
from apps.progress import services as progress
from apps.progress.choices import JobState, RunState, StageState
from apps.raw.models import Quarantine, RawRecord
from apps.tenants.models import Tenant
from apps.tenants.services import create_user

PAGES = ["/", "/jobs/", "/runs/", "/quarantine/", "/search/", "/jobs/{job}/", "/runs/{run}/"]


def address(page: str, run: Run) -> str:
    return page.format(job=run.job_id, run=run.pk)


def set_aside(job: Job, number: int, error: str = "ValueError: no date", fingerprint: str = "same") -> Quarantine:
    assert job.integration
    raw = RawRecord.across_tenants.create(
        tenant=job.tenant,
        integration=job.integration,
        entity="issue",
        external_id=str(number),
        content_hash=bytes([number]),
        payload='{"key": "PAY-1", "summary": "<b>bold</b>"}',
        fetched_at=timezone.now(),
    )
    return Quarantine.across_tenants.create(
        tenant=job.tenant,
        integration=job.integration,
        run=services.current_run(job).pk,
        step="jira_issues_with_changelogs",
        stage="transform",
        entity="issue",
        external_id=str(number),
        raw=raw,
        error=error,
        fingerprint=fingerprint,
    )


@pytest.mark.parametrize("page", PAGES)
def test_a_member_sees_the_page(page: str, run: Run, viewer: Client) -> None:
    answer = viewer.get(address(page, run))
    assert answer.status_code == 200
    assert 'data-theme="system"' in answer.content.decode()


@pytest.mark.parametrize("page", PAGES)
def test_a_stranger_is_sent_to_the_log_in(page: str, run: Run) -> None:
    answer = Client().get(address(page, run))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/login/?next=/")


@pytest.mark.parametrize("page", ["/jobs/{job}/", "/runs/{run}/"])
def test_objects_of_another_tenant_are_not_found(page: str, foreign_run: Run, viewer: Client) -> None:
    assert viewer.get(address(page, foreign_run)).status_code == 404


def test_a_record_set_aside_of_another_tenant_is_not_found(foreign_run: Run, viewer: Client) -> None:
    record = set_aside(foreign_run.job, 1)
    assert viewer.get(f"/quarantine/record/{record.pk}/").status_code == 404
    assert viewer.get("/quarantine/same/").status_code == 404
    assert "No records are set aside" in viewer.get("/quarantine/").content.decode()


def test_a_person_without_a_tenant_is_told_to_ask_an_admin(db: None) -> None:
    browser = Client()
    browser.force_login(create_user(username="nobody", password="correct horse battery staple"))
    answer = browser.get("/")
    assert answer.status_code == 403
    assert "no role in any tenant" in answer.content.decode()


@pytest.mark.parametrize("page", ["/", "/jobs/", "/jobs/{job}/", "/runs/{run}/"])
def test_a_viewer_gets_no_controls(page: str, run: Run, viewer: Client) -> None:
    assert "data-control" not in viewer.get(address(page, run)).content.decode()


def test_a_viewer_is_told_why_there_are_no_controls(run: Run, viewer: Client) -> None:
    assert "You are a viewer: you can look at runs" in viewer.get(f"/jobs/{run.job_id}/").content.decode()


def test_an_operator_gets_the_controls_that_the_state_allows(run: Run, operator: Client) -> None:
    page = operator.get(f"/jobs/{run.job_id}/").content.decode()
    assert set(re.findall(r'data-control="(\w+)"', page)) == {"pause", "stop"}
    assert "Available when the job is paused." in page


def test_home_explains_the_first_step(acme: Tenant, viewer: Client) -> None:
    assert "Connect your first Jira or GitHub" in viewer.get("/").content.decode()


def test_the_number_of_queries_does_not_grow_with_the_jobs(
    run: Run,
    viewer: Client,
    new_job: Callable[[Tenant, str], Job],
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(5):
        services.start(new_job(run.tenant, f"jira-{number}"), actor="ada")
    for page, queries in {
        "/": 12,
        "/jobs/": 13,
        "/runs/": 9,
        f"/jobs/{run.job_id}/": 13,
        f"/runs/{run.pk}/": 14,
    }.items():
        with django_assert_num_queries(queries):
            viewer.get(page)


def test_the_bar_shows_the_progress_of_the_run(run: Run, viewer: Client) -> None:
    for stage in ("extraction", "transform", "embedding"):
        progress.mark(run.pk, [("jira_projects_and_issue_types", stage)], StageState.FINISHED)
    progress.refresh(run.pk, is_state_change=True)
    page = viewer.get(f"/jobs/{run.job_id}/").content.decode()
    assert 'aria-valuenow="20"' in page
    assert 'width="20.00%"' in page


def test_a_failure_is_shown_with_its_cause_and_a_retry(run: Run, operator: Client) -> None:
    services.fail(run, "Jira answers 401: the token has expired.")
    page = operator.get(f"/jobs/{run.job_id}/").content.decode()
    assert "This run failed" in page
    assert "the token has expired" in page
    assert 'data-control="retry"' in page


@pytest.mark.parametrize(("state", "shown"), [(JobState.FINISHED, True), (JobState.RUNNING, False)])
def test_only_a_finished_job_is_reset(state: JobState, shown: bool, run: Run, operator: Client) -> None:
    Job.across_tenants.filter(pk=run.job_id).update(state=state)
    page = operator.get(f"/jobs/{run.job_id}/").content.decode()
    assert (f'data-reset="{run.job_id}"' in page) is shown


def test_jobs_are_filtered_by_the_address(run: Run, viewer: Client) -> None:
    def named(query: str) -> bool:
        return "acme-jira" in viewer.get(f"/jobs/?{query}").content.decode()

    assert named("state=RUNNING&type=jira&q=ACME")
    assert not named("state=READY")
    assert not named("type=github")
    assert not named("q=other")


def old_runs(job: Job, number: int) -> None:
    now = timezone.now()
    for back in range(number):
        run = Run.across_tenants.create(tenant=job.tenant, job=job, state=RunState.FINISHED, outcome=Outcome.COMPLETE)
        begun = now - timedelta(hours=back + 1)
        Run.across_tenants.filter(pk=run.pk).update(
            created_at=begun, started_at=begun, finished_at=begun + timedelta(seconds=90)
        )


def test_the_history_pages_without_a_gap_or_a_repeat(job: Job, viewer: Client) -> None:
    old_runs(job, 60)
    found: list[str] = []
    page = "/runs/"
    while page:
        text = viewer.get(page).content.decode()
        found += re.findall(r'<tr data-run="([0-9a-f-]{36})"', text)
        older = re.search(r'href="(\?[^"]*before=[^"]+)">Older', text)
        page = f"/runs/{older[1].replace('&amp;', '&')}" if older else ""
    assert len(found) == len(set(found)) == 60


def test_the_history_is_filtered_by_job_and_state(run: Run, viewer: Client) -> None:
    old_runs(run.job, 3)
    rows = re.compile(r"<tr data-run=")
    assert len(rows.findall(viewer.get("/runs/?state=FINISHED").content.decode())) == 3
    assert len(rows.findall(viewer.get(f"/runs/?job={run.job_id}&state=RUNNING").content.decode())) == 1
    assert len(rows.findall(viewer.get("/runs/?job=999999").content.decode())) == 0
    assert viewer.get("/runs/?job=x&state=y&before=z").status_code == 200


def test_equal_errors_are_one_line(run: Run, viewer: Client) -> None:
    for number in range(3):
        set_aside(run.job, number)
    set_aside(run.job, 9, "KeyError: other", "other")
    page = viewer.get("/quarantine/").content.decode()
    assert page.count('href="/quarantine/') == 3  # the page itself in the navigation, and two groups
    assert "3 records" in page
    assert viewer.get("/quarantine/same/").content.decode().count("/quarantine/record/") == 3


def test_a_payload_is_shown_as_text(run: Run, viewer: Client) -> None:
    record = set_aside(run.job, 1)
    page = viewer.get(f"/quarantine/record/{record.pk}/").content.decode()
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "<b>bold</b>" not in page


def test_search_says_why_there_are_no_hits(acme: Tenant, viewer: Client) -> None:
    page = viewer.get("/search/?q=payments").content.decode()
    assert "Vectorization job first" in page or "No results" in page


def test_secrets_are_on_no_page(run: Run, operator: Client) -> None:
    Integration.across_tenants.filter(job=run.job_id).update(problem="The token is refused.")
    for page in PAGES:
        assert "secret" not in operator.get(address(page, run)).content.decode()
