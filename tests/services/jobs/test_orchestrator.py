"""Does a due job start once, whatever happens to schedulers and clocks? No worker runs here."""

import threading
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models import Q
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from apps.core.crypto import Secret
from apps.integrations.models import Integration
from apps.integrations.services import add_integration
from apps.jobs import tasks
from apps.jobs.execution import completion, handlers
from apps.jobs.forms import settings_form
from apps.jobs.lifecycle import planning, services, transitions
from apps.jobs.lifecycle.creation import create_job
from apps.jobs.models import Batch, Job, Run, StateChange
from apps.jobs.queue import batches
from apps.jobs.queue.batches import LeaseLostError, NewBatch
from apps.jobs.queue.covers import RawRecords
from apps.jobs.scheduler import orchestrator, recovery
from apps.progress.choices import JobState
from apps.sources.definition import Stage
from apps.tenants.services import create_tenant

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE = timedelta(minutes=1)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
FAR_AWAY = datetime(2090, 1, 1, tzinfo=UTC)


@pytest.fixture
def job() -> Job:
    return job_of_a_new_tenant("acme")


def job_of_a_new_tenant(slug: str) -> Job:
    integration = add_integration(
        tenant=create_tenant(slug=slug, name=slug.capitalize()),
        provider="jira",
        name="jira",
        base_url="http://127.0.0.1:9",
        username="a@b.c",
        token=Secret("x"),
    )
    return create_job(integration)


def put(job: Job, **values: object) -> None:
    Job.across_tenants.filter(pk=job.pk).update(**values)
    job.refresh_from_db()


def next_run(job: Job) -> datetime:
    job.refresh_from_db()
    assert job.next_run
    return job.next_run


def runs(job: Job) -> int:
    return Run.across_tenants.filter(job=job).count()


def ended(job: Job, state: JobState) -> None:
    """End the newest run as ``state``; a failed run long enough ago for a retry."""
    if state == JobState.FAILED:
        services.fail(services.current_run(job), "The host is not reachable.")
        Run.across_tenants.filter(job=job).update(finished_at=Now() - timedelta(hours=1))
    else:
        services.stop(job, actor="test")
    job.refresh_from_db()


def test_a_new_job_gets_a_next_run_one_period_away(job: Job) -> None:
    before = planning.database_time()
    orchestrator.tick()
    assert before + 60 * MINUTE <= next_run(job) <= planning.database_time() + 60 * MINUTE
    assert runs(job) == 0


def test_a_job_that_is_switched_off_has_no_next_run_and_starts_no_run(job: Job) -> None:
    put(job, is_active=False, next_run=LONG_AGO)
    orchestrator.tick()
    job.refresh_from_db()
    assert (job.next_run, runs(job)) == (None, 0)


def test_ten_missed_occurrences_are_caught_up_by_one_run(job: Job) -> None:
    put(job, next_run=Now() - 10 * 60 * MINUTE)
    orchestrator.tick()
    assert runs(job) == 1
    assert next_run(job) > planning.database_time()
    ended(job, JobState.READY)
    orchestrator.tick()
    assert runs(job) == 1


def test_ten_schedulers_start_one_run_per_occurrence(job: Job) -> None:
    put(job, next_run=LONG_AGO)
    barrier = threading.Barrier(10)
    faults: list[BaseException] = []

    def compete() -> None:
        try:
            barrier.wait()
            orchestrator.start_due()
        except BaseException as error:
            faults.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=compete) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (faults, runs(job)) == ([], 1)
    assert StateChange.objects.filter(job=job, action="start").count() == 1


