"""Is a batch done once, even if several workers try, and does a worker that lost its lease write nothing?"""

import threading
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import OperationalError
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from apps.jobs.choices import BatchState
from apps.jobs.execution import handlers
from apps.jobs.execution.handlers import BatchResult
from apps.jobs.lifecycle import services
from apps.jobs.models import Batch, Job, Run
from apps.jobs.queue import batches, heartbeat
from apps.jobs.queue.batches import LeaseLostError, NewBatch
from apps.jobs.queue.covers import OrphanedEmbeddings, VectorAction, VectorTask, decode
from apps.jobs.scheduler import orchestrator
from apps.progress import services as progress
from apps.progress.models import StageProgress
from apps.sources.base import Slice
from apps.sources.definition import Stage
from apps.tenants.services import create_tenant
from tests.processes import until

pytestmark = pytest.mark.django_db(transaction=True)

STEP = "vectorization_prepare"
NEW = NewBatch(STEP, Stage.EMBEDDING, VectorTask(VectorAction.RECONCILE), 5)


@pytest.fixture
def run() -> Run:
    job = Job.across_tenants.create(
        tenant=create_tenant(slug="acme", name="Acme"), name="vectorization", job_type="vectorization"
    )
    return services.start(job, actor="test")


def _add(run: Run) -> Batch:
    (batch,) = batches.add(run, [NEW])
    return batch


def _claim(batch: Batch) -> list[Batch]:
    return batches.claim(uuid4(), Q(pk=batch.pk), 1)


def _expire_lease(batch: Batch) -> None:
    Batch.across_tenants.filter(pk=batch.pk).update(lease_until=Now() - timedelta(seconds=1))


def test_only_one_worker_claims_a_batch(run: Run) -> None:
    batch = _add(run)
    assert len(_claim(batch)) == 1
    assert _claim(batch) == []


def test_the_attempts_of_a_stage_are_those_of_its_most_tried_batch_or_its_failed_plans(run: Run) -> None:
    assert [batches.record_failed_attempt(run, STEP, Stage.EMBEDDING) for _ in range(3)] == [1, 2, 3]
    batch = _add(run)
    _claim(batch)
    _expire_lease(batch)
    _claim(batch)
    _add(run)
    assert batches.record_failed_attempt(run, STEP, Stage.EMBEDDING) == 2


def test_lists_come_before_slices_of_known_size(run: Run) -> None:
    slices = [Slice("issues", announced=200), Slice("list"), Slice("issues", announced=50), Slice("pages", announced=0)]
    added = batches.add(run, [NewBatch(STEP, Stage.EMBEDDING, one, one.announced or 0) for one in slices])
    own = Q(pk__in=[batch.pk for batch in added])
    kinds = [batch.covers["kind"] for _ in range(4) for batch in batches.claim_lists_first(uuid4(), own, 1)]
    assert kinds == ["list", "pages", "issues", "issues"]
    batches.requeue_run(run)
    assert len(batches.claim_lists_first(uuid4(), own, 3)) == 3


def test_a_stage_counts_its_open_lists_with_the_batches(run: Run) -> None:
    """A list adds another list and what it announces; after the last list the total is exact."""
    progress.count(run.pk, STEP, Stage.EMBEDDING, open_lists=1)
    (first,) = batches.add(run, [NewBatch(STEP, Stage.EMBEDDING, Slice("list"))])

    def counted() -> tuple[int, int]:
        cell = StageProgress.objects.get(run=run.pk, step=STEP, stage=Stage.EMBEDDING)
        return cell.total, cell.open_lists

    def finish(batch: Batch, *following: Slice) -> None:
        total = sum(one.announced or 0 for one in following)
        new = [NewBatch(STEP, Stage.EMBEDDING, one, one.announced or 0) for one in following]
        (claimed,) = _claim(batch)
        handlers.finish(claimed, lambda: BatchResult(total=total, batches=new))

    finish(first, Slice("list"), Slice("issues", announced=200))
    assert counted() == (200, 1)
    second = Batch.across_tenants.get(run=run, covers__kind="list", state=BatchState.QUEUED)
    (lost,) = _claim(second)
    Batch.across_tenants.filter(pk=second.pk).update(owner=uuid4())
    with pytest.raises(LeaseLostError):
        handlers.finish(lost, lambda: BatchResult(total=9))
    assert counted() == (200, 1)
    _expire_lease(second)
    finish(second, Slice("issues", announced=57))
    assert counted() == (257, 0)
    finish(Batch.across_tenants.get(run=run, covers__announced=57))
    assert counted() == (257, 0)


