"""Which environment variables do the processes of the product get, and how do commands in other terminals find them?"""

import secrets
from collections.abc import Mapping
from pathlib import Path

from cryptography.fernet import Fernet

from apps.stack.files import kept_secret, private_folder, write_private

# Embedded service → the user's variable that replaces it.
PROVIDED_BY = {"postgresql": "DATABASE_URL", "valkey": "REDIS_URL", "qdrant": "QDRANT_URL"}


def provided(user: Mapping[str, str]) -> frozenset[str]:
    """The embedded services that the user's environment replaces by other servers."""
    return frozenset(service for service, variable in PROVIDED_BY.items() if user.get(variable))


def product_environment(
    data: Path, services: Mapping[str, str], web_port: int, flower_port: int, user: Mapping[str, str]
) -> dict[str, str]:
    """All variables that the product needs; the values of ``user`` win. Secrets are stored in ``data``."""
    vault = private_folder(data / "secrets")
    origins = [f"http://{host}:{web_port}" for host in ("127.0.0.1", "localhost")]
    ours = {
        **services,
        "SECRET_KEY": kept_secret(vault / "secret-key", lambda: secrets.token_urlsafe(64)),
        "ENCRYPTION_KEY": kept_secret(vault / "encryption-key", lambda: Fernet.generate_key().decode()),
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "CSRF_TRUSTED_ORIGINS": ",".join(origins),
        "DEBUG": "false",
        # The servers that the user connects may be on the same machine, as the sandbox is.
        "ALLOW_PRIVATE_NETWORKS": "true",
        "DASHBOARD_URL": f"{origins[0]}/",
        "FLOWER_URL": f"http://127.0.0.1:{flower_port}/",
        "STATIC_ROOT": str(data / "static"),
    }
    names = {*ours, *PROVIDED_BY.values(), "DATABASE_OWNER_URL", "CELERY_BROKER_URL", "QDRANT_API_KEY"}
    return ours | {name: user[name] for name in names if user.get(name)}


def flower_password(data: Path) -> str:
    """The password of Flower's user ``flower``."""
    return kept_secret(private_folder(data / "secrets") / "flower", lambda: secrets.token_urlsafe(24))


def write_env_file(data: Path, environment: Mapping[str, str]) -> None:
    """Write ``<data>/env``: one KEY=VALUE a line, readable by its owner only (0600)."""
    lines = "".join(f"{name}={value}\n" for name, value in sorted(environment.items()))
    write_private(data / "env", f"# Written by `manage.py stack up`; holds secrets.\n{lines}")
