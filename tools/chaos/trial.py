"""What becomes of a run under a fault? One trial: same beginning, the fault, the end, and all that must hold then."""

import random
import traceback
from collections.abc import Callable
from typing import Any

from django.db import connection

from apps.jobs.choices import BATCH_OPEN, RunMode
from apps.jobs.lifecycle import services
from apps.jobs.lifecycle.creation import VECTORIZATION
from apps.jobs.models import Batch, Job, Run
from apps.progress.choices import ENDED, JobState, RunState
from apps.stack.services.base import http_ok
from tests import platform as platforms
from tests.platform import Platform
from tools.chaos.catalogue import FINISHED, RERUN, RESUMED, RETRIED, SOURCES, Fault, drawn
from tools.chaos.outages import purge
from tools.chaos.results import Result
from tools.chaos.scene import Ear, Scene, TooLate, answered
from tools.chaos.snapshots import Snapshots
from tools.chaos.stand import Stand
from tools.chaos.state import State, differences, forget_vectors, state_of

EMPTY, LOADED = "chaos_empty", "chaos_loaded"
QUIET = frozenset({JobState.READY, JobState.FINISHED})


class Lane:
    """A stand with a tenant, and what undisturbed runs of its jobs lead to."""

    def __init__(self, stand: Stand, broker: str) -> None:
        self.stand, self.broker = stand, broker
        assert stand.services.postgres
        self.snapshots = Snapshots(stand.services.postgres)
        self.expected: dict[tuple[str, RunMode], State] = {}
        self.seconds: dict[str, float] = {}
        self.requests: dict[str, int] = {}

        self.platform: Platform = platforms.build(stand.sandbox, stand.folder)
        self.snapshots.take(EMPTY)

    def _know(self, job: str, mode: RunMode) -> None:
        """What an undisturbed run leads to, and how long it takes: before the first fault of its kind."""
        if (job, mode) in self.expected:
            return
        if job == VECTORIZATION and job not in self.seconds:
            self._begin("jira")
            for source in SOURCES:
                self.platform.run(source, RunMode.FULL)
            self.snapshots.take(LOADED)
        self._begin(job)
        run = self.platform.run(job, mode)
        if run.state != RunState.FINISHED or run.finished_at is None:
            raise TooLate(f"An undisturbed run of {job} ended as {run.state}: {run.error} {self.stand.logs}")
        self.expected[job, mode] = state_of(run)
        self.requests[job] = self.platform.sandbox.served()
        self.seconds[job] = (run.finished_at - run.created_at).total_seconds()

    def _begin(self, job: str) -> None:
        """The state before a run of ``job``: nothing loaded, or everything loaded and nothing embedded."""
        vectorize = job == VECTORIZATION
        self.snapshots.put_back(LOADED if vectorize else EMPTY)
        forget_vectors()
        if vectorize:
            with self.snapshots.superuser() as superuser:
                superuser.execute("DELETE FROM vectors_embedding")
        self.platform.sandbox.control("faults", [])
        self.platform.sandbox.control("reset-stats")
        platforms.forget_limits()

    def trial(self, number: int, seed: int, only: list[str]) -> Result:
        """The fault ``number`` of ``seed``: all that is left to chance follows from the two."""
        chance = random.Random(f"{seed}/{number}")
        fault = drawn(number, seed, self.broker, only)
        job = chance.choice(fault.jobs)
        result = Result(number=number, fault=fault.name, job=job, broker=self.broker, bound_s=fault.bound)
        mode = chance.choice([RunMode.FULL, RunMode.INCREMENTAL])
        self._know(job, mode)
        self._begin(job)
        if fault.arm:
            fault.function(fault.arm)(self.stand)
        with Ear(self.platform.tenant.pk) as pages:
            first = self.platform.start(job, mode)
            scene = Scene(self.stand, self.platform, job, mode, first, chance, self.requests[job])
            try:
                fault.function(fault.how)(scene)
                result.outcome = self._to_the_end(scene, fault)
                assert scene.run.finished_at
                seconds = (scene.run.finished_at - first.created_at).total_seconds()
                result.cost_s = round(max(0.0, seconds - self.seconds[job]), 1)
            except Exception as error:  # whatever it is, the next fault must find a lane that works
                result.problems.append(f"{type(error).__name__}: {error}")
                scene.note(traceback.format_exc(limit=-3))
            finally:
                self._heal(scene)
        result.problems += self._problems(scene, pages, result)
        result.timeline = scene.timeline.lines
        return result

    def _to_the_end(self, scene: Scene, fault: Fault) -> str:
        """See the run finished, as people would; :class:`TooLate` also for an end that the fault does not allow."""
        outcome, limit = FINISHED, fault.bound + 3 * self.seconds[scene.job_name]
        while True:
            scene.until(lambda: _state(scene) in SETTLED, f"the end of the run, {_state(scene)}", limit)
            scene.run.refresh_from_db()
            scene.note(f"{scene.run.state} {scene.run.error}".strip())
            if scene.run.state == RunState.FINISHED:
                return outcome
            if scene.run.state == RunState.FAILED and (not scene.run.error or "Traceback" in scene.run.error):
                raise AssertionError(f"Nobody can act on this: {scene.run.error}")
            outcome, go_on = SETTLED[RunState(scene.run.state)]
            if outcome == RETRIED and RERUN in fault.outcomes and scene.chance.random() < 0.5:
                outcome, go_on = RERUN, _start_anew
            if outcome not in fault.outcomes:
                raise TooLate(f"The run ended as {scene.run.state}: {scene.run.error}")
            scene.run = go_on(scene)

    def _heal(self, scene: Scene) -> None:
        """Everything up again, no message left over."""
        scene.platform.sandbox.control("faults", [])
        self.stand.heal()
        connection.close()
        purge()

    def _problems(self, scene: Scene, pages: Ear, result: Result) -> list[str]:
        problems = []
        if result.outcome:
            expected, own_work = self.expected[scene.job_name, scene.mode], result.outcome != RERUN
            problems += differences(expected, state_of(scene.run), own_work=own_work)
            if result.cost_s > result.bound_s:
                problems.append(f"It cost {result.cost_s:.0f} s, more than the stated {result.bound_s:.0f} s.")
        problems += [f"{run} stays {run.state}: {_holding(run)}" for run in Run.across_tenants.exclude(state__in=ENDED)]
        problems += [f"{job} stays {job.state}" for job in Job.across_tenants.exclude(state__in=QUIET)]
        if still_open := Batch.across_tenants.filter(state__in=BATCH_OPEN).count():
            problems.append(f"{still_open} batches of the ledger stay open")
        if not http_ok(self.stand.web.port or 0, "/healthz"):
            problems.append("the web process does not answer")
        return problems + _steps_back(pages.messages)


