"""What do all supervised processes have in common? Each is a child process that dies with us and has a log."""

import ctypes
import http.client
import os
import pwd
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from apps.stack.files import tail, write_private
from apps.stack.guardian import marks

_PR_SET_PDEATHSIG = 1
_POLL = 0.02  # seconds between two looks at a process that starts


class StackError(Exception):
    """A part of the stack does not run; the text says which, and what to do."""


def is_http_ok(port: int, path: str) -> bool:
    """Whether ``GET path`` on ``port`` of 127.0.0.1 answers 200 within 2 seconds."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _die_with_parent(signal_number: int) -> Callable[[], None] | None:
    """A function that a child calls before its program: Linux sends it the signal when the parent's thread ends."""
    if sys.platform != "linux":
        return None
    libc, parent = ctypes.CDLL(None), os.getpid()

    def before_program() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal_number)
        if os.getppid() != parent:  # the parent ended before the request
            os._exit(1)

    return before_program


class Service(ABC):
    """A child process in its own process group, with a log and (mostly) a port of 127.0.0.1.

    On Linux a service ends with the thread that started it, so start it in a thread that lives long enough. Not
    thread-safe.
    """

    ready_limit = 30.0  # seconds
    stop_limit = 10.0  # seconds until SIGKILL
    stop_signal = signal.SIGTERM
    user: pwd.struct_passwd | None = None  # the process runs as this user; None: as ourselves
    working_folder = Path("/")

    def __init__(self, name: str, data: Path, port: int | None = None) -> None:
        self.name = name
        self.port = port
        self.log = data / "logs" / f"{name}.log"
        self._pid_file = data / "run" / f"{name}.pid"
        self._process: subprocess.Popen[bytes] | None = None
        self._launched = 0.0  # on the monotonic clock

    # --- what each kind of service defines ---

    @abstractmethod
    def command(self) -> list[str]:
        """The program and its arguments. They contain no secrets, because everybody can read them."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it does its work. It is called often while the service starts, so it must neither wait nor raise."""

    def environment(self) -> Mapping[str, str]:
        """Its environment: it is small, so that the user's settings (``PGPORT`` …) do not reach the service."""
        return {"PATH": os.defpath, "LC_ALL": "C"}

    def prepare(self) -> None:  # noqa: B027 - most services need nothing
        """Prepare its data; called before each start."""

    # --- what is the same for all ---

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self.is_running else None

    @property
    def is_running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_status(self) -> int | None:
        """Its exit status (negative: it was ended by that signal); None while it runs or was never started."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start it and wait until it is ready; raises ``StackError`` with the end of its log."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start it and do not wait. A process that a killed predecessor left running is ended first."""
        for folder in (self.log.parent, self._pid_file.parent):
            folder.mkdir(parents=True, exist_ok=True)
        self._end_predecessor()
        self.prepare()
        account = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} if self.user else {}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own programs
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.working_folder,
                env={**self.environment(), **marks()},
                start_new_session=True,
                preexec_fn=_die_with_parent(self.stop_signal),
                **account,  # type: ignore[call-overload]
            )
        self._launched = time.monotonic()
        write_private(self._pid_file, f"{self._process.pid} {_birth(self._process.pid)}")

    def wait_ready(self) -> None:
        """Wait until it is ready; raises ``StackError`` as ``has_started`` does."""
        while not self.has_started():
            time.sleep(_POLL)

    def has_started(self) -> bool:
        """Whether a launched service is ready.

        Raises ``StackError`` when it has died, or when it has taken longer than ``ready_limit`` and was stopped.
        """
        if self.is_ready():
            return True
        if not self.is_running:
            raise self.failure(f"it ended with status {self.exit_status}")
        if time.monotonic() > self._launched + self.ready_limit:
            self.stop()
            raise self.failure(f"it was not ready after {self.ready_limit:.0f} s")
        return False

    def stop(self) -> None:
        """End it cleanly, or by force after ``stop_limit``. Do nothing when it does not run."""
        self.ask_to_stop()
        self.wait_stopped()

    def ask_to_stop(self) -> None:
        """Send its stop signal and do not wait."""
        if self._process and self.is_running:
            self._process.send_signal(self.stop_signal)

    def wait_stopped(self) -> None:
        """Wait until it has ended; after ``stop_limit`` end it by force."""
        if self._process:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(self.stop_limit)
            self.kill()

    def kill(self) -> None:
        """Send SIGKILL to the process and to the rest of its group, as a crash would end it."""
        if self._process:
            self._kill_group(self._process.pid)
            self._process.wait()
        self._pid_file.unlink(missing_ok=True)

    def _kill_group(self, pid: int) -> None:
        try:
            os.killpg(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # macOS: PermissionError for a group of zombies
            return

    def _end_predecessor(self) -> None:
        """End the process that a killed supervisor left, on systems where a child outlives its parent."""
        if not self._pid_file.is_file():
            return
        pid_text, _, birth = self._pid_file.read_text(encoding="utf-8").partition(" ")
        pid = int(pid_text)
        if birth and _birth(pid) == birth:
            left = psutil.Process(pid)
            left.send_signal(self.stop_signal)
            psutil.wait_procs([left], timeout=self.stop_limit)
            self._kill_group(pid)
        self._pid_file.unlink()

    def failure(self, reason: str) -> StackError:
        """The error that says ``reason`` and quotes the end of the log."""
        return StackError(f"{self.name} failed: {reason}. The end of {self.log}:\n{tail(self.log)}")


def _birth(pid: int) -> str:
    """When ``pid`` was started, so that a later process with its number is not taken for it. Empty when it ended."""
    try:
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.NoSuchProcess:
        return ""
