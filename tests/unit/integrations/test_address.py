"""Is every address in the operator's own network refused, in every notation?"""

import socket
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from apps.integrations.address import check_base_url


@pytest.fixture
def public_only(settings: Any) -> None:
    settings.ALLOW_PRIVATE_NETWORKS = False


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The answers of the name server: addresses by name."""
    known: dict[str, str] = {}
    ask = socket.getaddrinfo

    def answer(host: str, *args: Any, **options: Any) -> Any:
        if host in known:
            return ask(known[host], *args, **options)
        if host.endswith(".example"):
            raise socket.gaierror("unknown")
        return ask(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return known


@pytest.mark.usefixtures("public_only")
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "198.18.0.1",
        "192.0.2.1",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "[::]",
        "[::1]",
        "[fe80::1]",
        "[fc00::1]",
        "[fd12:3456::1]",
        "[ff02::1]",
        "[2001:db8::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::ffff:10.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:7f00:1::]",
        "[2002:a00:1::1]",
        "localhost",
    ],
)
def test_a_private_address_is_refused_and_the_setting_named(host: str) -> None:
    with pytest.raises(ValidationError, match=r"private or reserved network.*ALLOW_PRIVATE_NETWORKS"):
        check_base_url(f"https://{host}/api")


@pytest.mark.usefixtures("public_only")
@pytest.mark.parametrize(
    "host", ["140.82.112.5", "[2606:50c0:8000::153]", "[64:ff9b::8c52:7005]", "[2002:8c52:7005::1]"]
)
def test_a_public_address_is_accepted(host: str) -> None:
    check_base_url(f"https://{host}")


@pytest.mark.usefixtures("public_only")
def test_a_public_name_with_a_private_address_is_refused(names: dict[str, str]) -> None:
    names["jira.example"] = "140.82.112.5"
    check_base_url("https://jira.example")
    names["jira.example"] = "10.0.0.7"
    with pytest.raises(ValidationError, match=r"jira\.example is 10\.0\.0\.7"):
        check_base_url("https://jira.example")


@pytest.mark.usefixtures("public_only", "names")
def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"nowhere\.example is not known"):
        check_base_url("https://nowhere.example")


@pytest.mark.usefixtures("public_only")
def test_a_connection_without_tls_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"https://.*ALLOW_PRIVATE_NETWORKS"):
        check_base_url("http://140.82.112.5")


def test_an_operator_may_allow_private_networks(settings: Any) -> None:
    settings.ALLOW_PRIVATE_NETWORKS = True
    check_base_url("http://127.0.0.1:8080/jira")
    check_base_url("http://sandbox:8080")


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "must look like"),
        ("api.github.com", "must look like"),
        ("ftp://api.github.com", "must look like"),
        ("file:///etc/passwd", "must look like"),
        ("https://", "must look like"),
        ("https://api github.com", "must look like"),
        ("https://api.github.com\n", "must look like"),
        ("https://me:secret@api.github.com", "user name or password"),
        ("https://api.github.com@127.0.0.1", "user name or password"),
        ("https://api.github.com/?token=x", "before any"),
        ("https://api.github.com/#x", "before any"),
        ("https://api.github.com:99999", "not valid"),
        ("https://[::1", "not valid"),
    ],
)
def test_a_wrong_base_url_is_refused_with_a_sentence(url: str, sentence: str, settings: Any) -> None:
    settings.ALLOW_PRIVATE_NETWORKS = True
    with pytest.raises(ValidationError, match=sentence) as refusal:
        check_base_url(url)
    assert "secret" not in str(refusal.value)
