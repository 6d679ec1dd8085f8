"""Which controls does each state allow, and what do they leave behind? No worker runs here."""

from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction
from django.db.models import Q

from apps.core.crypto import Secret
from apps.integrations.services import add_integration
from apps.jobs.choices import BatchState
from apps.jobs.lifecycle import services
from apps.jobs.lifecycle.creation import create_job
from apps.jobs.lifecycle.transitions import TRANSITIONS, WrongStateError
from apps.jobs.models import Batch, Job, Run, StateChange
from apps.jobs.queue import batches
from apps.jobs.queue.batches import NewBatch
from apps.jobs.queue.covers import RawRecords
from apps.jobs.scheduler import orchestrator
from apps.progress.choices import JobState, RunState
from apps.progress.models import RunProgress
from apps.sources.definition import Stage
from apps.tenants.models import Tenant
from apps.tenants.services import create_tenant

pytestmark = pytest.mark.django_db(transaction=True)

STEP = "jira_projects_and_issue_types"
Control = Callable[..., object]
CONTROLS: dict[str, Control] = {
    "start": services.start,
    "pause": services.pause,
    "resume": services.resume,
    "retry": services.retry,
    "stop": services.stop,
    "reset": services.reset,
}
# How a job gets into each state by controls alone.
PATHS: dict[JobState, tuple[str, ...]] = {
    JobState.READY: (),
    JobState.RUNNING: ("start",),
    JobState.PAUSED: ("start", "pause"),
    JobState.FAILED: ("start", "fail"),
}


@pytest.fixture
def tenant() -> Tenant:
    return create_tenant(slug="acme", name="Acme")


def _job(tenant: Tenant, name: str = "jira") -> Job:
    integration = add_integration(
        tenant=tenant, provider="jira", name=name, base_url="http://127.0.0.1:9", username="a@b.c", token=Secret("x")
    )
    return create_job(integration)


@pytest.fixture
def job(tenant: Tenant) -> Job:
    return _job(tenant)


def _act(job: Job, action: str) -> None:
    if action == "fail":
        services.fail(services.current_run(job), "The token has expired.")
    else:
        CONTROLS[action](job, actor="test")


def _state(job: Job) -> str:
    return Job.across_tenants.values_list("state", flat=True).get(pk=job.pk)


@pytest.mark.parametrize("state", PATHS)
@pytest.mark.parametrize("action", CONTROLS)
def test_only_the_transitions_of_the_specification_exist(job: Job, state: JobState, action: str) -> None:
    for step in PATHS[state]:
        _act(job, step)
    assert _state(job) == state
    allowed = state in TRANSITIONS[action].from_states or (action == "reset" and state == JobState.READY)
    if allowed:
        _act(job, action)
    else:
        with pytest.raises(WrongStateError, match=r"Possible now|ends by itself"):
            _act(job, action)
        assert _state(job) == state


def test_every_transition_is_recorded_with_its_actor_and_reason(job: Job) -> None:
    services.start(job, actor="ada", reason="a look")
    services.pause(job, actor="bob", reason="lunch")
    rows = StateChange.objects.order_by("id").values_list("action", "before", "after", "actor", "reason")
    assert list(rows) == [
        ("start", "READY", "PENDING", "ada", "a look"),
        ("admit", "PENDING", "RUNNING", "system", "A place is free: this tenant now runs 1 of at most 1 job."),
        ("pause", "RUNNING", "PAUSED", "bob", "lunch"),
    ]


def test_the_stored_progress_follows_and_is_numbered(job: Job) -> None:
    run = services.start(job, actor="test")
    before = RunProgress.across_tenants.get(pk=run.pk)
    services.pause(job, actor="test")
    after = RunProgress.across_tenants.get(pk=run.pk)
    assert (before.overall, after.overall) == ("RUNNING", "PAUSED")
    assert after.seq == before.seq + 1


def test_the_database_refuses_a_second_active_run_of_an_integration(job: Job) -> None:
    services.start(job, actor="test")
    with pytest.raises(IntegrityError, match="one_active_run"), transaction.atomic():
        Run.across_tenants.create(tenant=job.tenant, job=job, integration=job.integration)


