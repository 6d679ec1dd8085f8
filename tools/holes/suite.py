"""How are all cells tried? Slots run side by side, each with its own services; every result is shown as it comes.

The same command with the same folder, called again, continues where it was interrupted.
"""

import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

import msgspec

from apps.stack.files import tail
from apps.stack.processes import Program
from tools.holes import results
from tools.holes.options import Options
from tools.holes.results import Result

POLL = 0.5  # seconds
STOP_LIMIT = 60.0


class SlotDiedError(Exception):
    """A slot ended early; the text has the end of its log."""


class Suite:
    """The cells that the options ask for, on ``options.slots`` slots."""

    def __init__(self, options: Options) -> None:
        self.options, self.folder = options, Path(options.folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def run(self) -> list[Result]:
        """Let the slots work until all cells are tried, and print every result as it comes."""
        signal.signal(signal.SIGTERM, _end)
        slots = [self._slot(number) for number in range(self.options.slots)]
        printed: set[str] = set()
        try:
            for slot in slots:
                slot.launch()
            while any(slot.is_running for slot in slots):
                self._print_new(printed)
                time.sleep(POLL)
        finally:
            for slot in slots:
                slot.stop()
        self._print_new(printed)
        for slot in slots:
            if slot.exit_status:
                raise SlotDiedError(tail(slot.log, 40))
        return results.read(self.folder)

    def _slot(self, number: int) -> Program:
        options = msgspec.structs.replace(self.options, slot=number)
        arguments = ["-m", "tools.holes.slot", msgspec.json.encode(options).decode()]
        slot = Program(f"slot-{number}", self.folder / "logs", arguments, os.environ)
        slot.stop_limit = STOP_LIMIT
        return slot

    def _print_new(self, printed: set[str]) -> None:
        found = results.read(self.folder)
        for result in found:
            if result.title not in printed:
                printed.add(result.title)
                sys.stdout.write(f"{result.line()}   [{len(printed)}]\n")
                if result.problems:
                    sys.stdout.write(f"{result.story()}\n")
        sys.stdout.flush()


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(143)
