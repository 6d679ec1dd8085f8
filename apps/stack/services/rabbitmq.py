"""How does a RabbitMQ run for tests, where the system has one?

It is the server of Debian's package, started without systemd. It has its own ports, data and ``epmd`` (Erlang's name
server), so it can run beside another RabbitMQ.
"""

import os
import secrets
import signal
import socket
import subprocess
from pathlib import Path

from apps.stack.files import kept_secret, private_folder, write_private
from apps.stack.guardian import marks
from apps.stack.ports import free_port
from apps.stack.services.base import Service, StackError

_INSTALLED = Path("/usr/lib/rabbitmq/lib")
_EPMD = Path("/usr/bin/epmd")
_SETTINGS = """\
listeners.tcp.1 = 127.0.0.1:{port}
default_user = etl
default_pass = {password}
disk_free_limit.absolute = 50MB
log.file = false
log.console = true
"""


def find_server() -> Path | None:
    """The newest installed ``rabbitmq-server`` script; None when there is none."""
    scripts = sorted(_INSTALLED.glob("rabbitmq_server-*/sbin/rabbitmq-server"))
    return scripts[-1] if scripts and _EPMD.is_file() else None


def available() -> str | None:
    """None when RabbitMQ can be started, otherwise the reason why not."""
    return None if find_server() else "RabbitMQ is not installed (Debian: apt-get install rabbitmq-server)"


class RabbitMQ(Service):
    """A RabbitMQ node on 127.0.0.1. Durable queues and messages survive a restart."""

    ready_limit = 60.0
    stop_limit = 20.0

    def __init__(self, data: Path, *, port: int | None = None) -> None:
        super().__init__("rabbitmq", data.resolve(), free_port(port))
        self._folder = private_folder(data.resolve() / "rabbitmq")
        self._distribution_port, self._epmd_port = free_port(), free_port()
        self._password = kept_secret(private_folder(data / "secrets") / "rabbitmq", lambda: secrets.token_urlsafe(32))
        self._epmd: subprocess.Popen[bytes] | None = None

    def url(self) -> str:
        """The address for ``CELERY_BROKER_URL``; keep it out of logs."""
        return f"amqp://etl:{self._password}@127.0.0.1:{self.port}//"

    def environment(self) -> dict[str, str]:
        """Variables that would otherwise point to the system's own node."""
        folder = str(self._folder)
        loopback = "-kernel inet_dist_use_interface {127,0,0,1}"
        return {
            "PATH": os.defpath,
            "LC_ALL": "C.UTF-8",
            "HOME": folder,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "RABBITMQ_NODENAME": f"etl{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
            "RABBITMQ_MNESIA_BASE": f"{folder}/mnesia",
            "RABBITMQ_LOG_BASE": folder,
            "RABBITMQ_PID_FILE": f"{folder}/node.pid",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": loopback,
        }

    def prepare(self) -> None:
        """Write the settings and start a name server as our child; the node would start one that outlives it."""
        if reason := available():
            raise StackError(reason)
        write_private(self._folder / "rabbitmq.conf", _SETTINGS.format(port=self.port, password=self._password))
        write_private(self._folder / "enabled_plugins", "[].\n")
        self._stop_epmd()
        self._epmd = subprocess.Popen(  # noqa: S603 - the system's own program
            [str(_EPMD), "-port", str(self._epmd_port), "-address", "127.0.0.1"],
            env={**self.environment(), **marks()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def command(self) -> list[str]:
        """The script of this version of the server; the script on PATH requires the system's user."""
        return [str(find_server())]

    def is_ready(self) -> bool:
        """Whether it answers a client of its protocol; RabbitMQ opens its port at the end of its start."""
        try:
            with socket.create_connection(("127.0.0.1", self.port or 0), timeout=2) as connection:
                connection.sendall(b"AMQP\x00\x00\x09\x01")
                return connection.recv(1) == b"\x01"  # the frame connection.start
        except OSError:
            return False

    def ask_to_stop(self) -> None:
        """Signal the whole group: the node is a child of a script that does not pass signals on."""
        if self._process and self.is_running:
            os.killpg(self._process.pid, signal.SIGTERM)

    def kill(self) -> None:
        """Kill the node and its name server."""
        super().kill()
        self._stop_epmd()

    def _stop_epmd(self) -> None:
        if self._epmd:
            self._epmd.kill()
            self._epmd.wait()
            self._epmd = None
