"""Does a tenant with much to do keep the others waiting? Neither in the line of batches nor in that of the steps."""

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
from apps.jobs.lifecycle.creation import create_jobs
from apps.jobs.models import Batch, Job, Run
from apps.jobs.queue import batches, fairness, messages
from apps.jobs.queue.batches import NewBatch
from apps.jobs.queue.covers import RawRecords, VectorAction, VectorTask
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
    return create_jobs(integration)


def _backlog(run: Run, size: int) -> list[Batch]:
    return batches.add(run, [NewBatch(STEP, Stage.TRANSFORM, RawRecords([]), 1)] * size)


def _take(times: int) -> list[Batch]:
    taken = [fairness.claim_next(Stage.TRANSFORM, "task") for _ in range(times)]
    return [item for item in taken if item is not None]


def test_tenants_take_turns_however_much_each_has_to_do(platform: Platform, globex: Tenant, sandbox: Sandbox) -> None:
    _backlog(platform.start("jira"), 20)
    small = services.start(_job(globex, "jira", sandbox), actor="test")
    _backlog(small, 3)
    first = [item.tenant_id for item in _take(6)]
    assert Counter(first) == {platform.tenant.pk: 3, globex.pk: 3}
    assert len(_take(30)) == 17


def test_the_runs_of_a_tenant_take_turns_too(platform: Platform, sandbox: Sandbox) -> None:
    Tenant.objects.update(max_concurrent_jobs=2)
    runs = [platform.start("jira"), services.start(_job(platform.tenant, "jira", sandbox, "second"), actor="test")]
    for run in runs:
        _backlog(run, 5)
    assert Counter(item.run_id for item in _take(4)) == {run.pk: 2 for run in runs}


def test_what_belongs_to_the_chain_is_nobody_s_turn(platform: Platform) -> None:
    run = platform.start("vectorization")
    batches.add(run, [NewBatch("vectorization_prepare", Stage.EMBEDDING, VectorTask(VectorAction.VERIFY))])
    assert fairness.claim_next(Stage.EMBEDDING, "task") is None


def test_a_batch_costs_three_statements_to_take(platform: Platform, django_assert_num_queries: object) -> None:
    _backlog(platform.start("jira"), 2)
    _take(1)
    with django_assert_num_queries(5):  # type: ignore[operator]  # the three, and begin and commit
        (item,) = _take(1)
        assert item.run.job.tenant_id == item.run.tenant.pk


def test_a_step_makes_room_when_another_tenant_s_finds_no_worker(
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


def _single(folder: Path) -> Process:
    process = worker(folder, name="single")
    process.arguments[process.arguments.index("-c") + 1] = "1"
    return process


def test_a_small_run_passes_the_backlog_of_another_tenant(
    platform: Platform, globex: Tenant, sandbox: Sandbox, folder: Path
) -> None:
    huge = platform.start("jira", RunMode.FULL)
    messages.wake_up(_backlog(huge, BACKLOG))
    small = services.start(_job(globex, "github", sandbox), actor="test")
    with _single(folder):
        platform.ended(small)
        left = batches.outstanding(huge).filter(covers={"raw": []}).count()
    assert small.state == RunState.FINISHED
    assert left > BACKLOG / 2
