"""Do all invariants hold, whatever people, workers, the clock and crashes do, in any order?

Hypothesis plays them all: controls are the real services, workers call what the tasks call, the scheduler is its own
tick. Each example is a transaction that is rolled back, so nothing is ever sent: every message counts as lost.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from django.db import transaction
from django.db.models import F, Model, Q
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from apps.core.crypto import Secret
from apps.integrations.services import add_integration
from apps.jobs import tasks
from apps.jobs.choices import BATCH_OPEN
from apps.jobs.execution import completion, handlers
from apps.jobs.execution.handlers import BatchResult
from apps.jobs.execution.step_runner import StepRunner
from apps.jobs.lifecycle import chain, services, stopping
from apps.jobs.lifecycle.creation import create_job
from apps.jobs.lifecycle.transitions import SYSTEM, TRANSITIONS, WrongStateError, possible
from apps.jobs.models import Batch, Job, Run, StateChange
from apps.jobs.queue import batches, fairness
from apps.jobs.queue.batches import LeaseLostError, NewBatch
from apps.jobs.queue.covers import LoadedRows, RawRecords
from apps.jobs.scheduler import orchestrator
from apps.progress import services as progress
from apps.progress.choices import ACTIVE, ENDED, JobState, RunState, SpanKind, StageState
from apps.progress.models import RunProgress, Span, StageProgress
from apps.sources.base import Slice
from apps.sources.definition import Stage
from apps.sources.registry import definition
from apps.tenants.services import create_tenant

pytestmark = pytest.mark.django_db

CONTROLS: dict[str, Callable[..., object]] = {
    "start": services.start,
    "pause": services.pause,
    "resume": services.resume,
    "retry": services.retry,
    "stop": services.stop,
    "reset": services.reset,
}
ALSO_POSSIBLE = {("start", JobState.FINISHED), ("reset", JobState.READY)}
HOUR = timedelta(hours=1)
WORKING = (RunState.RUNNING, RunState.PAUSED)
A_JOB = st.integers(0, 1)
ANY = st.integers(0, 100)
FEW = st.sampled_from((3, 2, 1, 0))


class Platform(RuleBasedStateMachine):
    """Two jobs of a tenant that runs one at a time, and everybody who acts on them."""

    def __init__(self) -> None:
        super().__init__()
        self.example = transaction.atomic()
        self.example.__enter__()
        self.drivers: list[StepRunner] = []
        self.batches: list[Batch] = []
        self.reached: dict[tuple[UUID, int], float] = {}
        self.tasks = 0

    @initialize()
    def build(self) -> None:
        tenant = create_tenant(slug="acme", name="Acme")
        address = "http://127.0.0.1:9"
        self.jobs = [
            create_job(
                add_integration(
                    tenant=tenant,
                    provider=provider,
                    name=provider,
                    base_url=address,
                    username="a@b.c",
                    token=Secret("x"),
                )
            )
            for provider in ("jira", "github")
        ]
        services.start(self.jobs[0], actor="ada")

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.example.__exit__(None, None, None)

    # --- people -----------------------------------------------------------------------------------------------------

    def _ask(self, *actions: str) -> None:
        """Ask for the first of the actions that some job allows."""
        for job in Job.across_tenants.filter(pk__in=[job.pk for job in self.jobs]):
            for action in actions:
                if action in possible(job.state):
                    CONTROLS[action](job, actor="ada")
                    return

    @rule()
    def somebody_resumes_or_retries(self) -> None:
        self._ask("retry", "resume", "reset", "start")

    @rule()
    def somebody_pauses(self) -> None:
        self._ask("pause")

    @rule()
    def somebody_stops(self) -> None:
        self._ask("stop")

    @rule(which=A_JOB, action=st.sampled_from(sorted(CONTROLS)))
    def somebody_asks_for_anything(self, which: int, action: str) -> None:
        job = Job.across_tenants.get(pk=self.jobs[which].pk)
        if action in possible(job.state) or (action, job.state) in ALSO_POSSIBLE:
            CONTROLS[action](job, actor="ada")
        elif (action, job.state) == ("start", JobState.STOPPING):
            with suppress(WrongStateError):  # possible when the stop is overdue
                CONTROLS[action](job, actor="ada")
        else:
            with pytest.raises(WrongStateError, match=r"Possible now|ends by itself"):
                CONTROLS[action](job, actor="ada")
            assert Job.across_tenants.get(pk=job.pk).state == job.state

    # --- the worker of the chain ------------------------------------------------------------------------------------

    def _task(self) -> str:
        self.tasks += 1
        return f"task-{self.tasks}"

    def _driver(self, which: int) -> StepRunner:
        return self.drivers.pop(which % len(self.drivers))

    @precondition(lambda self: _running())
    @rule(planned=FEW, fetched=FEW)
    def a_driver_begins(self, planned: int, fetched: int) -> None:
        run = Run.across_tenants.filter(state=RunState.RUNNING).select_related("job").get()
        finished = chain.finished_steps(run)
        step = next((step for step in definition(run.job.job_type).steps if step.key not in finished), None)
        if step is None:
            return
        driver = StepRunner(run, step.key, step.stages[0].value, self._task())
        if driver.claim():
            progress.ensure_begun(run.pk, driver.step, driver.stage)
            batches.add(run, [NewBatch(driver.step, driver.stage, Slice("page", {"n": n}), 1) for n in range(planned)])
            self.drivers.append(driver)
            self._fetch(driver, fetched)

    @precondition(lambda self: self.drivers)
    @rule(which=ANY)
    def a_driver_fetches(self, which: int) -> None:
        self._fetch(self.drivers[which % len(self.drivers)], 1)

    def _fetch(self, driver: StepRunner, limit: int) -> None:
        mine = Q(run=driver.run, step=driver.step, stage=driver.stage)
        for batch in batches.claim(driver.owner, mine, limit, task=driver.task) if driver.renew() else ():
            self._finish(
                batch, BatchResult(done=1, batches=[NewBatch(driver.step, Stage.TRANSFORM, RawRecords([]), 3)])
            )

    @precondition(lambda self: self.drivers)
    @rule(which=ANY)
    def a_driver_ends_its_step(self, which: int) -> None:
        driver = self._driver(which)
        self._fetch(driver, 100)
        if driver.renew() and not driver._outstanding().exists():
            completion.finish_first_stage(driver.run, driver.step, driver.stage)
        driver.release()

    @precondition(lambda self: self.drivers)
    @rule(which=ANY)
    def a_driver_hands_over(self, which: int) -> None:
        driver = self._driver(which)
        driver.release()
        chain.dispatch(driver.run)

    @precondition(lambda self: self.drivers)
    @rule(which=ANY)
    def a_driver_meets_a_failure(self, which: int) -> None:
        driver = self._driver(which)
        services.fail(driver.run, "The token has expired.", driver=driver.owner)
        driver.release()

    @precondition(lambda self: self.drivers)
    @rule(which=ANY)
    def a_driver_meets_a_rate_limit(self, which: int) -> None:
        driver = self._driver(which)
        services.wait_until(driver.run, timezone.now() + HOUR / 2, "Too many requests.", driver=driver.owner)
        driver.release()

    @precondition(lambda self: self.drivers)
    @rule(which=ANY)
    def a_driver_dies(self, which: int) -> None:
        self._driver(which)

    # --- the workers beside the chain -------------------------------------------------------------------------------

    @precondition(lambda self: _running())
    @rule()
    def a_worker_takes_a_batch(self) -> None:
        task = self._task()
        batch = fairness.claim_next(Stage.TRANSFORM, task) or fairness.claim_next(Stage.EMBEDDING, task)
        if batch is not None:
            progress.ensure_begun(batch.run_id, batch.step, batch.stage)
            self.batches.append(batch)

    @precondition(lambda self: self.batches)
    @rule(which=ANY)
    def a_batch_is_done(self, which: int) -> None:
        batch = self.batches.pop(which % len(self.batches))
        follow_ups = (
            [NewBatch(batch.step, Stage.EMBEDDING, LoadedRows("issue", [], 1), 2)]
            if batch.stage == Stage.TRANSFORM
            else []
        )
        self._finish(batch, BatchResult(done=batch.size, batches=follow_ups))
        completion.close_stages(batch.run)

    @precondition(lambda self: self.batches)
    @rule(which=ANY, for_good=st.booleans())
    def a_batch_fails(self, which: int, for_good: bool) -> None:
        batch = self.batches.pop(which % len(self.batches))
        batch.attempts = batches.MAX_ATTEMPTS if for_good else batch.attempts
        try:
            tasks.retry_or_fail_batch(batch, RuntimeError("cannot be loaded"))
        except LeaseLostError:
            stopping.acknowledge(batch.run, batch.task)

    @precondition(lambda self: self.batches)
    @rule(which=ANY)
    def a_worker_dies_with_its_batch(self, which: int) -> None:
        self.batches.pop(which % len(self.batches))

    def _finish(self, batch: Batch, result: BatchResult) -> None:
        try:
            handlers.finish(batch, lambda: result)
        except LeaseLostError:
            stopping.acknowledge(batch.run, batch.task)
        else:
            assert Run.across_tenants.get(pk=batch.run_id).state in WORKING, "an ended run was written to"

    @precondition(lambda self: _running())
    @rule()
    def all_claimable_batches_are_done(self) -> None:
        run = Run.across_tenants.filter(state=RunState.RUNNING).select_related("job").get()
        for batch in batches.claim(run.pk, Q(run=run), 1000):
            handlers.finish(batch, BatchResult)
        if not batches.outstanding(run).exists():
            steps = definition(run.job.job_type).steps
            progress.mark(run.pk, [(step.key, stage) for step in steps for stage in step.stages], StageState.FINISHED)
        tasks.complete_run.run(run_id=str(run.pk))

    @rule(which=A_JOB, cell=ANY)
    def a_late_message_arrives(self, which: int, cell: int) -> None:
        run = self._newest(self.jobs[which])
        if run is not None and run.state in ENDED:
            cells = list(StageProgress.objects.filter(run_id=run.pk))
            progress.ensure_begun(run.pk, cells[cell % len(cells)].step, cells[cell % len(cells)].stage)

    # --- the clock and the scheduler --------------------------------------------------------------------------------

    @rule()
    def the_scheduler_looks(self) -> None:
        orchestrator.tick()

    @rule(which=A_JOB)
    def a_job_is_due(self, which: int) -> None:
        Job.across_tenants.filter(pk=self.jobs[which].pk).update(next_run=F("next_run") - timedelta(days=2))

    @rule()
    def an_hour_passes(self) -> None:
        _earlier(Run, "driver_lease_until", "not_before", "stop_asked_at", "dispatched_at", "finished_at")
        _earlier(Batch, "lease_until", "woken_at")
        _earlier(Job, "last_run_finished_at", "next_run")
        _earlier(RunProgress, "flushed_at")

    # --- what always holds ------------------------------------------------------------------------------------------

    def _newest(self, job: Job) -> Run | None:
        return Run.across_tenants.filter(job=job).order_by("-created_at").first()

    @invariant()
    def job_and_run_agree(self) -> None:
        for job in Job.across_tenants.all():
            active = list(Run.across_tenants.filter(job=job, state__in=ACTIVE))
            assert len(active) <= 1
            newest = self._newest(job)
            if job.state == JobState.READY:
                assert newest is None or newest.state in (RunState.CANCELLED, RunState.FINISHED)
            else:
                assert newest is not None
                assert newest.state == job.state == RunProgress.across_tenants.get(pk=newest.pk).overall

    @invariant()
    def the_limit_of_the_tenant_holds(self) -> None:
        busy = (RunState.RUNNING, RunState.PAUSED, RunState.STOPPING)
        assert Run.across_tenants.filter(state__in=busy).count() <= 1

    @invariant()
    def the_history_has_no_gap(self) -> None:
        for job in Job.across_tenants.all():
            changes = list(StateChange.objects.filter(job=job).order_by("id"))
            assert all(before.after == after.before for before, after in pairwise(changes))
            assert (changes[-1].after if changes else JobState.READY) == job.state
            for change in changes:
                arrow = TRANSITIONS[change.action]
                assert change.before in arrow.from_states
                assert change.after == arrow.target
                assert change.reason
                assert change.before != JobState.PAUSED or change.actor != SYSTEM, "a paused job was changed"

    @invariant()
    def the_timeline_agrees(self) -> None:
        for run in Run.across_tenants.all():
            spans = list(Span.objects.filter(run_id=run.pk))
            still = [span for span in spans if span.ended_at is None]
            attempts = [span for span in spans if span.kind == SpanKind.ATTEMPT]
            shown = RunProgress.across_tenants.get(pk=run.pk)
            assert len(attempts) == run.attempt == shown.attempt
            assert [span.note for span in still if span.kind == SpanKind.WAIT] == [shown.waiting] * bool(shown.waiting)
            working = StageProgress.objects.filter(run_id=run.pk, state=StageState.RUNNING)
            if run.state in ENDED:
                assert not still
                assert attempts[-1].state == run.state
            else:
                assert [span.attempt for span in still if span.kind == SpanKind.ATTEMPT] == [run.attempt]
            if run.state == RunState.RUNNING:
                stages = {(span.step, span.stage) for span in still if span.kind == SpanKind.STAGE}
                assert stages == set(working.values_list("step", "stage"))

    @invariant()
    def progress_never_goes_back(self) -> None:
        for row in RunProgress.across_tenants.all():
            assert row.percent >= self.reached.get((row.pk, row.attempt), 0.0)
            self.reached[row.pk, row.attempt] = row.percent

    @invariant()
    def an_ended_run_holds_no_lease(self) -> None:
        ended = Batch.across_tenants.filter(run__state__in=ENDED)
        assert not ended.filter(owner__isnull=False).exists()
        assert not ended.filter(run__state=RunState.CANCELLED, state__in=BATCH_OPEN).exists()


def _running() -> bool:
    return Run.across_tenants.filter(state=RunState.RUNNING).exists()


def _earlier(model: type[Model], *fields: str) -> None:
    """Move all of these times one hour back."""
    model._base_manager.update(**{field: F(field) - HOUR for field in fields})


def test_all_invariants_hold_in_any_order_of_events() -> None:
    run_state_machine_as_test(
        Platform,
        settings=settings(
            max_examples=12,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