def test_a_batch_whose_lease_is_over_can_be_claimed_again(run: Run) -> None:
    batch = _add(run)
    _claim(batch)
    _expire_lease(batch)
    (again,) = _claim(batch)
    assert again.attempts == 2


def test_a_batch_stays_open_when_its_result_cannot_be_written(run: Run) -> None:
    (batch,) = _claim(_add(run))

    def write() -> BatchResult:
        raise RuntimeError("in the middle of writing")

    with pytest.raises(RuntimeError):
        handlers.finish(batch, write)
    batch.refresh_from_db()
    assert batch.state == BatchState.RUNNING


def test_a_worker_that_lost_its_lease_writes_nothing(run: Run) -> None:
    batch = _add(run)
    (loser,) = _claim(batch)
    _expire_lease(batch)
    (winner,) = _claim(batch)
    handlers.finish(winner, lambda: BatchResult(done=5))
    with pytest.raises(LeaseLostError):
        handlers.finish(loser, lambda: BatchResult(done=5, batches=[NEW]))
    assert not batches.outstanding(run).exists()
    assert StageProgress.objects.get(run_id=run.pk, step=STEP).done == 5


def test_the_batches_that_follow_and_the_counters_are_stored_with_the_result(run: Run) -> None:
    (batch,) = _claim(_add(run))
    follow_up = NewBatch("vectorization_process", Stage.EMBEDDING, OrphanedEmbeddings([1, 2]), 7)
    handlers.finish(batch, lambda: BatchResult(done=5, batches=[follow_up]))
    assert decode(batches.outstanding(run).get().covers) == OrphanedEmbeddings([1, 2])
    assert StageProgress.objects.get(run_id=run.pk, step="vectorization_process").total == 7


def test_a_batch_that_is_requeued_without_a_fault_does_not_use_up_an_attempt(run: Run) -> None:
    (batch,) = _claim(_add(run))
    batches.requeue([batch])
    batch.refresh_from_db()
    assert (batch.state, batch.attempts) == (BatchState.QUEUED, 0)


def _is_fresh(batch: Batch) -> bool:
    """Whether the lease of a batch was renewed a moment ago."""
    return Batch.across_tenants.filter(pk=batch.pk, lease_until__gt=Now() + batches.LEASE / 2).exists()


def test_one_thread_renews_the_leases_of_all_owners_of_a_process(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "HEARTBEAT_SECONDS", 0.05)
    (first,), (second,), (other,) = (_claim(_add(run)) for _ in range(3))
    for batch in (first, second, other):
        _expire_lease(batch)
    assert first.owner
    assert second.owner
    with heartbeat.keep_alive(first.owner), heartbeat.keep_alive(second.owner):
        until(lambda: _is_fresh(first) and _is_fresh(second), "the renewal of both leases")
        assert [thread.name for thread in threading.enumerate()].count("heartbeat") == 1
    assert not _is_fresh(other)


def test_a_renewal_that_fails_is_followed_by_another(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "HEARTBEAT_SECONDS", 0.05)
    renew, failed = batches.renew, threading.Event()

    def fail_once(owners: set[UUID]) -> None:
        if not failed.is_set():
            failed.set()
            raise OperationalError("the database restarts")
        renew(owners)

    monkeypatch.setattr(batches, "renew", fail_once)
    (batch,) = _claim(_add(run))
    _expire_lease(batch)
    assert batch.owner
    with heartbeat.keep_alive(batch.owner):
        until(lambda: _is_fresh(batch), "the renewal of the lease")
    assert failed.is_set()


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
