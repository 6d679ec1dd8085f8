"""How does the chain's step task work? It does batches for one time slice, then it sends a task that continues.

Threads do the slow part of the batches; one thread writes everything. After every batch the task checks whether the run
is still its own, so it notices a pause, a stop and a takeover at the next batch. No task holds a worker for hours, and
no message outlives the broker's redelivery window.
"""

import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from enum import Enum
from uuid import uuid4

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from apps.core.memory import return_free_pages
from apps.jobs import run_log
from apps.jobs.execution import completion, handlers
from apps.jobs.execution.context import received_bytes
from apps.jobs.execution.handlers import Write
from apps.jobs.execution.parallel import MAX_FETCHES, ParallelFetches
from apps.jobs.execution.shutdown import is_worker_stopping
from apps.jobs.lifecycle import stopping
from apps.jobs.models import Batch, Run
from apps.jobs.queue import batches, fairness
from apps.jobs.queue.batches import HEARTBEAT_SECONDS, LEASE, LeaseLostError
from apps.jobs.queue.covers import is_open_list
from apps.progress import services as progress
from apps.progress.choices import RunState
from apps.progress.rows import MIN_INTERVAL
from apps.raw.services import describe
from apps.sources.definition import Stage
from apps.sources.errors import RateLimitedError

MAX_TASK_SECONDS = 45.0
TIDY_AFTER_BYTES = 16 * 1024 * 1024  # of answers: then free memory returns to the system


class StepResult(Enum):
    """How a time slice of a step ended."""

    FINISHED = "the step is finished: the chain continues"
    UNFINISHED = "there is more to do: a continuation must be sent"
    ABANDONED = "the run was taken over, paused, stopped, or it waits: nothing to send"


