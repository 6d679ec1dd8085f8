"""Does everything that tests start end with them, however they end?"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from apps.stack.services import rabbitmq
from tests.processes import ROOT, until

STARTED = [
    *("postgres", "valkey-server", "apps.stack.gateway", "manage.py sandbox", "celery", "apps/stack/guardian.py"),
    *(["chromium"] if shutil.which("chromium") else []),
    *(["beam", "epmd"] if not rabbitmq.available() else []),
]


def alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    ("options", "number"),
    [(["-n", "0"], signal.SIGKILL), (["-n", "1"], signal.SIGKILL), (["-n", "1"], signal.SIGINT)],
    ids=["killed", "killed in parallel", "interrupted"],
)
def test_nothing_outlives_an_interrupted_test_run(options: list[str], number: signal.Signals, tmp_path: Path) -> None:
    ready = tmp_path / "everything runs"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, "tests/services/everything.py"]
    environment = {**os.environ, "EVERYTHING_RUNS": str(ready)}
    with (tmp_path / "output").open("wb") as output:
        tests = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        until(lambda: ready.exists() or tests.poll() is not None, "everything", 120)
        started = psutil.Process(tests.pid).children(recursive=True)
        lines = [" ".join(process.cmdline()) for process in started]
        assert [name for name in STARTED if not any(name in line for line in lines)] == []
        tests.send_signal(number)
        tests.wait(60)
        until(lambda: not any(map(alive, started)), "the end of all processes", 60)
    finally:
        tests.kill()
        tests.wait()
        sys.stdout.write((tmp_path / "output").read_text())
