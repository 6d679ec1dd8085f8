"""Does everything that tests, bench and chaos start end with them, however they end?"""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from apps.stack.services import rabbitmq
from tests.processes import ROOT, until

EVERYTHING = ["pytest", "-p", "no:cacheprovider", "tests/services/everything.py"]
BENCH = ["tools.bench", "--issues", "20", "--prs", "20", "--only", "A", "--repeat", "99", "--no-peers"]
CHAOS = ["tools.chaos", "--broker", "redis", "--slots", "1", "--folder"]
# Parts of command lines; a worker has children.
STARTED = ("postgres", "valkey-server", "apps.stack.gateway", "manage.py sandbox", "celery", "apps/stack/guardian.py")
BROWSER = ["chromium"] if shutil.which("chromium") else []
BROKER = ["beam", "epmd"] if not rabbitmq.available() else []


def tree_of(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def command_line(process: psutil.Process) -> str:
    """The command line of a process; empty for one that has just ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def has_all(tree: list[psutil.Process], names: list[str]) -> bool:
    lines = [command_line(process) for process in tree]
    return all(any(name in line for line in lines) for name in names)


def is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    ("command", "number"),
    [
        pytest.param([*EVERYTHING, "-n", "0"], signal.SIGKILL, id="tests killed"),
        pytest.param([*EVERYTHING, "-n", "1"], signal.SIGKILL, id="parallel tests killed"),
        pytest.param([*EVERYTHING, "-n", "1"], signal.SIGINT, id="parallel tests interrupted"),
        pytest.param(BENCH, signal.SIGKILL, id="bench killed"),
        pytest.param(CHAOS, signal.SIGKILL, id="chaos killed"),
    ],
)
def test_nothing_outlives_its_program(command: list[str], number: signal.Signals, tmp_path: Path) -> None:
    folder = [str(tmp_path)] if command is CHAOS else []
    names = [*STARTED, *(BROWSER + BROKER if "pytest" in command else [])]
    with (tmp_path / "output").open("wb") as output:
        program = subprocess.Popen(
            [sys.executable, "-m", *command, *folder], cwd=ROOT, stdout=output, stderr=output, start_new_session=True
        )
    try:
        started: list[psutil.Process] = []

        def is_all_started() -> bool:
            started[:] = tree_of(psutil.Process(program.pid))
            assert program.poll() is None, "the program has ended by itself"
            return has_all(started, names)

        until(is_all_started, "everything")
        program.send_signal(number)
        program.wait(300)  # a bound for a crowded machine: the program ends its own tree first
        until(lambda: not any(map(is_alive, started)), "the end of all processes")
    finally:
        program.kill()
        program.wait()
        sys.stdout.write((tmp_path / "output").read_text())
