"""Does the page of a run show what it does, how far it is, whether it is healthy, and what a person can do?"""

import re
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from apps.integrations.models import Integration
from apps.jobs.choices import BatchState
from apps.jobs.lifecycle import services
from apps.jobs.models import Batch, Job, Run
from apps.jobs.run_log import journal_of, tally
from apps.jobs.selectors import automatic_retry_at
from apps.progress import log, timeline
from apps.progress import services as progress
from apps.progress.choices import NoticeChannel, NoticeState, RunState, StageState
from apps.progress.models import LogLine, Notice, RunProgress
from apps.sources.base import Fetched, Slice, SourceRecord
from apps.tenants.models import Tenant, User

ISSUES = "jira_issues_with_changelogs"
QUERIES = 14
CLOCK = r"(\d+ \w+, )?\d\d:\d\d UTC"


def page_of(run: Run, browser: Client, query: str = "", **headers: str) -> str:
    answer = browser.get(f"/runs/{run.pk}/{query}", headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def summary(page: str) -> str:
    """The run summary, as a person reads it."""
    part = re.search(r'<p class="run-summary".*?</p>', page, re.DOTALL)
    assert part
    return " ".join(re.sub(r"<[^>]+>", " ", part[0]).split())


def hold(run: Run, *, seconds: int) -> None:
    """A worker drives the run. Its lease ends in the given number of seconds."""
    until = timezone.now() + timedelta(seconds=seconds)
    Run.across_tenants.filter(pk=run.pk).update(driver=uuid4(), driver_lease_until=until)


def add_batch(run: Run, number: int, **more: object) -> None:
    Batch.across_tenants.bulk_create(
        Batch(tenant_id=run.tenant_id, run=run, step=ISSUES, stage="transform", covers={}, **more)
        for _ in range(number)
    )


def test_a_run_at_work_says_how_many_work_on_it(run: Run, viewer: Client) -> None:
    hold(run, seconds=30)
    lease = timezone.now() + timedelta(seconds=30)
    add_batch(run, 1, state=BatchState.RUNNING, owner=uuid4(), lease_until=lease)
    assert summary(page_of(run, viewer)) == "Working 2 workers"


def test_records_set_aside_are_part_of_the_summary(run: Run, viewer: Client) -> None:
    hold(run, seconds=30)
    progress.count(run.pk, ISSUES, "transform", done=10, failed=3)
    assert summary(page_of(run, viewer)) == "Working 1 worker, 3 records set aside"


def test_a_silent_worker_is_reported(run: Run, viewer: Client) -> None:
    hold(run, seconds=-12)
    assert re.fullmatch(rf"No sign of life since {CLOCK} Another worker takes over\.", summary(page_of(run, viewer)))


def test_a_wait_for_the_provider_is_shown_with_its_end(run: Run, viewer: Client) -> None:
    services.wait_until(run, timezone.now() + timedelta(minutes=9), "Jira asks for a pause (rate limit, 429).")
    page = page_of(run, viewer)
    assert re.match(rf"Waiting until {CLOCK} Jira asks for a pause", summary(page))


def test_a_run_without_a_worker_shows_its_waiting_batches(run: Run, viewer: Client) -> None:
    add_batch(run, 7)
    assert re.fullmatch(rf"Waiting for a free worker since {CLOCK} 7 batches wait\.", summary(page_of(run, viewer)))


def test_a_paused_run_says_by_whom_and_why(run: Run, viewer: Client) -> None:
    services.pause(run.job, actor="grace", reason="Lunch")
    assert re.match(rf"Paused since {CLOCK} By grace: Lunch\.", summary(page_of(run, viewer)))


def test_the_controls_are_on_the_page_of_the_current_run_only(run: Run, operator: Client) -> None:
    assert 'data-control="pause"' in page_of(run, operator)
    services.fail(run, "Broken")
    services.start(run.job, actor="ada")
    assert "data-control" not in page_of(run, operator)


def test_a_failure_names_the_automatic_retry_only_if_the_scheduler_will_do_it(run: Run, operator: Client) -> None:
    services.fail(run, "Broken")
    assert "Next automatic retry" in page_of(run, operator)
    run.refresh_from_db()
    finished_at = run.finished_at
    assert finished_at
    assert automatic_retry_at(run) == finished_at + timedelta(minutes=run.job.retry_minutes)
    Integration.across_tenants.update(is_active=False)
    assert "Next automatic retry" not in page_of(run, operator)
    Integration.across_tenants.update(is_active=True)
    Job.across_tenants.update(retries_used=F("max_retries"))
    assert "Next automatic retry" not in page_of(run, operator)


def test_an_older_failed_run_names_no_automatic_retry(run: Run, job: Job, operator: Client) -> None:
    services.fail(run, "Broken")
    services.fail(services.start(job, actor="ada"), "Broken again")
    assert "Next automatic retry" not in page_of(run, operator)


def test_a_failure_shows_its_cause_the_kept_data_and_a_retry(run: Run, operator: Client) -> None:
    for stage in ("extraction", "transform", "embedding"):
        progress.mark(run.pk, [("jira_projects_and_issue_types", stage)], StageState.FINISHED)
    progress.count(run.pk, ISSUES, "extraction", done=1200)
    add_batch(run, 1, attempts=4, error="ValueError: odd <b>")
    services.fail(run, "Jira does not accept the credentials.")
    page = page_of(run, operator)
    panel = page[page.index('id="failure"') : page.index('id="run-facts"')]
    words = " ".join(re.sub(r"<[^>]+>", " ", panel).split())
    assert "Jira does not accept the credentials." in words
    assert "Completed Projects and issue types" in words
    assert "Partly completed Issues with changelogs" in words
    assert "Not started Statuses and relationships; Development status" in words
    assert "Data kept 1,200 extracted records" in words
    assert "after 4 attempts: ValueError: odd &lt;b&gt;" in words
    assert "Retry from here" in words
    line = LogLine.objects.get(run=run.pk, level="error")
    assert f'href="/runs/{run.pk}/#line-{line.pk}"' in panel


def test_the_timeline_shows_attempts_stages_and_waits(run: Run, viewer: Client) -> None:
    assert 'data-kind="attempt"' in page_of(run, viewer)
    progress.ensure_begun(run.pk, ISSUES, "extraction")
    timeline.wait(run.pk, "Jira asks for a <pause>.")
    page = page_of(run, viewer)
    assert {"attempt", "stage", "wait"} == set(re.findall(r'class="lane" data-kind="(\w+)"', page))
    assert "Jira asks for a &lt;pause&gt;." in page
    assert "Show as table" in page


def test_one_attempt_can_be_seen_alone(run: Run, viewer: Client) -> None:
    services.fail(run, "Broken")
    services.retry(run.job, actor="ada")
    both = page_of(run, viewer)
    assert {"Attempt 1", "Attempt 2"} == set(re.findall(r'aria-label="(Attempt \d)', both))
    alone = page_of(run, viewer, "?attempt=1")
    assert {"Attempt 1"} == set(re.findall(r'aria-label="(Attempt \d)', alone))
    for odd in ("?attempt=9", "?attempt=x", "?attempt=-1", "?attempt=99999999999"):
        assert 'id="timeline"' in page_of(run, viewer, odd)


def test_the_log_is_there_without_a_script(run: Run, viewer: Client) -> None:
    log.write(run.pk, "Fetched <b>100</b> issues", step=ISSUES)
    page = page_of(run, viewer)
    assert "Fetched &lt;b&gt;100&lt;/b&gt; issues" in page
    assert f'href="/api/runs/{run.pk}/log.txt"' in page


def test_every_transition_is_in_the_log(run: Run) -> None:
    services.pause(run.job, actor="grace", reason="Lunch")
    services.resume(run.job, actor="grace")
    services.fail(run, "Broken")
    services.retry(run.job, actor="ada")
    texts = list(LogLine.objects.filter(run=run.pk).values_list("text", flat=True))
    assert texts[0] == "Requested by ada: Because of a test"
    assert texts[1].startswith("Started. A place is free")
    assert "Paused by grace: Lunch" in texts
    assert "Failed. Broken" in texts
    assert "Attempt 2 requested by ada" in texts


def test_fetched_slices_share_lines_that_are_not_too_frequent(run: Run) -> None:
    journal = journal_of(run)
    slice_ = tally(Slice("search", scope="ABC"), Fetched([SourceRecord("issue", "1", b"{}")]))
    for _ in range(10):
        journal.fetched(ISSUES, slice_)
        journal.flush()
    journal.flush(is_last=True)
    texts = LogLine.objects.filter(run=run.pk, text__contains=": fetched").values_list("text", flat=True)
    assert [text.split(": ")[1].split(" from ")[0] for text in texts] == ["fetched 1 issue", "fetched 9 issues"]


def test_a_redraw_leaves_the_log_alone(run: Run, viewer: Client) -> None:
    log.write(run.pk, "One line")
    assert "One line" not in page_of(run, viewer, **{"X-Fragments": "only"})


def test_the_number_of_queries_does_not_grow_with_what_the_page_shows(
    run: Run, viewer: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    hold(run, seconds=30)
    for number in range(30):
        log.write(run.pk, f"Line {number}")
        timeline.wait(run.pk, f"Reason {number}")
    add_batch(run, 20)
    with django_assert_num_queries(QUERIES):
        page_of(run, viewer)


def test_users_see_their_own_notices_and_no_secrets(
    run: Run, operator: Client, acme: Tenant, settings: Settings
) -> None:
    user = User.objects.get(username="some-operator")
    row = RunProgress.across_tenants.get(pk=run.pk)
    Notice.across_tenants.create(
        tenant=acme, run=row, user=user, channel=NoticeChannel.WEBHOOK, page="", state=NoticeState.FAILED, error="No"
    )
    assert "Webhook: not delivered" in page_of(run, operator)
    assert "data-notify-email" not in page_of(run, operator)
    settings.EMAIL_URL = "smtp://localhost"
    user.email = "some@example.com"
    user.save()
    assert "E-mail to some@example.com" in page_of(run, operator)


@pytest.fixture
def earlier(job: Job) -> Run:
    """A successful run of the same job."""
    run = services.start(job, actor="ada")
    progress.count(run.pk, ISSUES, "extraction", done=100)
    begun = timezone.now() - timedelta(hours=1)
    Run.across_tenants.filter(pk=run.pk).update(
        state=RunState.FINISHED, outcome="complete", started_at=begun, finished_at=begun + timedelta(seconds=60),
        created_at=begun, counts={"loaded": {"issue": 100}},
    )  # fmt: skip
    Job.across_tenants.filter(pk=job.pk).update(state="READY")
    return run


@pytest.fixture
def later(earlier: Run, job: Job) -> Run:
    run = services.start(job, actor="ada")
    progress.count(run.pk, ISSUES, "extraction", done=150)
    Run.across_tenants.filter(pk=run.pk).update(
        started_at=F("created_at"), finished_at=F("created_at") + timedelta(seconds=90),
        counts={"loaded": {"issue": 150}},
    )  # fmt: skip
    return run


def test_a_run_is_compared_with_the_last_successful_one(earlier: Run, later: Run, viewer: Client) -> None:
    page = viewer.get(f"/runs/{later.pk}/compare").content.decode()
    words = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert f'<option value="{earlier.pk}" selected' in " ".join(page.split())
    assert "30.0 s longer (+50%)" in words
    assert "Issues with changelogs: extraction 150 100 50 more (+50%)" in words
    assert "Issues: loaded 150 100 50 more (+50%)" in words


def test_only_runs_of_the_same_job_are_compared(
    later: Run, foreign_run: Run, viewer: Client, new_job: Callable[[Tenant, str], Job]
) -> None:
    other_job = services.start(new_job(later.tenant, "other"), actor="ada")
    for other in (foreign_run, other_job):
        page = viewer.get(f"/runs/{later.pk}/compare?with={other.pk}").content.decode()
        assert "The chosen run does not belong to this job." in page
    assert viewer.get(f"/runs/{foreign_run.pk}/compare").status_code == 404
    assert viewer.get(f"/runs/{later.pk}/compare?with=x").status_code == 200


def test_the_only_run_has_nothing_to_compare(run: Run, viewer: Client) -> None:
    assert "This is the only run of the job so far." in viewer.get(f"/runs/{run.pk}/compare").content.decode()