def test_a_scheduler_that_slept_with_an_old_list_starts_nothing_twice(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(job, next_run=LONG_AGO)
    lock = transitions.lock

    def quicker(pk: int) -> Job:
        """Between the look of this scheduler and its lock, another one starts the job and the run ends."""
        monkeypatch.setattr(transitions, "lock", lock)
        orchestrator.start_due()
        ended(job, JobState.READY)
        return lock(pk)

    monkeypatch.setattr(transitions, "lock", quicker)
    orchestrator.start_due()
    assert runs(job) == 1


@pytest.mark.parametrize("rule", ["", "0 6 * * *"])
def test_a_clock_that_jumped_far_ahead_and_back_delays_no_run(job: Job, rule: str) -> None:
    put(job, next_run=FAR_AWAY, last_run_started_at=FAR_AWAY, rule=rule)
    orchestrator.tick()
    period = timedelta(days=1) if rule else 60 * MINUTE
    assert next_run(job) <= planning.database_time() + period
    assert runs(job) == 0


def test_a_clock_that_jumped_back_keeps_no_job_finished_and_no_retry_waiting(job: Job) -> None:
    services.start(job, actor="test")
    put(job, state=JobState.FINISHED, last_run_finished_at=FAR_AWAY)
    Run.across_tenants.filter(job=job).update(state=JobState.FINISHED)
    orchestrator.reset_finished()
    job.refresh_from_db()
    assert job.state == JobState.READY
    put(job, state=JobState.FAILED)
    Run.across_tenants.filter(job=job).update(state="FAILED", finished_at=FAR_AWAY)
    orchestrator.retry_failed()
    job.refresh_from_db()
    assert job.state == JobState.RUNNING


def test_a_run_that_is_requested_by_a_person_delays_the_next_interval(job: Job) -> None:
    put(job, next_run=Now() + MINUTE)
    services.start(job, actor="ada")
    assert next_run(job) > planning.database_time() + 59 * MINUTE


def test_a_failed_job_is_retried_without_waiting_for_its_regular_time(job: Job) -> None:
    services.start(job, actor="test")
    services.fail(services.current_run(job), "The host is not reachable.")
    orchestrator.tick()
    job.refresh_from_db()
    assert (job.state, job.retries_used) == (JobState.FAILED, 0)
    Run.across_tenants.filter(job=job).update(finished_at=Now() - 15 * MINUTE)
    orchestrator.tick()
    job.refresh_from_db()
    assert (job.state, job.retries_used, runs(job)) == (JobState.RUNNING, 1, 1)


def test_after_the_last_retry_it_waits_for_its_regular_time_and_then_starts_a_new_run(job: Job) -> None:
    services.start(job, actor="test")
    for _ in range(job.max_retries):
        ended(job, JobState.FAILED)
        orchestrator.tick()
    ended(job, JobState.FAILED)
    orchestrator.tick()
    job.refresh_from_db()
    assert (job.state, job.retries_used, runs(job)) == (JobState.FAILED, job.max_retries, 1)
    assert next_run(job) > planning.database_time()
    put(job, next_run=Now() - MINUTE)
    orchestrator.tick()
    job.refresh_from_db()
    assert (job.state, job.retries_used, runs(job)) == (JobState.RUNNING, 0, 2)


def test_a_failed_job_with_retries_left_starts_no_new_run(job: Job) -> None:
    services.start(job, actor="test")
    services.fail(services.current_run(job), "The host is not reachable.")
    put(job, next_run=LONG_AGO)
    orchestrator.tick()
    assert runs(job) == 1


def test_two_schedulers_count_a_retry_once(job: Job) -> None:
    services.start(job, actor="test")
    ended(job, JobState.FAILED)
    orchestrator.retry_failed()
    orchestrator.retry_failed()
    job.refresh_from_db()
    assert job.retries_used == 1


def _change(job: Job, **values: object) -> None:
    form = settings_form(Job.across_tenants.get(pk=job.pk), values)
    assert form.is_valid(), form.errors
    form.store(actor="ada", reason="Nights are quiet.")


def test_changed_settings_plan_the_next_run_again_and_are_recorded(job: Job) -> None:
    orchestrator.tick()
    _change(job, rule="0 6 * * 1-5", time_zone="Europe/Berlin", retry_minutes=5)
    assert next_run(job).astimezone(planning.schedule_of(job).zone).hour == 6
    change = StateChange.objects.get(job=job, action="schedule")
    assert (change.actor, change.before, change.after) == ("ada", "READY", "READY")
    for words in ("Rule: none → 0 6 * * 1-5.", "Retry minutes: 15 → 5.", "Nights are quiet."):
        assert words in change.reason


def test_a_shorter_interval_goes_on_from_the_last_start(job: Job) -> None:
    put(job, last_run_started_at=Now() - 40 * MINUTE, next_run=Now() + 20 * MINUTE)
    _change(job, interval_minutes=30)
    assert job.last_run_started_at
    assert next_run(job) == job.last_run_started_at + 60 * MINUTE


def test_settings_that_do_not_change_leave_no_trace(job: Job) -> None:
    _change(job)
    assert not StateChange.objects.filter(job=job).exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("interval_minutes", 0),
        ("rule", "every day"),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../etc/passwd"),
        ("retry_minutes", 4),
        ("retry_minutes", 31),
        ("max_retries", 11),
        ("sweep_hours", 0),
    ],
)
def test_impossible_settings_are_refused_at_their_field(job: Job, field: str, value: object) -> None:
    assert list(settings_form(job, {field: value}).errors) == [field]


