"""What do faults disturb? The whole product on its own services; no supervisor runs, we start its processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cryptography.fernet import Fernet

from apps.stack.ports import free_port
from apps.stack.processes import Program
from apps.stack.services.base import Service
from apps.stack.services.embedded import EmbeddedServices
from apps.stack.services.rabbitmq import RabbitMQ
from tests.processes import ROOT, Sandbox

QUEUES = ("extraction", "transform", "embedding", "control")
# Small, but of several pages, and slow enough that a fault comes while the run works.
DATA = {"issues": 120, "prs": 40, "latency_ms": 60}
WORKERS = ("alpha", "beta")
# Sets the clock of a process (Debian's package libfaketime).
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


class Testbed:
    """The services and processes of one slot.

    Two workers of one process each, so that one can take over from the other; a scheduler and a web process. The code
    that ends a process for a fault also starts it again.
    """

    def __init__(self, folder: Path, broker: str) -> None:
        self.folder = folder.resolve()
        self.stack = self.folder / "stack"
        self.services = EmbeddedServices(self.stack, is_durable=True)
        self.rabbitmq = RabbitMQ(self.stack) if broker == "rabbitmq" else None
        self.environment = {
            **os.environ,
            **self.services.env,
            "DJANGO_SETTINGS_MODULE": "etlproject.settings.test",
            "SECRET_KEY": "the chaos suite signs nothing that anybody keeps",
            "ENCRYPTION_KEY": Fernet.generate_key().decode(),
            "ALLOWED_HOSTS": "127.0.0.1,localhost",
            "ALLOW_PRIVATE_NETWORKS": "true",
            "LOG_LEVEL": "INFO",
            "REMAP_SIGTERM": "SIGQUIT",
        }
        if self.rabbitmq:
            self.environment["CELERY_BROKER_URL"] = self.rabbitmq.url()
        self.sandbox = Sandbox(self.folder, **DATA)
        self.workers = {name: self.new_worker(name) for name in WORKERS}
        self.scheduler = self.new_scheduler("scheduler")
        port = free_port()
        daphne = ["-m", "daphne", "-b", "127.0.0.1", "-p", str(port), "etlproject.asgi:application"]
        self.extra: list[Program] = []
        self.web = Program("web", self.stack, daphne, self.environment, port=port, health="/healthz")

    @property
    def backing(self) -> list[Service]:
        """The services, in the order of their start."""
        return [*self.services.all, *([self.rabbitmq] if self.rabbitmq else [])]

    @property
    def programs(self) -> list[Program]:
        """The product's processes."""
        return [*self.workers.values(), self.scheduler, self.web]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Start everything, make the tables, set Django up in this process; stop everything afterwards."""
        with ExitStack() as stack:
            for service in self.backing:
                stack.callback(service.stop)
                service.launch()
            for service in self.backing:
                service.wait_ready()
            self._prepare()
            stack.enter_context(self.sandbox)
            stack.callback(self._end_extra)
            for program in self.programs:
                stack.callback(program.kill)
                program.launch()
            for program in self.programs:
                program.wait_ready()
            yield

    def new_scheduler(self, name: str, **extra: str) -> Program:
        """A scheduler, not started yet; ``extra`` goes into its environment."""
        return Program(name, self.stack, ["manage.py", "scheduler"], {**self.environment, **extra})

    def heal(self) -> None:
        """Start what is down, so that everything runs as in an undisturbed run."""
        self._end_extra()
        down = [one for one in (*self.backing, *self.programs) if not one.is_running]
        for service in down:
            service.launch()
        for service in down:
            service.wait_ready()

    @property
    def logs(self) -> Path:
        """The folder of the logs."""
        return self.stack / "logs"

    def new_worker(self, name: str, **extra: str) -> Program:
        """A worker of one process for all queues, not started yet; ``extra`` goes into its environment."""
        arguments = [
            "-m",
            "celery",
            "-A",
            "etlproject",
            "worker",
            "-Q",
            ",".join(QUEUES),
            "-c",
            "1",
            "-n",
            f"{name}@%h",
        ]
        arguments += ["-l", "INFO", "--without-mingle", "--without-gossip"]
        return Program(f"worker-{name}", self.stack, arguments, {**self.environment, **extra}, ready_text=" ready.")

    def _end_extra(self) -> None:
        for program in self.extra:
            program.kill()
        self.extra = []

    def _prepare(self) -> None:
        os.environ.update(self.environment)
        environment = {**self.environment, "DJANGO_SETTINGS_MODULE": "etlproject.settings.owner"}
        migrate = [sys.executable, "manage.py", "migrate", "--noinput", "--verbosity=0"]
        subprocess.run(migrate, cwd=ROOT, env=environment, check=True)
        import django

        django.setup()
