"""What happens to a run under a fault? An experiment starts a run, disturbs it, and checks all that must hold then."""

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
from apps.stack.services.base import is_http_ok
from tests import platform as platforms
from tests.platform import Platform
from tools.chaos.catalogue import FINISHED, RERUN, RESUMED, RETRIED, SOURCES, Fault, drawn
from tools.chaos.outages import purge
from tools.chaos.results import Result
from tools.chaos.scenario import PersistentRecorder, Scenario, TooLateError, answered
from tools.chaos.snapshots import Snapshots
from tools.chaos.state import State, delete_vectors, differences, state_of
from tools.chaos.testbed import Testbed

EMPTY, LOADED = "chaos_empty", "chaos_loaded"
QUIET = frozenset({JobState.READY, JobState.FINISHED})


class Experiments:
    """A testbed with a tenant, and the results of undisturbed runs of its jobs."""

    def __init__(self, testbed: Testbed, broker: str) -> None:
        self.testbed, self.broker = testbed, broker
        assert testbed.services.postgres
        self.snapshots = Snapshots(testbed.services.postgres)
        self.expected: dict[tuple[str, RunMode], State] = {}
        self.seconds: dict[str, float] = {}
        self.requests: dict[str, int] = {}
        self.platform: Platform = platforms.build(testbed.sandbox, testbed.folder)
        self.snapshots.take(EMPTY)

    def _learn(self, job: str, mode: RunMode) -> None:
        """Run the job undisturbed once, and remember its results and how long it takes."""
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
            raise TooLateError(f"An undisturbed run of {job} ended as {run.state}: {run.error} {self.testbed.logs}")
        self.expected[job, mode] = state_of(run)
        self.requests[job] = self.platform.sandbox.served()
        self.seconds[job] = (run.finished_at - run.created_at).total_seconds()

    def _begin(self, job: str) -> None:
        """Restore the state before a run of ``job``: nothing loaded, or everything loaded and nothing embedded."""
        vectorize = job == VECTORIZATION
        self.snapshots.put_back(LOADED if vectorize else EMPTY)
        delete_vectors()
        if vectorize:
            with self.snapshots.superuser() as superuser:
                superuser.execute("DELETE FROM vectors_embedding")
        self.platform.sandbox.control("faults", [])
        self.platform.sandbox.control("reset-stats")
        platforms.forget_limits()

    def run(self, number: int, seed: int, only: list[str]) -> Result:
        """Make the fault ``number`` of ``seed``; the two determine everything that is random."""
        chance = random.Random(f"{seed}/{number}")
        fault = drawn(number, seed, self.broker, only)
        job = chance.choice(fault.jobs)
        result = Result(number=number, fault=fault.name, job=job, broker=self.broker, bound_s=fault.bound)
        mode = chance.choice([RunMode.FULL, RunMode.INCREMENTAL])
        self._learn(job, mode)
        self._begin(job)
        if fault.arm:
            fault.function(fault.arm)(self.testbed)
        with PersistentRecorder(self.platform.tenant.pk) as pages:
            first = self.platform.start(job, mode)
            scenario = Scenario(self.testbed, self.platform, job, mode, first, chance, self.requests[job])
            try:
                fault.function(fault.how)(scenario)
                result.outcome = self._to_the_end(scenario, fault)
                assert scenario.run.finished_at
                seconds = (scenario.run.finished_at - first.created_at).total_seconds()
                result.cost_s = round(max(0.0, seconds - self.seconds[job]), 1)
            except Exception as error:  # any error is a result: the slot goes on with the next fault
                result.problems.append(f"{type(error).__name__}: {error}")
                scenario.note(traceback.format_exc(limit=-3))
            finally:
                self._heal(scenario)
        result.problems += self._problems(scenario, pages, result)
        result.timeline = scenario.timeline.lines
        return result

    def _to_the_end(self, scenario: Scenario, fault: Fault) -> str:
        """Bring the run to its end as people would. Raises :class:`TooLateError`, also when the end is not allowed."""
        outcome, limit = FINISHED, fault.bound + 3 * self.seconds[scenario.job_name]
        while True:
            scenario.until(lambda: _state(scenario) in SETTLED, f"the end of the run, {_state(scenario)}", limit)
            scenario.run.refresh_from_db()
            scenario.note(f"{scenario.run.state} {scenario.run.error}".strip())
            if scenario.run.state == RunState.FINISHED:
                return outcome
            if scenario.run.state == RunState.FAILED and (not scenario.run.error or "Traceback" in scenario.run.error):
                raise AssertionError(f"The error does not say what to do: {scenario.run.error}")
            outcome, go_on = SETTLED[RunState(scenario.run.state)]
            if outcome == RETRIED and RERUN in fault.outcomes and scenario.chance.random() < 0.5:
                outcome, go_on = RERUN, _start_anew
            if outcome not in fault.outcomes:
                raise TooLateError(f"The run ended as {scenario.run.state}: {scenario.run.error}")
            scenario.run = go_on(scenario)

    def _heal(self, scenario: Scenario) -> None:
        """Start everything again and delete all messages."""
        scenario.platform.sandbox.control("faults", [])
        self.testbed.heal()
        connection.close()
        purge()

    def _problems(self, scenario: Scenario, pages: PersistentRecorder, result: Result) -> list[str]:
        problems = []
        if result.outcome:
            expected, with_own_work = self.expected[scenario.job_name, scenario.mode], result.outcome != RERUN
            problems += differences(expected, state_of(scenario.run), with_own_work=with_own_work)
            if result.cost_s > result.bound_s:
                problems.append(f"It cost {result.cost_s:.0f} s, more than the stated {result.bound_s:.0f} s.")
        problems += [f"{run} stays {run.state}: {_holding(run)}" for run in Run.across_tenants.exclude(state__in=ENDED)]
        problems += [f"{job} stays {job.state}" for job in Job.across_tenants.exclude(state__in=QUIET)]
        if still_open := Batch.across_tenants.filter(state__in=BATCH_OPEN).count():
            problems.append(f"{still_open} batches stay open")
        if not is_http_ok(self.testbed.web.port or 0, "/healthz"):
            problems.append("the web process does not answer")
        return problems + _steps_back(pages.messages)


