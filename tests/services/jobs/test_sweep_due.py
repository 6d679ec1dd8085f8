"""When does a run look for what is gone?"""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.core.crypto import Secret
from apps.integrations.services import add_integration
from apps.jobs.choices import RunMode
from apps.jobs.lifecycle import services
from apps.jobs.lifecycle.services import Scope
from apps.jobs.models import Job
from apps.tenants.models import Tenant


@pytest.fixture
def job(acme: Tenant) -> Job:
    integration = add_integration(
        tenant=acme, provider="jira", name="jira", base_url="http://127.0.0.1:9", token=Secret("x")
    )
    return services.create_jobs(integration)


@pytest.mark.parametrize(
    ("hours_ago", "scope", "sweeps"),
    [
        (None, Scope(), True),
        (23, Scope(), False),
        (25, Scope(), True),
        (1, Scope(sweep=True), True),
        (None, Scope(RunMode.FULL), False),
        (None, Scope(RunMode.RANGE), False),
        (None, Scope(RunMode.RANGE, sweep=True), False),
    ],
)
def test_once_in_so_many_hours_or_when_asked_for(job: Job, hours_ago: int | None, scope: Scope, sweeps: bool) -> None:
    if hours_ago is not None:
        Job.across_tenants.filter(pk=job.pk).update(last_sweep_at=timezone.now() - timedelta(hours=hours_ago))
    Job.across_tenants.filter(pk=job.pk).update(last_sync_date=timezone.now())
    job.refresh_from_db()
    assert services.start(job, actor="test", scope=scope).sweep is sweeps


def test_the_first_run_reads_everything_anyway(job: Job) -> None:
    assert not services.start(job, actor="test").sweep


def test_the_vectorization_has_nothing_to_sweep(job: Job) -> None:
    vectorization = Job.objects.for_tenant(job.tenant_id).get(job_type=services.VECTORIZATION)
    assert not services.start(vectorization, actor="test").sweep
