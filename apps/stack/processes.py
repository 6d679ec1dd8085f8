"""Which processes does the product consist of, and when is each ready?"""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from apps.stack.services.base import Service, is_http_ok
from etlproject.settings.env import BASE_DIR

_MANAGE = str(BASE_DIR / "manage.py")
_SETTINGS = "etlproject.settings.prod"
_OWNER_SETTINGS = "etlproject.settings.owner"
_SETTLED = 1.0  # seconds after which a process that gives no sign counts as ready


class Program(Service):
    """A Python process of the product; ``arguments`` are those of the interpreter.

    It is ready when ``health`` (a path on its port) answers 200. Without ``health`` it is ready when ``ready_text`` is
    in its log, and without both when it has run for a second.
    """

    working_folder = BASE_DIR
    ready_limit = 60.0

    def __init__(
        self,
        name: str,
        data: Path,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        port: int | None = None,
        health: str | None = None,
        ready_text: str | None = None,
    ) -> None:
        super().__init__(name, data, port)
        self._arguments = [sys.executable, *arguments]
        self._environment = {**environment, "PYTHONUNBUFFERED": "1"}
        self._health = health
        self._ready_text = ready_text
        self._log_begin = 0

    def command(self) -> list[str]:
        """The interpreter with the program's arguments."""
        return self._arguments

    def environment(self) -> Mapping[str, str]:
        """The product's environment: the user's variables and those of the stack."""
        return self._environment

    def prepare(self) -> None:
        """Remember where the log ends: only later lines can say that the process is ready."""
        self._log_begin = self.log.stat().st_size if self.log.exists() else 0

    def is_ready(self) -> bool:
        """See the class."""
        if not self.is_running:
            return False
        if self._health and self.port:
            return is_http_ok(self.port, self._health)
        if self._ready_text:
            with self.log.open("rb") as log:
                log.seek(self._log_begin)
                return self._ready_text.encode() in log.read()
        return time.monotonic() - self._launched > _SETTLED


def preparations(data: Path, environment: Mapping[str, str]) -> list[Program]:
    """The programs that have to succeed, one after the other, before the product starts."""
    as_owner = {**environment, "DJANGO_SETTINGS_MODULE": _OWNER_SETTINGS}
    as_app = {**environment, "DJANGO_SETTINGS_MODULE": _SETTINGS}
    return [
        Program("migrate", data, [_MANAGE, "migrate", "--noinput"], as_owner),
        Program("collectstatic", data, [_MANAGE, "collectstatic", "--noinput"], as_app),
    ]


def product(
    data: Path, environment: Mapping[str, str], web_port: int, flower_port: int, flower_password: str
) -> list[Program]:
    """Web, workers, scheduler and Flower in the order of their start."""
    base = {**environment, "DJANGO_SETTINGS_MODULE": _SETTINGS}
    celery = ("-m", "celery", "-A", "etlproject")
    # SIGTERM becomes a soft shutdown: a worker requeues its work and ends within seconds.
    worker_environment = {**base, "REMAP_SIGTERM": "SIGQUIT"}

    def worker(name: str, queues: str) -> Program:
        options = (
            "-Q",
            queues,
            "-c",
            "2",
            "-n",
            f"{name}@%h",
            "-l",
            "INFO",
            "--without-mingle",
            "--without-gossip",
        )
        arguments = (*celery, "worker", *options)
        return Program(f"worker-{name}", data, arguments, worker_environment, ready_text=" ready.")

    daphne = ("-m", "daphne", "-b", "127.0.0.1", "-p", str(web_port), "etlproject.asgi:application")
    flower = (*celery, "flower", "--address=127.0.0.1", f"--port={flower_port}")
    # In the environment, because every user of the machine can read arguments.
    flower_environment = {**base, "FLOWER_BASIC_AUTH": f"flower:{flower_password}"}
    return [
        Program("web", data, daphne, base, port=web_port, health="/healthz"),
        worker("extraction", "extraction"),
        worker("processing", "transform,embedding,control"),
        Program("scheduler", data, [_MANAGE, "scheduler"], base),
        Program("flower", data, flower, flower_environment, port=flower_port, health="/healthcheck"),
    ]


@dataclass(frozen=True)
class StackPlan:
    """The programs that a supervisor runs beside the embedded services; see ``preparations`` and ``product``."""

    preparations: Callable[[Path, Mapping[str, str]], list[Program]]
    programs: Callable[[Path, Mapping[str, str], int, int, str], list[Program]]


PRODUCT = StackPlan(preparations, product)
