"""Who ends the processes that a program has started, when the program itself is killed? Its guardian does.

``guard`` starts the guardian: a process at one end of a pipe whose other end only the program holds. However the
program ends, the kernel closes its end, and the guardian ends every process of the program's tree. A process belongs to
the tree when its environment carries the tree's mark, which children inherit, or when it descends from such a process.
"""

import atexit
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import psutil

_MARKS = "PROCESS_TREES"  # the trees of a process, separated by blanks: trees can be nested
_GUARDIAN = "guardian"  # a guardian belongs to no tree: it ends by itself when its program has ended
_GRACE = 3.0  # seconds between SIGTERM and SIGKILL
_MAX_WAIT = 30.0  # seconds


def guard(folder: Path | None = None) -> None:
    """End everything that this process starts from now on when it ends; then remove ``folder``."""
    tree = uuid4().hex
    guardian = subprocess.Popen(  # noqa: S603 - this file
        [sys.executable, __file__, tree, *([str(folder)] if folder else [])],
        env={**os.environ, _MARKS: _GUARDIAN},
        stdin=subprocess.PIPE,
        cwd="/",
        start_new_session=True,  # Ctrl-C is not for the guardian
    )
    os.environ[_MARKS] = f"{os.environ.get(_MARKS, '')} {tree}".strip()
    atexit.register(_dismiss, guardian)


def marks() -> dict[str, str]:
    """The variable that a child needs which does not inherit the whole environment."""
    return {_MARKS: os.environ[_MARKS]} if _MARKS in os.environ else {}


def _dismiss(guardian: "subprocess.Popen[bytes]") -> None:
    """The program ends: let the guardian do its work, and wait for it."""
    assert guardian.stdin
    guardian.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        guardian.wait(_MAX_WAIT)


def _marks_of(process: psutil.Process) -> list[str]:
    try:
        return process.environ().get(_MARKS, "").split()
    except psutil.Error:
        return []


def _members(tree: str) -> list[psutil.Process]:
    """The living processes of a tree."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if tree in _marks_of(process) and process.status() != psutil.STATUS_ZOMBIE:
                found |= {one.pid: one for one in (process, *process.children(recursive=True))}
    return [process for process in found.values() if _marks_of(process) != [_GUARDIAN]]


def main() -> None:
    """Wait for the end of the program, then end its tree."""
    tree, *folders = sys.argv[1:]
    sys.stdin.read()
    members = _members(tree)
    for process in members:
        with suppress(psutil.Error):
            process.terminate()
    _, alive = psutil.wait_procs(members, timeout=_GRACE)
    while remaining := [*alive, *_members(tree)]:  # a member may have started another process meanwhile
        for process in remaining:
            with suppress(psutil.Error):
                process.kill()
        _, alive = psutil.wait_procs(remaining, timeout=_GRACE)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
