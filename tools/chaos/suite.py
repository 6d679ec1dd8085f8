"""How do many faults take little time? Several slots run side by side, because most of the time they wait for leases.

The result of every fault is a file in one folder. The same command, called again, continues where it was interrupted.
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
# A slot that dies releases its fault, so that another slot takes it; but not again and again.
MAX_SLOT_DEATHS = 3
STOP_LIMIT = 60.0


class SlotsKeepDyingError(Exception):
    """The slots die again and again; the text has the end of a slot's log."""


class Suite:
    """The faults ``first`` … of one broker and seed."""

    def __init__(self, folder: Path, broker: str, seed: int, first: int, faults: int, only: list[str]) -> None:
        self.folder, self.broker, self.seed, self.only = folder, broker, seed, only
        self.numbers = range(first, first + faults)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.deaths = 0

    def run(self, slots: int) -> list[Result]:
        """Let the slots work until all faults are done, and print every result as it comes."""
        if not of_broker(self.broker, self.only):
            raise SystemExit(f"There is no such fault with {self.broker}: {', '.join(self.only)}.")
        for taken in self.folder.glob("*.taken"):
            taken.unlink()
        signal.signal(signal.SIGTERM, _end)
        printed: set[int] = set()
        sys.stdout.write(f"{len(self.numbers)} faults with {self.broker}, seed {self.seed}, {slots} slots\n")
        running = [self._slot(f"{self.broker}-{position}") for position in range(1, slots + 1)]
        try:
            for slot in running:
                slot.launch()
            while len(printed) < len(self.numbers):
                self._print_new(printed)
                for slot in running:
                    self._restart_dead(slot)
                time.sleep(POLL)
        finally:
            for slot in running:
                _end_with_all(slot)
        return [result for number, result in sorted(results.read(self.folder).items()) if number in self.numbers]

    def _slot(self, name: str) -> Program:
        wanted = [str(self.folder), name, self.broker, str(self.seed), str(self.numbers[0]), str(self.numbers[-1])]
        slot = Program(name, self.folder / "slots", ["-m", "tools.chaos.slot", *wanted, *self.only], os.environ)
        slot.stop_limit = STOP_LIMIT
        return slot

    def _print_new(self, printed: set[int]) -> None:
        for number, result in sorted(results.read(self.folder).items()):
            if number in self.numbers and number not in printed:
                printed.add(number)
                sys.stdout.write(f"{result.line()}   [{len(printed)}/{len(self.numbers)}]\n")
                if result.problems:
                    again = f"--broker {self.broker} --seed {self.seed} --first {number} --faults 1"
                    only = f" --only {' '.join(self.only)}" if self.only else ""
                    sys.stdout.write(f"{result.story()}\n       again: python -m tools.chaos {again}{only}\n")
                sys.stdout.flush()

    def _restart_dead(self, slot: Program) -> None:
        """Start a slot again that has died, and release the fault that it had taken."""
        if slot.is_running or slot.exit_status == 0:
            return
        self.deaths += 1
        sys.stdout.write(f"Slot {slot.name} died (status {slot.exit_status}); see {slot.log}\n")
        if self.deaths > MAX_SLOT_DEATHS:
            raise SlotsKeepDyingError(tail(slot.log, 40))
        for taken in self.folder.glob("*.taken"):
            if taken.read_text() == slot.name and not taken.with_suffix(".json").exists():
                taken.unlink()
        slot.launch()


def _end_with_all(slot: Program) -> None:
    """Stop a slot and every process that it may have left."""
    left: list[psutil.Process] = []
    with suppress(psutil.NoSuchProcess):
        left = psutil.Process(slot.pid or 0).children(recursive=True) if slot.pid else []
    slot.stop()
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(143)
