"""What runs, where, and since when? The state file says it; it holds as long as a supervisor has the lock."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from apps.stack.files import write_private

Phase = Literal["starting", "ready", "stopping", "failed"]
Condition = Literal["starting", "ready", "waiting", "crashed", "stopped"]

_MAX_LOCK_ATTEMPTS = 10
_LOCK_PAUSE = 0.05  # seconds


class ProcessState(msgspec.Struct, kw_only=True):
    """One process. A ``waiting`` one will be started again, a ``crashed`` one will not."""

    name: str
    state: Condition = "stopped"
    pid: int | None = None
    port: int | None = None
    url: str | None = None
    started_at: float | None = None  # seconds since the epoch
    restarts: int = 0


class StackState(msgspec.Struct, kw_only=True):
    """The whole stack; ``message`` says why when the phase is ``failed``.

    ``ports`` (process name → port) are used again at the next start, so that addresses stay the same.
    """

    pid: int
    phase: Phase = "starting"
    message: str = ""
    ports: dict[str, int] = {}
    processes: list[ProcessState] = []

    @property
    def is_ready(self) -> bool:
        """Whether every process is ready."""
        return self.phase == "ready" and all(process.state == "ready" for process in self.processes)


def read_state(data: Path) -> StackState | None:
    """The last state that was written, also that of a stack that has ended; None when there is none."""
    try:
        return msgspec.json.decode((data / "state.json").read_bytes(), type=StackState)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def write_state(data: Path, state: StackState) -> None:
    """Replace the state file in one step."""
    write_private(data / "state.json", msgspec.json.format(msgspec.json.encode(state), indent=2).decode())


def is_supervised(data: Path) -> bool:
    """Whether a living supervisor holds the lock of ``data``."""
    try:
        with (data / "lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


@contextmanager
def supervision(data: Path) -> Iterator[bool]:
    """Hold the lock of ``data`` while the block runs; give False when another supervisor holds it.

    The lock ends with its process, also when that is killed, so a stale lock can never prevent a start.
    """
    handle = os.open(data / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        yield _lock(handle)
    finally:
        os.close(handle)


def _lock(handle: int) -> bool:
    for _ in range(_MAX_LOCK_ATTEMPTS):  # a process that only looks holds it for an instant
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOCK_PAUSE)
        else:
            return True
    return False
