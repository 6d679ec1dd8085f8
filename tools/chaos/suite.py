"""How do many faults pass in little time? In lanes side by side: most of it is waiting for leases.

Every fault is a file of one folder: the same command again goes on where it was interrupted.
"""

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

import psutil

from apps.stack.files import tail
from apps.stack.processes import Program
from tools.chaos import results
from tools.chaos.catalogue import of_broker
from tools.chaos.results import Result

POLL = 0.5  # seconds
# Lanes that die take their fault with them: another takes it again, but not for ever.
MAY_DIE = 3
STOP_LIMIT = 60.0


class LanesKeepDying(Exception):
    """The suite itself does not work; the text has the end of a lane's log."""


class Suite:
    """The faults ``first`` … of one broker and seed."""

    def __init__(self, folder: Path, broker: str, seed: int, first: int, faults: int, only: list[str]) -> None:
        self.folder, self.broker, self.seed, self.only = folder, broker, seed, only
        self.numbers = range(first, first + faults)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.deaths = 0

    def run(self, lanes: int) -> list[Result]:
        """Let the lanes work until all is done, and tell every result as it comes."""
        if not of_broker(self.broker, self.only):
            raise SystemExit(f"There is no such fault with {self.broker}: {', '.join(self.only)}.")
        for taken in self.folder.glob("*.taken"):
            taken.unlink()
        signal.signal(signal.SIGTERM, _end)
        told: set[int] = set()
        sys.stdout.write(f"{len(self.numbers)} faults with {self.broker}, seed {self.seed}, {lanes} lanes\n")
        running = [self._lane(f"{self.broker}-{position}") for position in range(1, lanes + 1)]
        try:
            for lane in running:
                lane.launch()
            while len(told) < len(self.numbers):
                self._tell(told)
                for lane in running:
                    self._look_after(lane)
                time.sleep(POLL)
        finally:
            for lane in running:
                _end_with_all(lane)
        return [result for number, result in sorted(results.read(self.folder).items()) if number in self.numbers]

    def _lane(self, name: str) -> Program:
        wanted = [str(self.folder), name, self.broker, str(self.seed), str(self.numbers[0]), str(self.numbers[-1])]
        lane = Program(name, self.folder / "lanes", ["-m", "tools.chaos.lane", *wanted, *self.only], os.environ)
        lane.stop_limit = STOP_LIMIT
        return lane

    def _tell(self, told: set[int]) -> None:
        for number, result in sorted(results.read(self.folder).items()):
            if number in self.numbers and number not in told:
                told.add(number)
                sys.stdout.write(f"{result.line()}   [{len(told)}/{len(self.numbers)}]\n")
                if result.problems:
                    again = f"--broker {self.broker} --seed {self.seed} --first {number} --faults 1"
                    only = f" --only {' '.join(self.only)}" if self.only else ""
                    sys.stdout.write(f"{result.story()}\n       again: python -m tools.chaos {again}{only}\n")
                sys.stdout.flush()

    def _look_after(self, lane: Program) -> None:
        """A lane that has died is started again, and what it had taken is free."""
        if lane.is_running or lane.exit_status == 0:
            return
        self.deaths += 1
        sys.stdout.write(f"Lane {lane.name} died (status {lane.exit_status}); see {lane.log}\n")
        if self.deaths > MAY_DIE:
            raise LanesKeepDying(tail(lane.log, 40))
        for taken in self.folder.glob("*.taken"):
            if taken.read_text() == lane.name and not taken.with_suffix(".json").exists():
                taken.unlink()
        lane.launch()


def _end_with_all(lane: Program) -> None:
    """Stop a lane, and whatever it may have left."""
    left: list[psutil.Process] = []
    with suppress(psutil.NoSuchProcess):
        left = psutil.Process(lane.pid or 0).children(recursive=True) if lane.pid else []
    lane.stop()
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(143)
