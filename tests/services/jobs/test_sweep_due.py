"""When does a run look for deletions?"""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.core.crypto import Secret
from apps.integrations.services import add_integration
from apps.jobs.choices import RunMode
from apps.jobs.lifecycle import services
from apps.jobs.lifecycle.creation import VECTORIZATION, create_job
from apps.jobs.lifecycle.run_request import RunRequest
from apps.jobs.models import Job
from apps.tenants.models import Tenant


@pytest.fixture
def job(acme: Tenant) -> Job:
    integration = add_integration(
        tenant=acme, provider="jira", name="jira", base_url="http://127.0.0.1:9", token=Secret("x")
    )
    return create_job(integration)


@pytest.mark.parametrize(
    ("hours_ago", "wanted", "sweeps"),
    [
        (None, RunRequest(), True),
        (23, RunRequest(), False),
        (25, RunRequest(), True),
        (1, RunRequest(sweep=True), True),
        (None, RunRequest(RunMode.FULL), False),
        (None, RunRequest(RunMode.RANGE), False),
        (None, RunRequest(RunMode.RANGE, sweep=True), False),
    ],
)
def test_a_sweep_is_due_once_in_sweep_hours_or_on_request(
    job: Job, hours_ago: int | None, wanted: RunRequest, sweeps: bool
) -> None:
    if hours_ago is not None:
        Job.across_tenants.filter(pk=job.pk).update(last_sweep_at=timezone.now() - timedelta(hours=hours_ago))
    Job.across_tenants.filter(pk=job.pk).update(last_sync_date=timezone.now())
    job.refresh_from_db()
    assert services.start(job, actor="test", request=wanted).sweep is sweeps


def test_the_first_run_reads_everything_anyway(job: Job) -> None:
    assert not services.start(job, actor="test").sweep


def test_the_vectorization_has_nothing_to_sweep(job: Job) -> None:
    vectorization = Job.objects.for_tenant(job.tenant_id).get(job_type=VECTORIZATION)
    assert not services.start(vectorization, actor="test").sweep
