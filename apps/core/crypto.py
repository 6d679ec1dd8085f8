"""How are secrets stored? They are encrypted with Fernet keys that can be rotated, and never shown again."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models


class Secret:
    """A text that is hidden from ``repr``, ``str`` and logs. Only :meth:`reveal` returns it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "Secret(…)" if self._value else "Secret()"

    __str__ = __repr__


class UndecryptableSecretError(Exception):
    """A stored secret that no key in ``ENCRYPTION_KEY`` can decrypt."""


@lru_cache(maxsize=4)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def cipher() -> MultiFernet:
    """The cipher. It encrypts with the first key of ``ENCRYPTION_KEY`` and decrypts with any of them."""
    return _cipher(tuple(settings.ENCRYPTION_KEYS))


if TYPE_CHECKING:
    SecretColumn = models.BinaryField[Secret, Secret]
else:
    SecretColumn = models.BinaryField


class EncryptedField(SecretColumn):
    """A column that stores a :class:`Secret` encrypted. An empty secret is stored as empty bytes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("default", Secret(""))
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        """Leave the default out of migrations, because it is always the empty secret."""
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("default", None)
        return name, path, args, kwargs

    def get_prep_value(self, value: Any) -> Any:
        """Encrypt."""
        if not isinstance(value, Secret):
            raise TypeError(f"{self.name} expects a Secret, not {type(value).__name__}.")
        return cipher().encrypt(value.reveal().encode()) if value else b""

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """The bytes for the driver."""
        return connection.Database.Binary(value if prepared else self.get_prep_value(value))

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Secret:
        """Decrypt."""
        stored = bytes(value or b"")
        if not stored:
            return Secret("")
        try:
            return Secret(cipher().decrypt(stored).decode())
        except InvalidToken as error:
            raise UndecryptableSecretError(
                "A stored credential cannot be decrypted: add the key it was encrypted with to ENCRYPTION_KEY "
                "(comma-separated, newest first)."
            ) from error