def test_locks_are_taken_in_their_order(job: Job) -> None:
    """A retry of set-aside records locks the tenant, then the job. In the other order both would wait for ever."""
    put(job, next_run=LONG_AGO)
    with CaptureQueriesContext(connection) as queries:
        orchestrator.start_due()
    locks = [query["sql"] for query in queries if "FOR NO KEY UPDATE" in query["sql"]]
    assert "tenants_tenant" in locks[0]
    assert runs(job) == 1


def test_a_failure_for_one_run_does_not_stop_the_others(
    job: Job, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = job_of_a_new_tenant("globex")
    broken = services.start(job, actor="test")
    put(other, next_run=LONG_AGO)

    def fault(run: Run) -> None:
        raise KeyError("a step of an older version")

    monkeypatch.setattr(completion, "close_stages", fault)
    orchestrator.tick()
    assert f"The scheduler could not handle {broken.pk}" in caplog.text
    assert runs(other) == 1


def test_a_job_of_a_new_integration_has_a_unique_name_whatever_other_jobs_are_called(job: Job) -> None:
    long = "x" * 100
    put(job, name="new-jira")
    vectorization = Job.objects.for_tenant(job.tenant).get(integration=None)
    for name in ("new", long):
        put(vectorization, name=name)
        Integration.across_tenants.create(
            tenant=job.tenant, provider="jira", name=name, base_url="http://127.0.0.1:9", is_active=False
        )
        orchestrator.create_missing_jobs()
    names = Job.objects.for_tenant(job.tenant).values_list("name", flat=True)
    assert set(names) == {"new-jira", "new-jira-2", long, f"{'x' * 95}-jira"}


def test_a_batch_that_ends_every_worker_fails_its_run(job: Job) -> None:
    run = services.start(job, actor="test")
    (batch,) = batches.add(run, [NewBatch("jira_statuses_and_relationships", Stage.TRANSFORM, RawRecords([]))])
    for _ in range(recovery.MAX_WORKER_DEATHS):
        assert batches.claim(uuid4(), Q(pk=batch.pk), 1)
        Batch.across_tenants.filter(pk=batch.pk).update(lease_until=LONG_AGO)
    orchestrator.tick()
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert f"{recovery.MAX_WORKER_DEATHS} workers have begun batch {batch.pk}" in job.error
    services.retry(job, actor="test")
    orchestrator.tick()
    job.refresh_from_db()
    assert job.state == JobState.RUNNING


def test_a_run_that_cannot_be_finished_fails_with_its_sentence(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    run = services.start(job, actor="test")

    def fault(run: Run) -> bool:
        raise ValueError("no proof")

    monkeypatch.setattr(completion, "complete", fault)
    tasks.complete_run.apply(kwargs={"run_id": str(run.pk)}, retries=batches.MAX_ATTEMPTS - 1)
    job.refresh_from_db()
    assert (job.state, job.error) == (
        JobState.FAILED,
        "Everything is loaded, but the run cannot be finished: ValueError: no proof.",
    )


def test_a_worker_of_a_deleted_integration_writes_nothing_and_stops_no_other(
    job: Job, caplog: pytest.LogCaptureFixture
) -> None:
    run = services.start(job, actor="test")
    batches.add(run, [NewBatch("jira_statuses_and_relationships", Stage.TRANSFORM, RawRecords([]))])
    (batch,) = batches.claim(uuid4(), Q(run=run), 1)
    assert job.integration
    job.integration.delete()
    with pytest.raises(LeaseLostError):
        handlers.finish(batch, handlers.BatchResult)
    orchestrator.tick()
    assert "could not handle" not in caplog.text
    assert not Job.across_tenants.filter(pk=job.pk).exists()
