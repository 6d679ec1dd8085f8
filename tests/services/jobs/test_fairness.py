"""Does a tenant with much to do keep the others waiting? Neither with its batches nor with its steps."""

from collections import Counter
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.db.models.functions import Now

from apps.core.crypto import Secret
from apps.integrations.services import add_integration
from apps.jobs.choices import RunMode
from apps.jobs.lifecycle import services
from apps.jobs.lifecycle.creation import create_job
from apps.jobs.models import Batch, Job, Run
from apps.jobs.queue import batches, fairness, messages
from apps.jobs.queue.batches import NewBatch
from apps.jobs.queue.covers import RawRecords, VectorAction, VectorTask, encode
from apps.progress.choices import RunState
from apps.sources.definition import Stage
from apps.tenants.models import Tenant
from apps.tenants.services import create_tenant
from tests import platform as platforms
from tests.platform import Platform
from tests.processes import TOKEN, Process, Sandbox, worker

SANDBOX = {"issues": 200, "prs": 20}
STEP = "jira_issues_with_changelogs"
BACKLOG = 400


@pytest.fixture
def platform(database: None, sandbox: Sandbox, folder: Path) -> Platform:
    platforms.empty_everything()
    return platforms.build(sandbox, folder)


@pytest.fixture
def globex(platform: Platform) -> Tenant:
    return create_tenant(slug="globex", name="Globex")


def _job(tenant: Tenant, provider: str, sandbox: Sandbox, name: str = "") -> Job:
    integration = add_integration(
        tenant=tenant,
        provider=provider,
        name=name or provider,
        base_url=sandbox.url(provider),
        username="someone@example.com" if provider == "jira" else "",
        token=Secret(TOKEN),
    )
    return create_job(integration)


def _backlog(run: Run, size: int) -> list[Batch]:
    return batches.add(run, [NewBatch(STEP, Stage.TRANSFORM, RawRecords([]), 1)] * size)


def _claim(times: int) -> list[Batch]:
    claimed = [fairness.claim_next(Stage.TRANSFORM, "task") for _ in range(times)]
    return [batch for batch in claimed if batch is not None]


def test_tenants_are_served_in_turn_however_much_each_has_to_do(
    platform: Platform, globex: Tenant, sandbox: Sandbox
) -> None:
    _backlog(platform.start("jira"), 20)
    small = services.start(_job(globex, "jira", sandbox), actor="test")
    _backlog(small, 3)
    first = [batch.tenant_id for batch in _claim(6)]
    assert Counter(first) == {platform.tenant.pk: 3, globex.pk: 3}
    assert len(_claim(30)) == 17


def test_the_runs_of_a_tenant_are_served_in_turn_too(platform: Platform, sandbox: Sandbox) -> None:
    Tenant.objects.update(max_concurrent_jobs=2)
    runs = [platform.start("jira"), services.start(_job(platform.tenant, "jira", sandbox, "second"), actor="test")]
    for run in runs:
        _backlog(run, 5)
    assert Counter(batch.run_id for batch in _claim(4)) == {run.pk: 2 for run in runs}


def test_a_batch_of_the_chain_is_never_claimed_beside_it(platform: Platform) -> None:
    run = platform.start("vectorization")
    batches.add(run, [NewBatch("vectorization_prepare", Stage.EMBEDDING, VectorTask(VectorAction.VERIFY))])
    assert fairness.claim_next(Stage.EMBEDDING, "task") is None


def test_claiming_a_batch_takes_three_statements(platform: Platform, django_assert_num_queries: object) -> None:
    _backlog(platform.start("jira"), 2)
    _claim(1)
    with django_assert_num_queries(5):  # type: ignore[operator]  # three, with begin and commit
        (batch,) = _claim(1)
        assert batch.run.job.tenant_id == batch.run.tenant.pk


def test_a_step_makes_room_when_a_step_of_another_tenant_waits_for_a_worker(
    platform: Platform, globex: Tenant, sandbox: Sandbox
) -> None:
    huge = platform.start("jira")
    assert not fairness.must_make_room(huge, Stage.EXTRACTION)
    small = services.start(_job(globex, "github", sandbox), actor="test")
    waiting = Run.across_tenants.filter(pk=small.pk)
    waiting.update(dispatched_at=Now() - timedelta(seconds=5))
    assert fairness.must_make_room(huge, Stage.EXTRACTION)
    waiting.update(driver=uuid4())
    assert not fairness.must_make_room(huge, Stage.EXTRACTION)


def _single_worker(folder: Path) -> Process:
    process = worker(folder, name="single")
    process.arguments[process.arguments.index("-c") + 1] = "1"
    return process


def test_a_small_run_does_not_wait_for_the_backlog_of_another_tenant(
    platform: Platform, globex: Tenant, sandbox: Sandbox, folder: Path
) -> None:
    huge = platform.start("jira", RunMode.FULL)
    messages.wake_up(_backlog(huge, BACKLOG))
    small = services.start(_job(globex, "github", sandbox), actor="test")
    with _single_worker(folder):
        platform.ended(small)
        left = batches.outstanding(huge).filter(covers=encode(RawRecords([]))).count()
    assert small.state == RunState.FINISHED
    assert left > BACKLOG / 2
