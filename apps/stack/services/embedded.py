"""How do the embedded services start together, and which variables tell the product their addresses?"""

from collections.abc import Mapping, Set
from pathlib import Path
from typing import Self

from apps.stack.services.base import Service
from apps.stack.services.postgres import Postgres
from apps.stack.services.postgres_roles import OWNER
from apps.stack.services.qdrant import Qdrant
from apps.stack.services.valkey import Valkey


class EmbeddedServices:
    """PostgreSQL, Valkey and the Qdrant gateway: three processes, all data in one folder.

    ``is_durable=False`` is for tests: nothing is forced to the disk. ``ports`` (service name → port) are used when they
    are free. ``without`` names services that the user provides; their attribute is None.

    The ``start()`` of a service starts it again on its old port after it was killed.
    """

    def __init__(
        self,
        data: Path,
        *,
        is_durable: bool = True,
        ports: Mapping[str, int] | None = None,
        without: Set[str] = frozenset(),
    ) -> None:
        data = data.resolve()
        data.mkdir(parents=True, exist_ok=True)
        preferred = ports or {}
        self.postgres = (
            None if "postgresql" in without else Postgres(data, port=preferred.get("postgresql"), is_durable=is_durable)
        )
        self.valkey = None if "valkey" in without else Valkey(data, port=preferred.get("valkey"), is_durable=is_durable)
        self.qdrant = None if "qdrant" in without else Qdrant(data, port=preferred.get("qdrant"))

    @property
    def all(self) -> list[Service]:
        """The services in the order of their start."""
        return [service for service in (self.postgres, self.valkey, self.qdrant) if service]

    @property
    def env(self) -> dict[str, str]:
        """The environment variables with the addresses of the services; they contain passwords."""
        env: dict[str, str] = {}
        if self.postgres:
            env |= {"DATABASE_URL": self.postgres.url(), "DATABASE_OWNER_URL": self.postgres.url(OWNER)}
        if self.valkey:
            env |= {"REDIS_URL": self.valkey.url(0), "CELERY_BROKER_URL": self.valkey.url(1)}
        if self.qdrant:
            env |= {"QDRANT_URL": self.qdrant.url, "QDRANT_API_KEY": self.qdrant.api_key}
        return env

    def start(self) -> Self:
        """Start all side by side and wait until all are ready; when one fails, stop all and raise."""
        try:
            for service in reversed(self.all):  # PostgreSQL prepares longest, so the others start before it
                service.launch()
            for service in self.all:
                service.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop all, side by side."""
        for service in reversed(self.all):
            service.ask_to_stop()
        for service in reversed(self.all):
            service.wait_stopped()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()
