"""What does the environment say? The only place that reads it.

A missing or bad value stops the start with a sentence that names it. Where ``DATABASE_URL`` is not in the environment,
the file that the embedded stack writes (``var/stack/env``) stands in, so that commands in a second terminal just work.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parents[2]
STACK_ENV_FILE = BASE_DIR / "var" / "stack" / "env"


def read_env_file(path: Path) -> dict[str, str]:
    """``KEY=VALUE`` lines of ``path``; blank lines and ``#`` comments are skipped, no file gives nothing."""
    if not path.is_file():
        return {}
    pairs = (
        line.split("=", 1)
        for line in path.read_text(encoding="utf-8").splitlines()
        if "=" in line and not line.lstrip().startswith("#")
    )
    return {key.strip(): value.strip() for key, value in pairs}


class Env:
    """Typed readers over one mapping of names to texts."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    @classmethod
    def load(cls) -> "Env":
        """The process's environment, else what the embedded stack has written."""
        if os.environ.get("DATABASE_URL"):
            return cls(os.environ)
        return cls({**read_env_file(STACK_ENV_FILE), **os.environ})

    def text(self, name: str, default: str | None = None) -> str:
        """The value of ``name``; without a default it must be there."""
        value = self._values.get(name, "").strip() or default
        if value is None:
            raise ImproperlyConfigured(
                f"{name} is not set. Set it in the environment (see .env.example), or run `make up` for the embedded "
                "stack."
            )
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        """``true/false``, ``1/0``, ``yes/no`` or ``on/off``."""
        value = self.text(name, str(default)).lower()
        if value in {"true", "1", "yes", "on"}:
            return True
        if value in {"false", "0", "no", "off"}:
            return False
        raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}.")

    def number(self, name: str, default: int, *, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``."""
        value = self.text(name, str(default))
        if not value.isdecimal() or not low <= int(value) <= high:
            raise ImproperlyConfigured(f"{name} must be a whole number from {low} to {high}, not {value!r}.")
        return int(value)

    def words(self, name: str, default: str = "") -> list[str]:
        """A comma-separated list."""
        return [word.strip() for word in self.text(name, default).split(",") if word.strip()]

    def choice(self, name: str, default: str, choices: frozenset[str]) -> str:
        """One of ``choices``."""
        value = self.text(name, default)
        if value not in choices:
            raise ImproperlyConfigured(f"{name} must be one of {', '.join(sorted(choices))}, not {value!r}.")
        return value

    def url(self, name: str, schemes: frozenset[str], default: str | None = None) -> str:
        """A URL of one of ``schemes`` with a host or a path. No message shows the value: it may hold a password."""
        value = self.text(name, default)
        parts = urlsplit(value)
        if parts.scheme not in schemes or not (parts.hostname or parts.path):
            raise ImproperlyConfigured(f"{name} must be a URL that begins with {' or '.join(sorted(schemes))}://.")
        return value

    def time_zone(self, name: str, default: str) -> str:
        """The name of a time zone, such as ``Europe/Berlin``."""
        value = self.text(name, default)
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ImproperlyConfigured(f"{name} must name a time zone such as Europe/Berlin, not {value!r}.") from error
        return value

    def fernet_keys(self, name: str) -> list[str]:
        """Fernet keys, the newest first. The message never shows a key."""
        keys = self.words(name, self.text(name))
        for position, key in enumerate(keys, 1):
            try:
                Fernet(key)
            except ValueError as error:
                raise ImproperlyConfigured(
                    f"{name}: key {position} of {len(keys)} is not a Fernet key (32 bytes, URL-safe base64). "
                    "Make one with `python -c 'from cryptography.fernet import Fernet; "
                    "print(Fernet.generate_key().decode())'`."
                ) from error
        return keys


def database(url: str) -> dict[str, object]:
    """Django's settings for a ``postgresql://user:password@host:port/name`` URL."""
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


def mail_server(url: str) -> tuple[str, int, str, str, bool, bool]:
    """Host, port, user, password, STARTTLS and TLS of ``smtp://``, ``smtp+tls://`` or ``smtps://user:password@host``."""
    parts = urlsplit(url)
    port = parts.port or {"smtps": 465, "smtp+tls": 587}.get(parts.scheme, 25)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return parts.hostname or "", port, user, password, parts.scheme == "smtp+tls", parts.scheme == "smtps"
