"""Which real processes do the tests start, and how do they end them?"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import requests

ROOT = Path(__file__).resolve().parents[1]
TOKEN = "sandbox-token"


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(address: str) -> bool:
    """Whether a server answers well. Every other answer, and none in time, means "not yet"."""
    try:
        return requests.get(address, timeout=5).ok
    except requests.RequestException:
        return False


def until(condition: Callable[[], Any], what: str, seconds: float = 120) -> Any:
    """Wait for a condition; a test that waits in vain says for what. Only a failure waits so long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.05)
    raise AssertionError(f"Waited {seconds:.0f} s in vain for {what}.")


class Process:
    """A child process of the tests in its own session, with its output in a file."""

    def __init__(self, name: str, arguments: list[str], folder: Path, **env: str) -> None:
        self.log = folder / f"{name}.log"
        self.arguments = [sys.executable, *arguments]
        self.env = {**os.environ, "DJANGO_SETTINGS_MODULE": "etlproject.settings.test", **env}
        self.child: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it (again)."""
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                self.arguments, cwd=ROOT, env=self.env, stdout=log, stderr=log, start_new_session=True
            )
        return self

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.child
        return self.child.pid

    def kill(self) -> None:
        """SIGKILL, children included: none of them can clean up."""
        with suppress(ProcessLookupError, PermissionError):  # macOS: PermissionError for a group of zombies
            os.killpg(self.pid, signal.SIGKILL)
        assert self.child
        self.child.wait()

    def stop(self) -> None:
        """SIGTERM, then SIGKILL for what has not ended, children included."""
        if self.child is None:
            return
        self.child.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.child.wait(15)
        self.kill()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *error: object) -> None:
        self.stop()


def worker(
    folder: Path,
    queues: str = "extraction,transform,embedding,control",
    name: str = "worker",
    application: str = "etlproject",
) -> Process:
    """A real Celery worker on the test database."""
    arguments = ["-m", "celery", "-A", application, "worker", "-Q", queues, "-c", "2", "-n", f"{name}@%h"]
    return Process(name, [*arguments, "--without-mingle", "--without-gossip"], folder, REMAP_SIGTERM="SIGQUIT")


def scheduler(folder: Path) -> Process:
    """The real scheduler on the test database."""
    return Process("scheduler", ["manage.py", "scheduler"], folder)


class Sandbox(Process):
    """The sample servers of both providers, as a process that the product knows by its address only."""

    def __init__(
        self,
        folder: Path,
        *,
        issues: int,
        prs: int,
        large_issues: int = 0,
        ids_per_page: int = 5000,
        latency_ms: int = 0,
        seed: int = 1,
    ) -> None:
        self.port = free_port()
        options = {
            "--port": self.port,
            "--issues": issues,
            "--prs": prs,
            "--large-issues": large_issues,
            "--ids-per-page": ids_per_page,
            "--latency-ms": latency_ms,
            "--seed": seed,
        }
        arguments = ["manage.py", "sandbox", *(str(word) for pair in options.items() for word in pair)]
        super().__init__("sandbox", arguments, folder, DJANGO_SETTINGS_MODULE="etlproject.settings.tools")

    def url(self, path: str) -> str:
        """An address of the server: ``jira``, ``github`` or ``_sandbox/…``."""
        return f"http://127.0.0.1:{self.port}/{path}"

    def start(self) -> Self:
        """Start it and wait until it answers."""
        super().start()
        until(lambda: answers(self.url("_sandbox/truth")), f"the sandbox (see {self.log})")
        return self

    def truth(self, kind: str = "") -> Any:
        """How many of each kind it has; with a ``kind`` (``issues``, ``links``), all of them."""
        return requests.get(self.url(f"_sandbox/truth/{kind}".rstrip("/")), timeout=60).json()

    def served(self, what: str = "requests") -> int:
        """How many requests it has answered (or ``faults`` it has made) since ``reset-stats``."""
        return int(requests.get(self.url("_sandbox/stats"), timeout=60).json()[what])

    def tokens(self, **order: Any) -> Any:
        """What became of each token; with an order (``token``, ``remaining``, ``revoked`` …) one is changed first."""
        if order:
            return self.control("tokens", order)
        return requests.get(self.url("_sandbox/tokens"), timeout=60).json()

    def control(self, action: str, body: Any = None) -> Any:
        """``POST /_sandbox/<action>``: faults, latency, mutate, reset-stats."""
        answer = requests.post(self.url(f"_sandbox/{action}"), json=body, timeout=60)
        answer.raise_for_status()
        return answer.json()
