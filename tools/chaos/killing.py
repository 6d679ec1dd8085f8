"""Which faults are there of our own processes: killed, frozen, doubled, with a clock that jumps?"""

import os
import signal
import time
from pathlib import Path

import psutil

from apps.jobs.queue.batches import LEASE
from apps.stack.processes import Program
from tools.chaos.scene import Scene
from tools.chaos.stand import FAKETIME, Stand


def kill_child(scene: Scene) -> None:
    """SIGKILL to the process of a worker that does the work; the worker makes another."""
    scene.reach(0, 90)
    worker = _a_worker(scene)
    for child in psutil.Process(worker.pid).children():
        child.kill()
        scene.note(f"killed process {child.pid} of {worker.name}")


def kill_worker(scene: Scene) -> None:
    """SIGKILL to one worker or to all of them with all that they have, then a new start."""
    scene.reach(0, 90)
    everyone = list(scene.stand.workers.values())
    _kill(scene, *scene.chance.choice([[_a_worker(scene)], everyone]))


def kill_scheduler(scene: Scene) -> None:
    """SIGKILL to the scheduler, then a new start."""
    scene.reach(0, 90)
    _kill(scene, scene.stand.scheduler)


def kill_web(scene: Scene) -> None:
    """SIGKILL to the web process, then a new start."""
    scene.reach(0, 90)
    _kill(scene, scene.stand.web)


def freeze_worker(scene: Scene) -> None:
    """SIGSTOP to a worker until its lease is over and others have taken over; then it wakes up as a zombie."""
    scene.reach(0, 70)
    worker = _a_worker(scene)
    pid = worker.pid
    assert pid
    os.killpg(pid, signal.SIGSTOP)
    scene.note(f"froze {worker.name}")
    time.sleep(LEASE.total_seconds() + scene.chance.uniform(2, 10))
    os.killpg(pid, signal.SIGCONT)
    scene.note(f"woke {worker.name}")
    time.sleep(2)  # now it would write, if it could


def second_scheduler(stand: Stand) -> None:
    """Two schedulers from the start of the run."""
    stand.extra = [stand.new_scheduler("scheduler-two")]
    stand.extra[0].start()


def kill_one_scheduler(scene: Scene) -> None:
    """One of two schedulers dies on the way and comes back."""
    scene.reach(0, 90)
    _kill(scene, scene.chance.choice([scene.stand.scheduler, *scene.stand.extra]))


def own_clocks(stand: Stand) -> None:
    """A worker and a second scheduler whose clock is a file: theirs may jump, the database's does not."""
    clock = _clock(stand)
    clock.write_text("+0s")
    faked = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    stand.extra = [stand.new_worker("gamma", **faked), stand.new_scheduler("scheduler-two", **faked)]
    for program in (*stand.workers.values(), stand.scheduler):
        program.stop()
    for program in (*stand.extra, stand.workers["alpha"]):
        program.launch()
    for program in (*stand.extra, stand.workers["alpha"]):
        program.wait_ready()


def jump_clock(scene: Scene) -> None:
    """The clock of a worker and of the only scheduler jumps by two hours, while the provider asks for a pause."""
    scene.reach_request()
    jump = scene.chance.choice(["+2h", "-2h"])
    _clock(scene.stand).write_text(jump)
    scene.note(f"clock {jump}")
    if scene.job_name != "vectorization":
        pause = {"type": "status", "status": 429, "retry_after": 8}
        scene.platform.sandbox.control(
            "faults", [{"match": f"* /{scene.job_name}/", "skip": 1, "times": 2, "action": pause}]
        )
    # The file is read once a second: long enough for all that happens after it.
    scene.until(scene.has_ended, "the end of the run with wrong clocks", 120)


def _clock(stand: Stand) -> Path:
    return stand.folder / "clock"


def _a_worker(scene: Scene) -> Program:
    return scene.chance.choice(list(scene.stand.workers.values()))


def _kill(scene: Scene, *programs: Program) -> None:
    for program in programs:
        program.kill()
        scene.note(f"killed {program.name}")
    time.sleep(scene.chance.uniform(0, 3))
    for program in programs:
        program.launch()
    for program in programs:
        program.wait_ready()
        scene.note(f"{program.name} is up again")
