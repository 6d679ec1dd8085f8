"""What runs, where, and since when? The state file, and the lock that says whether it is true."""

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

_LOCK_ATTEMPTS = 10
_LOCK_PAUSE = 0.05  # seconds


class ProcessState(msgspec.Struct, kw_only=True):
    """One process: ``waiting`` is between two attempts, ``crashed`` is given up."""

    name: str
    state: Condition = "stopped"
    pid: int | None = None
    port: int | None = None
    url: str | None = None
    started_at: float | None = None  # seconds since the epoch
    restarts: int = 0


class StackState(msgspec.Struct, kw_only=True):
    """The whole stack; ``message`` says why when the phase is ``failed``.

    ``ports`` (process name to port) are those of this time, and the wish for the next: addresses stay.
    """

    pid: int
    phase: Phase = "starting"
    message: str = ""
    ports: dict[str, int] = {}
    processes: list[ProcessState] = []

    @property
    def all_ready(self) -> bool:
        """Whether every process does its work."""
        return self.phase == "ready" and all(process.state == "ready" for process in self.processes)


def read_state(data: Path) -> StackState | None:
    """The last state that was written, also of a stack that is gone; None when there never was one."""
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
    """Hold the lock of ``data`` for the block; gives False when another supervisor holds it.

    The lock ends with its process, however that ends: no stale lock can stop a start.
    """
    handle = os.open(data / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        yield _lock(handle)
    finally:
        os.close(handle)


def _lock(handle: int) -> bool:
    for _ in range(_LOCK_ATTEMPTS):  # somebody who only looks holds it for an instant
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOCK_PAUSE)
        else:
            return True
    return False
