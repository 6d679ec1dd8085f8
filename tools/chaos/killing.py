"""Which faults hit our own processes? They are killed, frozen or doubled, or their clock jumps."""

import os
import signal
import time
from pathlib import Path

import psutil

from apps.jobs.queue.batches import LEASE
from apps.stack.processes import Program
from tools.chaos.scenario import Scenario
from tools.chaos.testbed import FAKETIME, Testbed


def kill_child(scenario: Scenario) -> None:
    """SIGKILL to the child process of a worker that does the work; the worker makes a new one."""
    scenario.reach(0, 90)
    worker = _random_worker(scenario)
    for child in psutil.Process(worker.pid).children():
        child.kill()
        scenario.note(f"killed process {child.pid} of {worker.name}")


def kill_worker(scenario: Scenario) -> None:
    """SIGKILL to one worker or to all workers, with their children, then a new start."""
    scenario.reach(0, 90)
    everyone = list(scenario.testbed.workers.values())
    _kill(scenario, *scenario.chance.choice([[_random_worker(scenario)], everyone]))


def kill_scheduler(scenario: Scenario) -> None:
    """SIGKILL to the scheduler, then a new start."""
    scenario.reach(0, 90)
    _kill(scenario, scenario.testbed.scheduler)


def kill_web(scenario: Scenario) -> None:
    """SIGKILL to the web process, then a new start."""
    scenario.reach(0, 90)
    _kill(scenario, scenario.testbed.web)


def freeze_worker(scenario: Scenario) -> None:
    """SIGSTOP to a worker until its lease is over and others have taken over, then SIGCONT."""
    scenario.reach(0, 70)
    worker = _random_worker(scenario)
    pid = worker.pid
    assert pid
    os.killpg(pid, signal.SIGSTOP)
    scenario.note(f"froze {worker.name}")
    time.sleep(LEASE.total_seconds() + scenario.chance.uniform(2, 10))
    os.killpg(pid, signal.SIGCONT)
    scenario.note(f"woke {worker.name}")
    time.sleep(2)  # long enough for a late write, which must be refused


def second_scheduler(testbed: Testbed) -> None:
    """Run two schedulers from the start of the run."""
    testbed.extra = [testbed.new_scheduler("scheduler-two")]
    testbed.extra[0].start()


def kill_one_scheduler(scenario: Scenario) -> None:
    """Kill one of two schedulers during the run and start it again."""
    scenario.reach(0, 90)
    _kill(scenario, scenario.chance.choice([scenario.testbed.scheduler, *scenario.testbed.extra]))


def own_clocks(testbed: Testbed) -> None:
    """Start a worker and a scheduler whose clock is read from a file. The database keeps the right clock."""
    clock = _clock(testbed)
    clock.write_text("+0s")
    faked = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    testbed.extra = [testbed.new_worker("gamma", **faked), testbed.new_scheduler("scheduler-two", **faked)]
    for program in (*testbed.workers.values(), testbed.scheduler):
        program.stop()
    for program in (*testbed.extra, testbed.workers["alpha"]):
        program.launch()
    for program in (*testbed.extra, testbed.workers["alpha"]):
        program.wait_ready()


def jump_clock(scenario: Scenario) -> None:
    """Let the clock of the worker and of the only scheduler jump by two hours, while the provider asks for a pause."""
    scenario.reach_request()
    jump = scenario.chance.choice(["+2h", "-2h"])
    _clock(scenario.testbed).write_text(jump)
    scenario.note(f"clock {jump}")
    if scenario.job_name != "vectorization":
        pause = {"type": "status", "status": 429, "retry_after": 8}
        scenario.platform.sandbox.control(
            "faults", [{"match": f"* /{scenario.job_name}/", "skip": 1, "times": 2, "action": pause}]
        )
    # The file is read once a second, so the clock stays wrong until the run has ended.
    scenario.until(scenario.has_ended, "the end of the run with wrong clocks", 120)


def _clock(testbed: Testbed) -> Path:
    return testbed.folder / "clock"


def _random_worker(scenario: Scenario) -> Program:
    return scenario.chance.choice(list(scenario.testbed.workers.values()))


def _kill(scenario: Scenario, *programs: Program) -> None:
    for program in programs:
        program.kill()
        scenario.note(f"killed {program.name}")
    time.sleep(scenario.chance.uniform(0, 3))
    for program in programs:
        program.launch()
    for program in programs:
        program.wait_ready()
        scenario.note(f"{program.name} is up again")