def _steps_back(messages: list[dict[str, Any]]) -> list[str]:
    """Where the bar of a run went back within an attempt, in the order of the messages' numbers."""
    problems = []
    best: dict[tuple[str, int], float] = {}
    for message in sorted(messages, key=lambda message: int(message["seq"])):
        attempt = (message["run"], message["attempt"])
        if message["progress"] < best.get(attempt, 0.0):
            problems.append(f"progress fell from {best[attempt]} to {message['progress']} at seq {message['seq']}")
        best[attempt] = max(message["progress"], best.get(attempt, 0.0))
    return problems


def _holding(run: Run) -> str:
    """What may hold a run up."""
    fields = ("epoch", "driver", "driver_lease_until", "dispatched_at", "not_before", "waiting_for")
    batches = Batch.across_tenants.filter(run=run, state__in=BATCH_OPEN)
    told = [f"{field} {getattr(run, field)}" for field in fields]
    told += [f"{item.step} {item.stage} {item.state} {item.attempts} {item.error}" for item in batches[:3]]
    return ", ".join(told)


def _state(scene: Scene) -> str:
    return answered(lambda: Run.across_tenants.values_list("state", flat=True).get(pk=scene.run.pk)) or "unknown"


def _retry(scene: Scene) -> Run:
    return services.retry(scene.job, actor="chaos")


def _start_anew(scene: Scene) -> Run:
    return scene.platform.start(scene.job_name, scene.mode)


def _resume(scene: Scene) -> Run:
    return services.resume(scene.job, actor="chaos")


# A state in which a run may be found → what that is called, and what a person does then.
SETTLED: dict[str, tuple[str, Callable[[Scene], Run]]] = {
    RunState.FINISHED: (FINISHED, _start_anew),
    RunState.FAILED: (RETRIED, _retry),
    RunState.CANCELLED: (RERUN, _start_anew),
    RunState.PAUSED: (RESUMED, _resume),
}
