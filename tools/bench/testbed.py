"""On what does the bench run? On its own durable services, with a fresh database per run and warm workers."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import django
import psutil
import psycopg
from cryptography.fernet import Fernet
from psycopg import sql
from redis import Redis

from apps.stack.services.embedded import EmbeddedServices
from apps.stack.services.postgres import Postgres
from apps.stack.services.postgres_roles import APP, OWNER
from tests.processes import ROOT, Process, scheduler, until, worker

TEMPLATE = "bench_template"
# Modules that the bench adds to a worker.
ADDED_MODULES = "tools.bench.noop,tools.bench.progress_cost"


class Testbed:
    """The running services, with fresh databases and warm workers on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.services = EmbeddedServices(folder / "stack", is_durable=True)
        self._numbers = count(1)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Start the services, make the product's tables in a template database, set Django up in this process."""
        with self.services:
            os.environ.update(self.services.env)
            os.environ.update(
                DJANGO_SETTINGS_MODULE="etlproject.settings.test",
                SECRET_KEY="the bench signs nothing that anybody keeps",
                ENCRYPTION_KEY=Fernet.generate_key().decode(),
                ALLOW_PRIVATE_NETWORKS="true",
                LOG_LEVEL="INFO",
            )
            self._create(TEMPLATE)
            self._migrate()
            django.setup()
            yield

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """Make a fresh database and give its name. Nothing of earlier runs remains to be written to the disk."""
        name = f"bench_{next(self._numbers)}"
        self._create(name, template)
        with psycopg.connect(self.postgres.url("postgres", name), autocommit=True) as connection:
            connection.execute("CHECKPOINT")
        try:
            yield name
        finally:
            self._execute("DROP DATABASE {name} WITH (FORCE)", name)

    @contextmanager
    def product(self) -> Iterator[None]:
        """The product's tables in a fresh database, which this process uses too."""
        from django.db import connection

        with self.database(TEMPLATE) as name:
            os.environ["DATABASE_URL"] = self.postgres.url(APP, name)
            connection.close()
            connection.settings_dict["NAME"] = name
            for variable in ("REDIS_URL", "CELERY_BROKER_URL"):
                Redis.from_url(os.environ[variable]).flushdb()
            try:
                yield
            finally:
                connection.close()

    @contextmanager
    def workers(self, *queues: str) -> Iterator[dict[str, list[int]]]:
        """Start the scheduler and, per list of queues, a warm worker of two processes; give the pids by group."""
        number = next(self._numbers)
        made = [worker(self.folder, names, f"worker-{number}-{place}") for place, names in enumerate(queues)]
        with ExitStack() as stack:
            beside = stack.enter_context(scheduler(self.folder))
            for process in made:
                process.arguments += ["--loglevel", "INFO", "--include", ADDED_MODULES]
                stack.enter_context(process)
            for process in made:
                until(partial(_is_ready, process), f"a worker (see {process.log})")
            # Its first tick connects to the database.
            until(psutil.Process(beside.pid).net_connections, f"the scheduler (see {beside.log})")
            yield {"workers": [process.pid for process in made], "scheduler": [beside.pid]} | self.service_pids()

    def service_pids(self) -> dict[str, list[int]]:
        """The services' processes by name."""
        return {service.name: [service.pid] for service in self.services.all if service.pid}

    @property
    def postgres(self) -> Postgres:
        """The database server."""
        assert self.services.postgres
        return self.services.postgres

    def owner_url(self, database: str) -> str:
        """The address of a database for a role that may make tables."""
        return self.postgres.url(OWNER, database)

    def server_version(self) -> str:
        """The version of PostgreSQL."""
        with psycopg.connect(self.postgres.url(OWNER)) as connection:
            (version,) = connection.execute("SHOW server_version").fetchone() or ("",)
        return str(version)

    def _create(self, name: str, template: str = "template1") -> None:
        self._execute("CREATE DATABASE {name} OWNER {owner} TEMPLATE {template}", name, template)

    def _execute(self, statement: str, name: str, template: str = "") -> None:
        names = {"name": name, "template": template, "owner": OWNER}
        parts = {key: sql.Identifier(value) for key, value in names.items()}
        with psycopg.connect(self.postgres.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(**parts))

    def _migrate(self) -> None:
        owner = urlsplit(self.postgres.url(OWNER))._replace(path=f"/{TEMPLATE}").geturl()
        environment = {**os.environ, "DATABASE_OWNER_URL": owner, "DJANGO_SETTINGS_MODULE": "etlproject.settings.owner"}
        migrate = [sys.executable, "manage.py", "migrate", "--noinput", "--verbosity=0"]
        subprocess.run(migrate, cwd=ROOT, env=environment, check=True)


def _is_ready(process: Process) -> bool:
    return process.log.exists() and b" ready." in process.log.read_bytes()
