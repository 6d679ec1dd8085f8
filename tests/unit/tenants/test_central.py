"""Is only a clear yes of the central auth service accepted?"""

import pytest

from apps.tenants.central import CentralAuthError, username_in


def test_a_clear_yes_names_the_user() -> None:
    assert username_in(b'{"valid": true, "user": {"username": "ada"}}') == "ada"


def test_a_clear_no_names_nobody() -> None:
    assert username_in(b'{"valid": false, "user": {"username": "ada"}}') == ""


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>log in</html>",
        b"[]",
        b"null",
        b'"yes"',
        b'{"user": {"username": "ada"}}',
        b'{"valid": "true", "user": {"username": "ada"}}',
        b'{"valid": 1, "user": {"username": "ada"}}',
        b'{"valid": true}',
        b'{"valid": true, "user": "ada"}',
        b'{"valid": true, "user": {"username": null}}',
        b'{"valid": true, "user": {"username": ["ada"]}}',
        b'{"valid": true, "user": {"username": ""}}',
        b'{"valid": true, "user": {"username": "a\\u0000da"}}',
        b'{"valid": true, "user": {"username": "\\ud800"}}',
        b"[" * 100_000,
        b"\xff\xfe\x00",
    ],
)
def test_any_other_answer_is_an_error(body: bytes) -> None:
    with pytest.raises(CentralAuthError):
        username_in(body)
