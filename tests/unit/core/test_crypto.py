"""Does a secret stay secret, in the database and in every text?"""

import json
import logging
from typing import Any

import pytest
from cryptography.fernet import Fernet

from apps.core.crypto import EncryptedField, Secret, UndecryptableSecretError

TOKEN = "ghp_a-token-nobody-may-see"


def stored(secret: Secret) -> bytes:
    return bytes(EncryptedField().get_prep_value(secret))


def loaded(value: bytes) -> Secret:
    return EncryptedField().from_db_value(value, None, None)


def test_no_text_shows_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(TOKEN)
    logging.getLogger("test").warning("%s %r", secret, {"token": secret})
    texts = [repr(secret), str(secret), f"{secret}", f"{[secret]}", "%s" % secret, caplog.text]  # noqa: UP031
    assert not any(TOKEN in text for text in texts)


def test_a_secret_cannot_be_serialized_as_json() -> None:
    with pytest.raises(TypeError):
        json.dumps({"token": Secret(TOKEN)})


def test_what_is_stored_is_encrypted_and_comes_back() -> None:
    value = stored(Secret(TOKEN))
    assert TOKEN.encode() not in value
    assert loaded(value).reveal() == TOKEN


def test_an_empty_secret_stays_empty() -> None:
    assert stored(Secret("")) == b""
    assert not loaded(b"")


def test_a_plain_text_is_refused_by_the_column() -> None:
    with pytest.raises(TypeError, match="expects a Secret"):
        EncryptedField().get_prep_value(TOKEN)


def test_a_new_first_key_still_decrypts_old_secrets(settings: Any) -> None:
    value = stored(Secret(TOKEN))
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.ENCRYPTION_KEYS]
    assert loaded(value).reveal() == TOKEN


def test_a_missing_key_is_reported_without_the_secret(settings: Any) -> None:
    value = stored(Secret(TOKEN))
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(UndecryptableSecretError, match=r"add the key .* to ENCRYPTION_KEY"):
        loaded(value)
