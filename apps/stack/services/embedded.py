"""How are the embedded services brought up together, and what must the product know to reach them?"""

from collections.abc import Mapping, Set
from pathlib import Path
from typing import Self

from apps.stack.services.base import Service
from apps.stack.services.postgres import Postgres
from apps.stack.services.postgres_roles import OWNER
from apps.stack.services.qdrant import Qdrant
from apps.stack.services.valkey import Valkey


class EmbeddedServices:
    """PostgreSQL, Valkey and the Qdrant gateway, each in a process of its own, all data in one folder.

    ``durable=False`` is for tests: nothing is forced to the disk. ``ports`` (service name to port) are used
    when free. ``without`` names services that somebody else provides; their attribute is None.

    A service that was killed starts again by its own ``start()`` on its old port.
    """

    def __init__(
        self,
        data: Path,
        *,
        durable: bool = True,
        ports: Mapping[str, int] | None = None,
        without: Set[str] = frozenset(),
    ) -> None:
        data = data.resolve()
        data.mkdir(parents=True, exist_ok=True)
        wish = ports or {}
        self.postgres = (
            None if "postgresql" in without else Postgres(data, port=wish.get("postgresql"), durable=durable)
        )
        self.valkey = None if "valkey" in without else Valkey(data, port=wish.get("valkey"), durable=durable)
        self.qdrant = None if "qdrant" in without else Qdrant(data, port=wish.get("qdrant"))

    @property
    def all(self) -> list[Service]:
        """The services in the order of their start."""
        return [service for service in (self.postgres, self.valkey, self.qdrant) if service]

    @property
    def env(self) -> dict[str, str]:
        """The environment variables by which the product finds the services; holds passwords."""
        env: dict[str, str] = {}
        if self.postgres:
            env |= {"DATABASE_URL": self.postgres.url(), "DATABASE_OWNER_URL": self.postgres.url(OWNER)}
        if self.valkey:
            env |= {"REDIS_URL": self.valkey.url(0), "CELERY_BROKER_URL": self.valkey.url(1)}
        if self.qdrant:
            env |= {"QDRANT_URL": self.qdrant.url, "QDRANT_API_KEY": self.qdrant.api_key}
        return env

    def start(self) -> Self:
        """Start all side by side, wait until all are ready; when one fails, stop all and raise."""
        try:
            for service in reversed(self.all):  # PostgreSQL's preparation takes longest: the others start meanwhile
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
