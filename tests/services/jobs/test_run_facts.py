"""Does the card of a run know what jobs knows: who works on it, who paused it, what is possible, how it ended?"""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.integrations.models import Integration
from apps.jobs import tasks
from apps.jobs.choices import BatchState, Outcome
from apps.jobs.lifecycle import services
from apps.jobs.lifecycle.controls import CONTROLS
from apps.jobs.lifecycle.creation import create_job
from apps.jobs.models import Batch, Job, Run
from apps.progress.card import Card
from apps.progress.choices import JobState, RunState
from apps.progress.facts import facts_of
from apps.progress.models import RunProgress
from apps.progress.selectors import live_runs, run_of_tenant
from apps.sources.errors import RateLimitedError
from apps.tenants.models import Tenant

STEP = "jira_issues_with_changelogs"
LEASE = timedelta(seconds=30)


@pytest.fixture
def job(acme: Tenant) -> Job:
    integration = Integration.across_tenants.create(
        tenant=acme, provider="jira", name="my-jira", base_url="https://jira.example.com"
    )
    return create_job(integration)


@pytest.fixture
def run(job: Job) -> Run:
    return services.start(job, actor="ada")


def card(run: Run) -> Card:
    message = run_of_tenant(run.tenant_id, run.pk)
    assert message
    return message.card


def add_batch(run: Run, owner: UUID | None = None, *, state: BatchState = BatchState.RUNNING) -> None:
    lease = timezone.now() + LEASE if owner else None
    Batch.across_tenants.create(
        tenant_id=run.tenant_id, run=run, step=STEP, stage="transform", covers={}, state=state, owner=owner,
        lease_until=lease,
    )  # fmt: skip


def drive(run: Run, driver: UUID, seconds: float = 30) -> None:
    until = timezone.now() + timedelta(seconds=seconds)
    Run.across_tenants.filter(pk=run.pk).update(driver=driver, driver_lease_until=until)


def test_every_worker_counts_once(run: Run) -> None:
    driver, other = uuid4(), uuid4()
    drive(run, driver)
    for owner in (driver, driver, other, other):
        add_batch(run, owner)
    assert card(run).summary == "2 workers"


def test_a_batch_that_nobody_holds_is_no_worker(run: Run) -> None:
    add_batch(run, state=BatchState.QUEUED)
    add_batch(run, state=BatchState.FINISHED)
    shown = card(run)
    assert (shown.heading, shown.summary) == ("Waiting for a free worker", "1 batch waits.")


def test_a_silent_driver_was_last_heard_of_when_it_renewed_its_lease(run: Run) -> None:
    drive(run, uuid4(), seconds=-12)
    shown = card(run)
    assert shown.heading == "No sign of life"
    assert shown.moment
    assert 41 < (timezone.now() - shown.moment.at).total_seconds() < 45


@pytest.mark.parametrize("state", list(JobState))
def test_the_card_names_exactly_what_the_state_allows(run: Run, state: JobState) -> None:
    RunProgress.across_tenants.filter(pk=run.pk).update(overall=state)
    assert card(run).controls == [name for name, control in CONTROLS.items() if state in control.from_states]


@pytest.mark.parametrize(
    ("state", "main"),
    [
        (JobState.READY, "start"),
        (JobState.PENDING, ""),
        (JobState.RUNNING, ""),
        (JobState.PAUSED, "resume"),
        (JobState.STOPPING, ""),
        (JobState.FINISHED, "start"),
        (JobState.FAILED, "retry"),
    ],
)
def test_one_control_is_the_main_one(run: Run, state: JobState, main: str) -> None:
    RunProgress.across_tenants.filter(pk=run.pk).update(overall=state)
    assert card(run).main_control == main


def test_a_pause_names_the_person_and_the_reason(run: Run) -> None:
    services.pause(run.job, actor="grace", reason="Lunch")
    assert card(run).summary.startswith("By grace: Lunch. ")


def test_a_reason_that_nobody_gave_is_not_shown(run: Run) -> None:
    services.pause(run.job, actor="grace")
    assert card(run).summary.startswith("By grace. ")


def test_a_change_to_another_state_is_not_shown(run: Run) -> None:
    """The progress row is older than the history: the next message tells the newer state."""
    services.pause(run.job, actor="grace", reason="Lunch")
    RunProgress.across_tenants.filter(pk=run.pk).update(overall=JobState.STOPPING)
    assert "grace" not in card(run).summary


def test_a_stopped_run_says_that_it_has_stopped(run: Run) -> None:
    services.stop(run.job, actor="grace", reason="Enough")
    message = run_of_tenant(run.tenant_id, run.pk)
    assert message
    assert message.overall == JobState.READY
    assert (message.card.heading, message.run_state.word) == ("Cancelled", "Cancelled")
    assert message.rest
    assert (message.rest.heading, message.job_state.word) == ("Ready", "Ready")


def test_only_a_finished_run_shows_an_outcome(run: Run) -> None:
    Run.across_tenants.filter(pk=run.pk).update(outcome=Outcome.INCOMPLETE, state=RunState.FINISHED)
    for state, word in (
        (JobState.RUNNING, "Running"),
        (JobState.FINISHED, "Incomplete"),
        (JobState.READY, "Incomplete"),
    ):
        RunProgress.across_tenants.filter(pk=run.pk).update(overall=state)
        message = run_of_tenant(run.tenant_id, run.pk)
        assert message
        assert message.run_state.word == word


def test_a_newer_run_takes_the_controls_away_from_the_older_one(run: Run) -> None:
    services.fail(run, "Broken")
    before = run_of_tenant(run.tenant_id, run.pk)
    services.start(run.job, actor="ada")
    after = run_of_tenant(run.tenant_id, run.pk)
    assert before
    assert after
    assert (before.card.controls[0], after.card.controls) == ("start", [])
    assert after.seq == before.seq + 1  # so that open pages hear of it


def test_the_provider_is_named_as_its_integration_and_the_time_is_shown_once(run: Run) -> None:
    error = RateLimitedError(
        "127.0.0.1:8090 asks for a pause until 00:59 UTC, because …", timezone.now(), reason="x is used up"
    )
    reason = tasks._pause_reason(run, error)
    assert reason == "my-jira asks for a pause, because x is used up."
    services.wait_until(run, timezone.now() + timedelta(minutes=9), reason)
    shown = card(run)
    assert (shown.heading, shown.summary) == ("Waiting", reason)
    assert shown.moment
    assert (shown.moment.label, shown.moment.at.second) == ("until", 0)


def test_many_runs_are_asked_about_at_once(acme: Tenant, run: Run) -> None:
    for number in range(3):
        integration = Integration.across_tenants.create(
            tenant=acme, provider="jira", name=f"jira-{number}", base_url="https://jira.example.com"
        )
        services.start(create_job(integration), actor="ada")
    rows = list(RunProgress.across_tenants.all())
    with CaptureQueriesContext(
        connection,
    ) as queries:
        facts_of(rows)
    assert len(queries) == 1
    assert len(live_runs(acme.pk)) == len(rows)
