"""How does the embedded vector store run? As a process with the gateway over Qdrant's engine."""

import secrets
import sys
from pathlib import Path

from apps.stack.files import kept_secret, private_folder
from apps.stack.ports import free_port
from apps.stack.services.base import Service, is_http_ok
from etlproject.settings.env import BASE_DIR


class Qdrant(Service):
    """The Qdrant gateway; see ``apps.stack.gateway`` for what it is and is not."""

    working_folder = BASE_DIR
    port: int

    def __init__(self, data: Path, *, port: int | None = None) -> None:
        super().__init__("qdrant", data, free_port(port))
        self._folder = private_folder(data / "qdrant")
        self._key_file = private_folder(data / "secrets") / "qdrant"
        self.api_key = kept_secret(self._key_file, lambda: secrets.token_urlsafe(32))

    @property
    def url(self) -> str:
        """The address for ``QdrantClient(url=...)``."""
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        """The gateway's module."""
        arguments = [
            "--path",
            str(self._folder),
            "--port",
            str(self.port),
            "--api-key-file",
            str(self._key_file),
        ]
        return [sys.executable, "-m", "apps.stack.gateway", *arguments]

    def is_ready(self) -> bool:
        """Whether it answers its health check."""
        return is_http_ok(self.port, "/readyz")