class StepRunner:
    """Runs one time slice of one step of one run, as the owner of the run's chain."""

    def __init__(self, run: Run, step: str, stage: str, task: str = "") -> None:
        self.run, self.step, self.stage, self.task = run, step, stage, task
        self.owner = uuid4()
        self._in_work: dict[Future[Write], Batch] = {}
        self._renewed_at = time.monotonic()
        self._deadline = self._renewed_at + MAX_TASK_SECONDS
        self._next_refresh = self._renewed_at
        self._tidied_at = received_bytes(run)
        self._journal = run_log.journal_of(run)

    # --- the lease ----------------------------------------------------------------------------------------------

    def claim(self, *, is_redelivered: bool = False) -> bool:
        """Claim the run's chain if the run is running, does not wait, has our epoch, and no living worker owns it.

        ``is_redelivered`` says that our message has come before. Its first receiver has given up, so this worker
        takes over what the first one owns.
        """
        claimable = Q(driver=None) | Q(driver_lease_until__lt=Now())
        if is_redelivered:
            claimable |= Q(driver_task=self.task)
            batches.requeue_task(self.task)
        due = Q(not_before=None) | Q(not_before__lte=Now())
        chain = Run.across_tenants.filter(claimable, due, pk=self.run.pk, epoch=self.run.epoch, state=RunState.RUNNING)
        claimed = chain.update(
            driver=self.owner,
            driver_lease_until=Now() + LEASE,
            driver_task=self.task,
            not_before=None,
            waiting_for="",
        )
        if claimed:
            progress.set_waiting(self.run.pk, "")
            if self.run.waiting_for:
                run_log.write(self.run, "continues after the wait.", step=self.step, stage=self.stage)
        return bool(claimed)

    def renew(self) -> bool:
        """Renew the leases if that is due; says whether this worker may go on with the run."""
        own = Run.across_tenants.filter(pk=self.run.pk, driver=self.owner, state=RunState.RUNNING)
        if time.monotonic() - self._renewed_at < HEARTBEAT_SECONDS:
            return own.exists()
        self._renewed_at = time.monotonic()
        batches.renew([self.owner])
        if fairness.must_make_room(self.run, self.stage):
            # The time slice ends after the batches in work. It has lasted at least one heartbeat.
            self._deadline = self._renewed_at
        return bool(own.update(driver_lease_until=Now() + LEASE))

    def release(self) -> None:
        """Let other workers claim the chain."""
        own = Run.across_tenants.filter(pk=self.run.pk, driver=self.owner)
        if not own.update(driver=None, driver_lease_until=None, driver_task=""):
            stopping.acknowledge(self.run, self.task)

    # --- the work -----------------------------------------------------------------------------------------------

    def work(self) -> StepResult:
        """Plan the step if that has not been done, work for one time slice, and say how it ended."""
        self._plan()
        pool = ThreadPoolExecutor(MAX_FETCHES, thread_name_prefix=self.step)
        try:
            self._work(pool)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            batches.requeue(list(self._in_work.values()))
            self._journal.flush(is_last=True)
        if not self.renew():
            return StepResult.ABANDONED
        if self._outstanding().exists():
            return StepResult.UNFINISHED
        completion.finish_first_stage(self.run, self.step, self.stage)
        return StepResult.FINISHED

    def _plan(self) -> None:
        if Batch.across_tenants.filter(run=self.run, step=self.step, stage=self.stage).exists():
            return
        planned = handlers.plan(self.run, self.step)
        with transaction.atomic():
            if not Run.across_tenants.filter(pk=self.run.pk, driver=self.owner).update(plan_tries=0):
                raise LeaseLostError(f"Another worker took over run {self.run.pk} while its step was planned.")
            batches.add(self.run, planned)
            total = sum(new.size for new in planned)
            open_lists = sum(is_open_list(new.covers) for new in planned)
            if total or open_lists:
                progress.count(self.run.pk, self.step, self.stage, total=total, open_lists=open_lists)
            run_log.planned(self.run, self.step, self.stage, len(planned), total)

    def _outstanding(self) -> QuerySet[Batch]:
        return batches.outstanding(self.run).filter(step=self.step, stage=self.stage)

    def _work(self, pool: ThreadPoolExecutor) -> None:
        own = Q(run=self.run, step=self.step, stage=self.stage)
        parallel = ParallelFetches(lambda: received_bytes(self.run))
        while self.renew():
            if time.monotonic() < self._deadline and not is_worker_stopping():
                # Fetching waits for the network; computing gains nothing from threads.
                most = parallel.limit if self.stage == Stage.EXTRACTION else 1
                limit = max(most - len(self._in_work), 0)
                for batch in batches.claim_lists_first(self.owner, own, limit, task=self.task):
                    self._in_work[pool.submit(_prepare, batch)] = batch
            if not self._in_work:
                return
            done, _ = wait(self._in_work, timeout=1.0, return_when=FIRST_COMPLETED)
            parallel.note(len(done))
            while done:  # what is written must leave the memory before the next batches fill it
                self._finish(done.pop())
            self._tidy()
            self._journal.flush()
            self._refresh_progress()

    def _finish(self, future: Future[Write]) -> None:
        batch = self._in_work.pop(future)
        try:
            handlers.finish(batch, future.result())
        except LeaseLostError:
            raise
        except Exception as error:
            # A pause that the provider asks for does not count as a failed attempt.
            is_paused = isinstance(error, RateLimitedError)
            batches.requeue([batch], error="" if is_paused else describe(error), is_paused=is_paused)
            raise

    def _tidy(self) -> None:
        """Return the memory of written results, if they were large."""
        received = received_bytes(self.run)
        if received - self._tidied_at >= TIDY_AFTER_BYTES:
            self._tidied_at = received
            return_free_pages()

    def _refresh_progress(self) -> None:
        # The progress service holds back an earlier refresh anyway.
        if time.monotonic() >= self._next_refresh:
            progress.refresh(self.run.pk)
            self._next_refresh = time.monotonic() + MIN_INTERVAL.total_seconds()


def _prepare(batch: Batch) -> Write:
    """Do the slow part of a batch in a thread, and close the database connection that the thread opened."""
    try:
        return handlers.prepare(batch)
    finally:
        connection.close()
