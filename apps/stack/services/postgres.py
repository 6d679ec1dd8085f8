"""How does the embedded PostgreSQL run?"""

import os
import secrets
import shutil
import signal
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg

from apps.stack.files import kept_secret, private_folder, write_private
from apps.stack.ports import free_port
from apps.stack.services import postgres_binaries
from apps.stack.services.accounts import folder_for, run_as, unprivileged
from apps.stack.services.base import Service, StackError
from apps.stack.services.postgres_roles import APP, DATABASE, OWNER, ensure_roles

_SUPERUSER = "postgres"

# For a small machine (2 cores, 2 to 4 GB) that also runs the rest of the product.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "max_parallel_workers_per_gather": "1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# Tests need no durable data.
_NOT_DURABLE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
}
_LZ4 = {"default_toast_compression": "lz4"}


class Postgres(Service):
    """PostgreSQL with one database and the roles of ``postgres_roles``, which log in with passwords (SCRAM)."""

    stop_signal = signal.SIGINT  # "fast": SIGTERM would wait for all clients to leave
    port: int

    def __init__(self, data: Path, *, port: int | None = None, is_durable: bool = True) -> None:
        super().__init__("postgresql", data, free_port(port))
        self.user = unprivileged()
        self._is_durable = is_durable
        self._folder = data / "postgresql"
        vault = private_folder(data / "secrets")
        self._passwords = {
            role: kept_secret(vault / role, lambda: secrets.token_urlsafe(32)) for role in (_SUPERUSER, OWNER, APP)
        }
        self._binaries: postgres_binaries.Binaries
        self._settings: dict[str, str] = {}

    def url(self, role: str = APP, database: str = DATABASE) -> str:
        """The address with the password of ``role`` (etl_app, etl_owner or postgres); keep it out of logs."""
        return f"postgresql://{role}:{self._passwords[role]}@127.0.0.1:{self.port}/{database}"

    @property
    def _cluster(self) -> Path:
        return self._folder / "cluster"

    def prepare(self) -> None:
        """Make the cluster at the first start, and clear the remains of a killed server at each start."""
        self._folder = folder_for(self.user, self._folder)
        self._binaries = postgres_binaries.find(self._cluster, self._folder, self.user)
        if not self._cluster.is_dir():
            self._create_cluster()
        self._clear_leftovers()
        if not self._settings:
            self._settings = _SETTINGS | ({} if self._is_durable else _NOT_DURABLE) | (_LZ4 if self.has_lz4() else {})

    def _program(self, name: str) -> str:
        return str(self._binaries.folder / name)

    def has_lz4(self) -> bool:
        """Whether these binaries can compress long values with lz4; the embedded ones cannot."""
        (setting,) = (f"{name}={value}" for name, value in _LZ4.items())
        return (
            run_as(
                self.user, [self._program("postgres"), "-D", str(self._cluster), "-c", setting, "-C", "port"]
            ).returncode
            == 0
        )

    def _create_cluster(self) -> None:
        """Run ``initdb`` in a folder that gets its final name only when it is complete."""
        unfinished = self._folder / "cluster.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        password_file = self._folder / "password"
        write_private(password_file, self._passwords[_SUPERUSER])
        if self.user:
            os.chown(password_file, self.user.pw_uid, self.user.pw_gid)
        built_in = self._binaries.major >= 17
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if built_in else ["--locale=C.UTF-8"]
        try:
            made = run_as(
                self.user,
                [
                    *(
                        self._program("initdb"),
                        "-D",
                        str(unfinished),
                        "-U",
                        _SUPERUSER,
                        f"--pwfile={password_file}",
                    ),
                    *("--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions", *locale),
                    *([] if self._is_durable else ["--no-sync"]),
                ],
            )
        finally:
            password_file.unlink()
        if made.returncode:
            raise StackError(f"initdb could not make a database in {self._folder}:\n{made.stderr.strip()}")
        unfinished.rename(self._cluster)

    def _clear_leftovers(self) -> None:
        """End the sessions that outlive a killed server, because they hold memory that the next server needs."""
        lock = self._cluster / "postmaster.pid"
        if not lock.exists():
            return
        left = [process for process in psutil.process_iter() if _is_running_in(process, self._cluster)]
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGQUIT)
        _, alive = psutil.wait_procs(left, timeout=self.stop_limit)
        for process in alive:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        lock.unlink(missing_ok=True)

    def command(self) -> list[str]:
        """The server, with its settings as arguments; the cluster's files stay as ``initdb`` made them."""
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        return [self._program("postgres"), "-D", str(self._cluster), "-p", str(self.port), *options]

    def is_ready(self) -> bool:
        """Whether it accepts connections; then the roles and the database are made."""
        try:
            with psycopg.connect(self.url(_SUPERUSER, "template1"), autocommit=True, connect_timeout=2) as connection:
                ensure_roles(connection, self._passwords)
        except psycopg.OperationalError:
            return False
        return True


def _is_running_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return bool(process.cwd() == str(folder))
    except psutil.Error:
        return False