def _steps_back(messages: list[dict[str, Any]]) -> list[str]:
    """Sentences about messages, in the order of their numbers, whose progress is lower than before in the attempt."""
    problems = []
    best: dict[tuple[str, int], float] = {}
    for message in sorted(messages, key=lambda message: int(message["seq"])):
        attempt = (message["run"], message["attempt"])
        if message["progress"] < best.get(attempt, 0.0):
            problems.append(f"progress fell from {best[attempt]} to {message['progress']} at seq {message['seq']}")
        best[attempt] = max(message["progress"], best.get(attempt, 0.0))
    return problems


def _holding(run: Run) -> str:
    """The facts that may say why a run does not end."""
    fields = ("epoch", "driver", "driver_lease_until", "dispatched_at", "not_before", "waiting_for")
    batches = Batch.across_tenants.filter(run=run, state__in=BATCH_OPEN)
    facts = [f"{field} {getattr(run, field)}" for field in fields]
    facts += [f"{batch.step} {batch.stage} {batch.state} {batch.attempts} {batch.error}" for batch in batches[:3]]
    return ", ".join(facts)


def _state(scenario: Scenario) -> str:
    return answered(lambda: Run.across_tenants.values_list("state", flat=True).get(pk=scenario.run.pk)) or "unknown"


def _retry(scenario: Scenario) -> Run:
    return services.retry(scenario.job, actor="chaos")


def _start_anew(scenario: Scenario) -> Run:
    return scenario.platform.start(scenario.job_name, scenario.mode)


def _resume(scenario: Scenario) -> Run:
    return services.resume(scenario.job, actor="chaos")


# State in which a run stays → name of that outcome, and what a person does then.
SETTLED: dict[str, tuple[str, Callable[[Scenario], Run]]] = {
    RunState.FINISHED: (FINISHED, _start_anew),
    RunState.FAILED: (RETRIED, _retry),
    RunState.CANCELLED: (RERUN, _start_anew),
    RunState.PAUSED: (RESUMED, _resume),
}
