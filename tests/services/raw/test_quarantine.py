"""Are quarantined records found by every filter, dismissed with a reason, and reopened by another failure?"""

from uuid import UUID, uuid4

import pytest

from apps.integrations.models import Integration
from apps.jobs.choices import RunMode
from apps.jobs.lifecycle import services, transitions
from apps.jobs.lifecycle.creation import create_job
from apps.jobs.models import Batch, Job, Run
from apps.jobs.quarantine import services as quarantine
from apps.progress.choices import JobState
from apps.raw.models import Quarantine, QuarantineState
from apps.raw.selectors import QuarantineQuery, quarantined
from apps.raw.services import Failure, quarantine_records
from apps.tenants.models import Tenant

STEP = "jira_issues_with_changelogs"
OPEN, DISMISSED = QuarantineState.OPEN, QuarantineState.DISMISSED


@pytest.fixture
def job(acme: Tenant) -> Job:
    return new_job(acme, "jira")


def new_job(tenant: Tenant, name: str) -> Job:
    integration = Integration.across_tenants.create(
        tenant=tenant, provider="jira", name=name, base_url="https://jira.example.com"
    )
    return create_job(integration)


def fail(
    job: Job,
    *external_ids: str,
    error: str = "ValueError: no date",
    entity: str = "issue",
    stage: str = "transform",
    run: UUID | None = None,
) -> None:
    assert job.integration_id
    quarantine_records(
        [Failure(job.integration_id, entity, external_id, error) for external_id in external_ids],
        tenant_id=job.tenant_id,
        integration_id=job.integration_id,
        run=run or uuid4(),
        step=STEP,
        stage=stage,
    )


def found(job: Job, **query: object) -> list[str]:
    rows = quarantined(job.tenant, QuarantineQuery(**query))  # type: ignore[arg-type]
    return sorted(rows.values_list("external_id", flat=True))


def test_a_record_that_fails_again_keeps_one_entry_with_its_newest_error(job: Job) -> None:
    fail(job, "1", "1")
    fail(job, "1", error="KeyError: 'id'")
    assert Quarantine.objects.for_tenant(job.tenant).get().error == "KeyError: 'id'"


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({}, ["1", "2", "3"]),
        ({"stage": "embedding"}, ["3"]),
        ({"entity": "sprint"}, ["2"]),
        ({"text": "RATE"}, ["2"]),
        ({"text": "3"}, ["3"]),
        ({"state": "dismissed"}, ["4"]),
        ({"state": ""}, ["1", "2", "3", "4"]),
        ({"stage": "transform", "text": "date"}, ["1"]),
    ],
)
def test_every_filter_finds_its_records(job: Job, query: dict[str, str], ids: list[str]) -> None:
    fail(job, "1", "4")
    fail(job, "2", entity="sprint", error="TypeError: a rate")
    fail(job, "3", stage="embedding", error="no meaning")
    quarantine.dismiss(job.tenant, QuarantineQuery(text="4"), actor="ada", reason="a test record")
    assert found(job, **query) == ids


def test_a_filter_finds_one_integration_and_never_one_of_another_tenant(job: Job, globex: Tenant) -> None:
    other, foreign = new_job(job.tenant, "second"), new_job(globex, "foreign")
    for one in (job, other, foreign):
        fail(one, one.name)
    assert found(job, integration=other.integration_id) == ["second"]
    assert found(job, integration=foreign.integration_id) == []
    assert found(job) == ["jira", "second"]


@pytest.mark.parametrize("reason", ["", "  "])
def test_nothing_is_dismissed_without_a_reason(job: Job, reason: str) -> None:
    fail(job, "1")
    with pytest.raises(quarantine.MissingReasonError, match="Say why"):
        quarantine.dismiss(job.tenant, QuarantineQuery(), actor="ada", reason=reason)
    assert found(job) == ["1"]


def test_who_dismissed_a_record_when_and_why_is_kept(job: Job) -> None:
    fail(job, "1", "2")
    assert quarantine.dismiss(job.tenant, QuarantineQuery(text="1"), actor="ada", reason="a test record") == 1
    record = Quarantine.objects.for_tenant(job.tenant).get(external_id="1")
    assert (record.state, record.settled_by, record.reason) == (DISMISSED, "ada", "a test record")
    assert record.settled_at is not None


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [("ValueError: no date", DISMISSED, "known"), ("KeyError: 'id'", OPEN, "")],
    ids=["same", "other"],
)
def test_only_another_failure_reopens_a_dismissed_record(job: Job, error: str, state: str, reason: str) -> None:
    fail(job, "1")
    quarantine.dismiss(job.tenant, QuarantineQuery(), actor="ada", reason="known")
    fail(job, "1", error=error)
    record = Quarantine.objects.for_tenant(job.tenant).get()
    assert (record.state, record.reason) == (state, reason)


def test_a_retry_is_a_run_that_covers_just_these_records(job: Job) -> None:
    fail(job, "1", "2", "3")
    retried = quarantine.retry(job.tenant, QuarantineQuery(text="2"), actor="ada", reason="fixed")
    (run,) = retried.runs
    batch = Batch.across_tenants.get(run=run)
    record = Quarantine.objects.for_tenant(job.tenant).get(external_id="2")
    assert (run.mode, retried.records) == (RunMode.RETRANSFORM, 1)
    assert (batch.step, batch.stage, batch.covers) == (STEP, "extraction", {"quarantine": [record.pk]})


def test_a_retry_reopens_a_dismissed_record(job: Job) -> None:
    fail(job, "1")
    quarantine.dismiss(job.tenant, QuarantineQuery(), actor="ada", reason="known")
    assert quarantine.retry(job.tenant, QuarantineQuery(), actor="ada").runs == []
    quarantine.retry(job.tenant, QuarantineQuery(state="dismissed"), actor="ada")
    assert found(job) == ["1"]


def test_each_integration_gets_a_run_and_a_busy_job_gives_the_reason(job: Job) -> None:
    other = new_job(job.tenant, "second")
    fail(job, "1")
    fail(other, "2")
    services.start(job, actor="ada")
    retried = quarantine.retry(job.tenant, QuarantineQuery(), actor="ada")
    assert [run.job_id for run in retried.runs] == [other.pk]
    assert "cannot start" in retried.refused[0]


def test_a_failed_run_is_not_hidden_by_a_retry_of_records(job: Job) -> None:
    fail(job, "1")
    run = services.start(job, actor="ada")
    Run.across_tenants.filter(pk=run.pk).update(state="FAILED")
    Job.across_tenants.filter(pk=job.pk).update(state=JobState.FAILED)
    retried = quarantine.retry(job.tenant, QuarantineQuery(), actor="ada")
    assert "has failed: retry it" in retried.refused[0]
    assert transitions.lock(job.pk).state == JobState.FAILED


def test_a_record_of_a_removed_step_is_retried_in_the_main_step(job: Job) -> None:
    fail(job, "1")
    Quarantine.across_tenants.update(step="vectorization_process")
    (run,) = quarantine.retry(job.tenant, QuarantineQuery(), actor="ada").runs
    assert Batch.across_tenants.get(run=run).step == STEP
