"""Is a batch done once, whoever tries, and does a lost lease write nothing?"""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from apps.jobs.choices import BatchState
from apps.jobs.execution import workers
from apps.jobs.execution.workers import BatchResult
from apps.jobs.lifecycle import services
from apps.jobs.models import Batch, Run
from apps.jobs.queue import batches
from apps.jobs.queue.batches import LeaseLostError, NewBatch
from apps.jobs.scheduler import orchestrator
from apps.progress.models import StageProgress
from apps.sources.definition import Stage
from apps.tenants.services import create_tenant

pytestmark = pytest.mark.django_db(transaction=True)

STEP = "vectorization_prepare"


@pytest.fixture
def run() -> Run:
    from apps.jobs.models import Job

    job = Job.across_tenants.create(
        tenant=create_tenant(slug="acme", name="Acme"), name="vectorization", job_type="vectorization"
    )
    return services.start(job, actor="test")


def _item(run: Run) -> Batch:
    (item,) = batches.add(run, [NewBatch(STEP, Stage.EMBEDDING, {"do": "nothing"}, 5)])
    return item


def _claim(item: Batch) -> list[Batch]:
    return batches.claim(uuid4(), Q(pk=item.pk), 1)


def _let_the_lease_run_out(item: Batch) -> None:
    Batch.across_tenants.filter(pk=item.pk).update(lease_until=Now() - timedelta(seconds=1))


def test_a_batch_is_claimed_by_one(run: Run) -> None:
    item = _item(run)
    assert len(_claim(item)) == 1
    assert _claim(item) == []


def test_tries_are_those_of_the_worst_batch_or_of_a_plan_that_fails(run: Run) -> None:
    assert [batches.count_attempts(run, STEP, Stage.EMBEDDING) for _ in range(3)] == [1, 2, 3]
    item = _item(run)
    _claim(item)
    _let_the_lease_run_out(item)
    _claim(item)
    _item(run)
    assert batches.count_attempts(run, STEP, Stage.EMBEDDING) == 2


def test_a_batch_whose_lease_is_over_can_be_claimed_again(run: Run) -> None:
    item = _item(run)
    _claim(item)
    _let_the_lease_run_out(item)
    (again,) = _claim(item)
    assert again.attempts == 2


def test_rows_and_ledger_entry_commit_together(run: Run) -> None:
    (item,) = _claim(_item(run))

    def write() -> BatchResult:
        raise RuntimeError("in the middle of writing")

    with pytest.raises(RuntimeError):
        workers.finish(item, write)
    item.refresh_from_db()
    assert item.state == BatchState.RUNNING


def test_whoever_lost_the_lease_writes_nothing(run: Run) -> None:
    item = _item(run)
    (sleeper,) = _claim(item)
    _let_the_lease_run_out(item)
    (winner,) = _claim(item)
    workers.finish(winner, lambda: BatchResult(done=5))
    with pytest.raises(LeaseLostError):
        workers.finish(sleeper, lambda: BatchResult(done=5, batches=[NewBatch(STEP, Stage.EMBEDDING, {"do": "late"})]))
    assert not batches.outstanding(run).exists()
    assert StageProgress.objects.get(run_id=run.pk, step=STEP).done == 5


def test_follow_ups_and_counters_are_stored_with_the_outcome(run: Run) -> None:
    (item,) = _claim(_item(run))
    follow_up = NewBatch("vectorization_process", Stage.EMBEDDING, {"do": "more"}, 7)
    workers.finish(item, lambda: BatchResult(done=5, batches=[follow_up]))
    assert batches.outstanding(run).get().covers == {"do": "more"}
    assert StageProgress.objects.get(run_id=run.pk, step="vectorization_process").total == 7


def test_a_batch_given_back_without_a_fault_does_not_use_up_a_try(run: Run) -> None:
    (item,) = _claim(_item(run))
    batches.requeue([item])
    item.refresh_from_db()
    assert (item.state, item.attempts) == (BatchState.QUEUED, 0)


def test_the_scheduler_wakes_a_run_whose_driver_died(run: Run) -> None:
    epoch = Run.across_tenants.get(pk=run.pk).epoch
    Run.across_tenants.filter(pk=run.pk).update(driver=uuid4(), driver_lease_until=Now() - timedelta(seconds=1))
    orchestrator.tick()
    woken = Run.across_tenants.get(pk=run.pk)
    assert (woken.epoch, woken.driver) == (epoch + 1, None)


def test_the_scheduler_leaves_a_living_driver_alone(run: Run) -> None:
    epoch = Run.across_tenants.get(pk=run.pk).epoch
    Run.across_tenants.filter(pk=run.pk).update(driver=uuid4(), driver_lease_until=Now() + timedelta(seconds=20))
    orchestrator.tick()
    assert Run.across_tenants.get(pk=run.pk).epoch == epoch


def test_a_waiting_run_is_left_alone_until_its_time_and_then_woken(run: Run) -> None:
    services.wait_until(run, timezone.now() + timedelta(hours=1), "GitHub asks for a pause.")
    epoch = Run.across_tenants.get(pk=run.pk).epoch
    orchestrator.tick()
    assert Run.across_tenants.get(pk=run.pk).epoch == epoch
    Run.across_tenants.filter(pk=run.pk).update(not_before=Now() - timedelta(seconds=1))
    orchestrator.tick()
    assert Run.across_tenants.get(pk=run.pk).epoch == epoch + 1
