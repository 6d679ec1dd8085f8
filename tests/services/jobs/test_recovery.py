"""What does another worker or run take over after a dead worker, a stopped run or a wrong clock?"""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models import Q
from django.utils import timezone

from apps.core.crypto import Secret
from apps.integrations.services import add_integration
from apps.jobs.choices import BatchState
from apps.jobs.execution.step_runner import StepRunner
from apps.jobs.lifecycle import chain, services
from apps.jobs.lifecycle.creation import create_job
from apps.jobs.models import Batch, Job, Run
from apps.jobs.queue import batches, messages
from apps.jobs.queue.batches import NewBatch
from apps.jobs.queue.covers import RawRecords
from apps.jobs.scheduler import recovery
from apps.progress.choices import RunState
from apps.progress.models import StageProgress
from apps.sources import clock
from apps.sources.definition import Stage
from apps.tenants.models import Tenant

pytestmark = pytest.mark.django_db(transaction=True)

FIRST, ISSUES = "jira_projects_and_issue_types", "jira_issues_with_changelogs"


@pytest.fixture
def job(acme: Tenant) -> Job:
    integration = add_integration(
        tenant=acme, provider="jira", name="jira", base_url="http://127.0.0.1:9", token=Secret("x")
    )
    return create_job(integration)


@pytest.fixture
def run(job: Job) -> Run:
    return services.start(job, actor="test")


def _step(run: Run, task: str) -> StepRunner:
    run.refresh_from_db()
    return StepRunner(run, FIRST, Stage.EXTRACTION, task=task)


def test_a_redelivered_message_takes_over_at_once_and_another_message_does_not(run: Run) -> None:
    assert _step(run, "a").claim()
    (held,) = batches.add(run, [NewBatch(FIRST, Stage.EXTRACTION, RawRecords([]))])
    batches.claim(uuid4(), Q(pk=held.pk), 1, task="a")
    assert not _step(run, "b").claim(is_redelivered=True)
    assert not _step(run, "a").claim()
    assert _step(run, "a").claim(is_redelivered=True)
    held.refresh_from_db()
    assert (held.state, held.owner) == (BatchState.QUEUED, None)


def test_a_message_for_a_step_that_comes_too_early_is_ignored(run: Run) -> None:
    assert chain.next_step(run, frozenset()) == FIRST
    assert chain.next_step(run, frozenset({FIRST})) != ISSUES


def test_the_next_run_adopts_what_a_stopped_run_has_stored_and_not_finished(job: Job, run: Run) -> None:
    fetch, load, done = batches.add(
        run,
        [
            NewBatch(ISSUES, Stage.EXTRACTION, RawRecords([])),
            NewBatch(ISSUES, Stage.TRANSFORM, RawRecords([1]), 7),
            NewBatch(ISSUES, Stage.TRANSFORM, RawRecords([2]), 9),
        ],
    )
    Batch.across_tenants.filter(pk=done.pk).update(state=BatchState.FINISHED)
    services.stop(job, actor="test")
    run.refresh_from_db()
    assert run.state == RunState.CANCELLED
    following = services.start(job, actor="test")
    owners = dict(Batch.across_tenants.values_list("pk", "run"))
    assert owners == {fetch.pk: run.pk, load.pk: following.pk, done.pk: run.pk}
    load.refresh_from_db()
    assert load.state == BatchState.QUEUED
    assert StageProgress.objects.get(run=following.pk, step=ISSUES, stage=Stage.TRANSFORM).total == 7


def test_a_wait_lasts_as_long_as_requested_although_the_clock_is_wrong(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "_BEGAN", clock._BEGAN - timedelta(hours=2))
    services.wait_until(run, clock.now() + timedelta(seconds=60), "The provider asks for a pause.")
    run.refresh_from_db()
    assert run.not_before
    assert timedelta(seconds=30) < run.not_before - timezone.now() < timedelta(seconds=90)


def test_a_message_is_not_sent_again_while_the_workers_are_busy(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[Batch] = []
    monkeypatch.setattr(messages, "wake_up", woken.extend)
    queued, in_work = batches.add(run, [NewBatch(ISSUES, Stage.TRANSFORM, RawRecords([]))] * 2)
    Batch.across_tenants.update(woken_at=timezone.now() - 2 * recovery.LOST_AFTER)
    (held,) = batches.claim(uuid4(), Q(pk=in_work.pk), 1)
    recovery.wake_lost_batches(run)
    assert woken == []
    batches.close(held)
    recovery.wake_lost_batches(run)
    assert woken == [queued]
