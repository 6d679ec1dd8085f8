"""How does a command start a stack in the background, ask it for its state and stop it?"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from apps.stack.files import tail
from apps.stack.services.base import StackError
from apps.stack.state import ProcessState, StackState, is_supervised, read_state
from etlproject.settings.env import BASE_DIR

_MAX_START = 900.0  # seconds; the first migrations of large tables take long
_MAX_STOP = 90.0  # seconds
_POLL = 0.1  # seconds


def current_state(data: Path) -> StackState | None:
    """The state of the stack in ``data``; None when it does not run."""
    return read_state(data) if is_supervised(data) else None


def stopped_state(data: Path) -> StackState:
    """The state of a stack that does not run: all its processes are stopped."""
    last = read_state(data)
    processes = [ProcessState(name=process.name) for process in last.processes] if last else []
    return StackState(pid=0, phase="stopping", message="The stack is not running.", processes=processes)


def start_detached(data: Path, user: Mapping[str, str], announce: Callable[[str], None]) -> StackState:
    """Start the supervisor in the background and wait until all is ready; raises ``StackError``.

    ``announce`` gets every line that the supervisor writes meanwhile.
    """
    log = data / "logs" / "supervisor.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output, log.open(encoding="utf-8", errors="replace") as heard:
        heard.seek(0, os.SEEK_END)
        supervisor = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, str(BASE_DIR / "manage.py"), "stack", "up", "--data", str(data)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=BASE_DIR,
            env=dict(user),
            start_new_session=True,
        )
        deadline = time.monotonic() + _MAX_START
        while supervisor.poll() is None:
            for line in heard.readlines():
                announce(line.rstrip())
            state = current_state(data)
            if state and state.pid == supervisor.pid and state.phase == "ready":
                return state
            if time.monotonic() > deadline:
                supervisor.terminate()
                raise StackError(f"The stack was not ready after {_MAX_START:.0f} s. See {log}.")
            time.sleep(_POLL)
    raise StackError(f"The stack did not start. The end of {log}:\n{tail(log)}")


def stop(data: Path) -> bool:
    """Stop the stack in ``data`` and wait until it is down; False when it does not run. Raises ``StackError``."""
    state = current_state(data)
    if state is None:
        return False
    with suppress(ProcessLookupError):
        os.kill(state.pid, signal.SIGTERM)
    deadline = time.monotonic() + _MAX_STOP
    while is_supervised(data):
        if time.monotonic() > deadline:
            raise StackError(f"The stack (process {state.pid}) did not stop within {_MAX_STOP:.0f} s.")
        time.sleep(_POLL)
    return True
