"""How does the chain's step task work? Batch by batch for a slice of time, then it hands over to its continuation.

Slow parts run in threads, everything is written by one thread. After every batch the task looks whether the run is
still its own: pause, stop and a takeover are noticed at the next batch. No worker is held for hours, and no message
outlives the broker's redelivery window.
"""

import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from enum import Enum
from uuid import uuid4

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from apps.jobs import run_log
from apps.jobs.execution import completion, workers
from apps.jobs.execution.shutdown import is_worker_stopping
from apps.jobs.execution.workers import Batch, Write
from apps.jobs.lifecycle import stopping
from apps.jobs.models import QueueItem, Run
from apps.jobs.queue import batches, fairness
from apps.jobs.queue.batches import LEASE, LostLease
from apps.progress import log
from apps.progress import services as progress
from apps.progress.choices import RunState
from apps.progress.stored import MIN_INTERVAL
from apps.raw.services import describe
from apps.sources.definition import Stage
from apps.sources.errors import RateLimitedError

SLICE_SECONDS = 45.0
# So often a lease is renewed; and so short is a slice while a run of another tenant finds no worker.
HEARTBEAT_SECONDS = 5.0
# Fetching waits for the network; computing gains nothing from threads.
PARALLEL_FETCHES = 12


class End(Enum):
    """How a slice of a step ended."""

    DONE = "the step is finished: the chain goes on"
    HAND_OVER = "there is more to do: a continuation must be sent"
    LEFT = "not ours, paused, stopped or waiting: nothing to send"


class Step:
    """One slice of one step of one run, held by this process under a lease."""

    def __init__(self, run: Run, step: str, stage: str, task: str = "") -> None:
        self.run, self.step, self.stage, self.task = run, step, stage, task
        self.owner = uuid4()
        self.inflight: dict[Future[Write], QueueItem] = {}
        self.parallel = PARALLEL_FETCHES if stage == Stage.EXTRACTION else 1
        self.heartbeat = time.monotonic()
        self.deadline = self.heartbeat + SLICE_SECONDS
        self.next_told = self.heartbeat
        self.journal = run_log.journal_of(run.pk)

    # --- the lease ----------------------------------------------------------------------------------------------

    def claim(self, *, again: bool = False) -> bool:
        """Take the run's chain: only while it is running, under its epoch, not waiting, and held by nobody alive.

        ``again``: our message has come before; whoever had it has given up, so what that one holds is ours at once.
        """
        free = Q(driver=None) | Q(driver_lease_until__lt=Now())
        if again:
            free |= Q(driver_task=self.task)
            batches.take_back(self.task)
        due = Q(not_before=None) | Q(not_before__lte=Now())
        mine = Run.across_tenants.filter(free, due, pk=self.run.pk, epoch=self.run.epoch, state=RunState.RUNNING)
        claimed = mine.update(
            driver=self.owner,
            driver_lease_until=Now() + LEASE,
            driver_task=self.task,
            not_before=None,
            waiting_for="",
        )
        if claimed:
            progress.wait(self.run.pk, "")
            if self.run.waiting_for:
                log.write(self.run.pk, "Goes on after the wait.", step=self.step, stage=self.stage)
        return bool(claimed)

    def hold(self) -> bool:
        """Renew the lease from time to time; says whether the run is still ours to work on."""
        mine = Run.across_tenants.filter(pk=self.run.pk, driver=self.owner, state=RunState.RUNNING)
        if time.monotonic() - self.heartbeat < HEARTBEAT_SECONDS:
            return mine.exists()
        self.heartbeat = time.monotonic()
        batches.renew(self.owner)
        if fairness.others_wait(self.run, self.stage):
            self.deadline = self.heartbeat
        return bool(mine.update(driver_lease_until=Now() + LEASE))

    def release(self) -> None:
        """Let others take the chain."""
        mine = Run.across_tenants.filter(pk=self.run.pk, driver=self.owner)
        if not mine.update(driver=None, driver_lease_until=None, driver_task=""):
            stopping.acknowledge(self.run, self.task)

    # --- the work -----------------------------------------------------------------------------------------------

    def work(self) -> End:
        """Plan the step if that has not been done, work for a slice of time, and say how it ended."""
        self._plan()
        pool = ThreadPoolExecutor(self.parallel, thread_name_prefix=self.step)
        try:
            self._work(pool)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            batches.give_back(list(self.inflight.values()))
            self.journal.flush(now=True)
        if not self.hold():
            return End.LEFT
        if self._open().exists():
            return End.HAND_OVER
        completion.finish_driven_stage(self.run, self.step, self.stage)
        return End.DONE

    def _plan(self) -> None:
        if QueueItem.across_tenants.filter(run=self.run, step=self.step, stage=self.stage).exists():
            return
        items = workers.plan(self.run, self.step)
        with transaction.atomic():
            if not Run.across_tenants.filter(pk=self.run.pk, driver=self.owner).update(plan_tries=0):
                raise LostLease(f"Run {self.run.pk} was taken over while its step was planned.")
            batches.add(self.run, items)
            total = sum(item.size for item in items)
            if total:
                progress.count(self.run.pk, self.step, self.stage, total=total)
            run_log.planned(self.run, self.step, self.stage, len(items), total)

    def _open(self) -> QuerySet[QueueItem]:
        return batches.outstanding(self.run).filter(step=self.step, stage=self.stage)

    def _work(self, pool: ThreadPoolExecutor) -> None:
        mine = Q(run=self.run, step=self.step, stage=self.stage)
        while self.hold():
            if time.monotonic() < self.deadline and not is_worker_stopping():
                for item in batches.claim(self.owner, mine, self.parallel - len(self.inflight), task=self.task):
                    self.inflight[pool.submit(_prepare, workers.batch_of(item, self.run))] = item
            if not self.inflight:
                return
            done, _ = wait(self.inflight, timeout=1.0, return_when=FIRST_COMPLETED)
            for future in done:
                self._settle(self.inflight.pop(future), future)
            self.journal.flush()
            self._tell()

    def _tell(self) -> None:
        # Earlier it would be held back anyway.
        if time.monotonic() >= self.next_told:
            progress.refresh(self.run.pk)
            self.next_told = time.monotonic() + MIN_INTERVAL.total_seconds()

    def _settle(self, item: QueueItem, future: Future[Write]) -> None:
        try:
            workers.finish(item, self.run, future.result())
        except LostLease:
            raise
        except Exception as error:
            # A pause that the provider asks for is no failed try.
            batches.give_back([item], error="" if isinstance(error, RateLimitedError) else describe(error))
            raise


def _prepare(batch: Batch) -> Write:
    """The slow part of a batch, in a thread; a connection that it opened is closed with it."""
    try:
        return workers.prepare(batch)
    finally:
        connection.close()
