"""What do the cells run on? Services, sandboxes (before, after edits, after deletions) and the proxy."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from cryptography.fernet import Fernet
from psycopg import sql

from apps.stack.services.embedded import EmbeddedServices
from apps.stack.services.postgres_roles import APP, OWNER
from tests.processes import ROOT, Sandbox
from tools.holes.proxy import Proxy
from tools.holes.scenarios import DELETED, DELETIONS, EDITED, EDITS

# As small as the sandbox allows; the proxy makes pages small, so that every list has several.
DATA = {"issues": 20, "prs": 20}
# The load was two days ago, the changes were yesterday: no overlap of two runs hides that something was not asked for.
LOADED_HOURS_AGO, CHANGED_HOURS_AGO = 48, 24
CHANGED_SHARE = 0.6


class Testbed:
    """The services and servers of one process."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder.resolve(), seed
        self.services = EmbeddedServices(self.folder / "stack", is_durable=False)
        self.proxy = Proxy()
        self._sandboxes: dict[tuple[str, str], Sandbox] = {}
        self._running = ExitStack()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Start everything, make the tables, set Django up in this process; stop everything afterwards."""
        with ExitStack() as stack:
            stack.enter_context(self.services)
            self._let_log_in_quickly()
            self._prepare()
            stack.enter_context(self._running)
            stack.enter_context(self.proxy.running())
            yield

    def sandbox(self, world: str, provider: str) -> Sandbox:
        """The running sandbox of a world, started when it is needed first. A provider's edits are its own."""
        place = world, provider
        if place not in self._sandboxes:
            sandbox = self._running.enter_context(Sandbox(_new(self.folder / "-".join(place)), **DATA))
            if world in (EDITED, DELETED):
                change(sandbox, [*EDITS[provider]], self.seed)
            if world == DELETED:
                change(sandbox, [*DELETIONS[provider]], self.seed, share=0.3)
            self._sandboxes[place] = sandbox
        return self._sandboxes[place]

    def _let_log_in_quickly(self) -> None:
        """Each batch has a connection of its own, and thousands of runs have hundreds of thousands of batches."""
        postgres = self.services.postgres
        assert postgres
        with psycopg.connect(postgres.url("postgres"), autocommit=True) as superuser:
            superuser.execute("SET scram_iterations = 1")
            for role in (APP, OWNER):
                password = sql.Literal(urlsplit(postgres.url(role)).password)
                superuser.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), password))

    def _prepare(self) -> None:
        os.environ.update(
            self.services.env
            | {
                "DJANGO_SETTINGS_MODULE": "etlproject.settings.test",
                "SECRET_KEY": "the hole test signs nothing that anybody keeps",
                "ENCRYPTION_KEY": Fernet.generate_key().decode(),
                "ALLOWED_HOSTS": "127.0.0.1,localhost",
                "ALLOW_PRIVATE_NETWORKS": "true",
                "LOG_LEVEL": "ERROR",
            }
        )
        environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "etlproject.settings.owner"}
        migrate = [sys.executable, "manage.py", "migrate", "--noinput", "--verbosity=0"]
        subprocess.run(migrate, cwd=ROOT, env=environment, check=True)
        import django

        django.setup()


def change(sandbox: Sandbox, kinds: list[str], seed: int, share: float = CHANGED_SHARE) -> None:
    """Let people change the sandbox some hours ago, by the provider's clock."""
    sandbox.control("clock", {"minutes": -60 * CHANGED_HOURS_AGO})
    sandbox.control("mutate", {"seed": seed, "share": share, "kinds": kinds})
    sandbox.control("clock", {"minutes": 0})


def _new(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