def test_a_tenant_runs_one_job_at_a_time_and_the_other_names_the_job_it_waits_for(job: Job, tenant: Tenant) -> None:
    other = _job(tenant, "second")
    services.start(job, actor="test")
    waiting = services.start(other, actor="test")
    assert waiting.state == RunState.PENDING
    assert RunProgress.across_tenants.get(pk=waiting.pk).waiting.startswith("First in line: waits for jira")
    services.stop(job, actor="test")
    waiting.refresh_from_db()
    assert waiting.state == RunState.RUNNING


def _claimed(run: Run) -> Batch:
    batches.add(run, [NewBatch(STEP, Stage.TRANSFORM, RawRecords([]))])
    (batch,) = batches.claim(run.pk, Q(run=run), 1)
    return batch


def test_a_stopped_run_is_cancelled_and_its_batches_can_write_nothing(job: Job) -> None:
    run = services.start(job, actor="test")
    batch = _claimed(run)
    services.stop(job, actor="test", reason="wrong project")
    run.refresh_from_db()
    assert (_state(job), run.state) == (JobState.READY, RunState.CANCELLED)
    with pytest.raises(batches.LeaseLostError):
        batches.close(batch)


def test_no_batch_of_a_paused_run_can_be_claimed_until_it_is_resumed(job: Job) -> None:
    run = services.start(job, actor="test")
    batches.add(run, [NewBatch(STEP, Stage.TRANSFORM, RawRecords([]))])
    services.pause(job, actor="test")
    assert batches.claim(run.pk, Q(run=run), 1) == []
    services.resume(job, actor="test")
    assert len(batches.claim(run.pk, Q(run=run), 1)) == 1


def test_nothing_but_a_person_changes_a_paused_job(job: Job) -> None:
    run = services.start(job, actor="test")
    services.pause(job, actor="test")
    Job.across_tenants.filter(pk=job.pk).update(next_run="2020-01-01T00:00Z")
    services.fail(run, "too late")
    orchestrator.tick()
    assert _state(job) == JobState.PAUSED


def test_a_retry_is_a_new_attempt_that_keeps_completed_work(job: Job) -> None:
    run = services.start(job, actor="test")
    done, failed = batches.add(run, [NewBatch(STEP, Stage.TRANSFORM, RawRecords([number])) for number in (1, 2)])
    Batch.across_tenants.filter(pk=done.pk).update(state=BatchState.FINISHED)
    Batch.across_tenants.filter(pk=failed.pk).update(state=BatchState.FAILED)
    services.fail(run, "The token has expired.")
    again = services.retry(job, actor="test")
    assert (again.pk, again.attempt, again.error) == (run.pk, 2, "")
    states = Batch.across_tenants.filter(pk__in=(done.pk, failed.pk)).order_by("pk").values_list("state", flat=True)
    assert list(states) == [BatchState.FINISHED, BatchState.QUEUED]
    assert RunProgress.across_tenants.get(pk=run.pk).attempt == 2


def test_a_failed_job_is_retried_automatically_a_limited_number_of_times(job: Job) -> None:
    run = services.start(job, actor="test")
    for _ in range(job.max_retries):
        services.fail(run, "The host is not reachable.")
        Run.across_tenants.filter(pk=run.pk).update(finished_at="2020-01-01T00:00Z")
        orchestrator.tick()
        assert _state(job) == JobState.RUNNING
    services.fail(run, "The host is not reachable.")
    Run.across_tenants.filter(pk=run.pk).update(finished_at="2020-01-01T00:00Z")
    orchestrator.tick()
    assert _state(job) == JobState.FAILED


def test_a_due_job_starts_once(job: Job) -> None:
    Job.across_tenants.filter(pk=job.pk).update(next_run="2020-01-01T00:00Z")
    orchestrator.tick()
    orchestrator.tick()
    assert Run.across_tenants.filter(job=job).count() == 1


def test_an_integration_added_in_the_admin_gets_its_job_by_itself(tenant: Tenant) -> None:
    add_integration(
        tenant=tenant, provider="github", name="added", base_url="http://127.0.0.1:9", username="", token=Secret("x")
    )
    orchestrator.tick()
    orchestrator.tick()
    assert set(Job.objects.for_tenant(tenant).values_list("name", flat=True)) == {"added", "vectorization"}


def test_a_reset_is_safe_to_repeat(job: Job) -> None:
    assert services.reset(job, actor="test").state == JobState.READY
    assert services.reset(job, actor="test").state == JobState.READY
