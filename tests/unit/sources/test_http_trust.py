"""Does the client send its credentials only to the provider, and connect only to permitted addresses?"""

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.sources import network, transport
from apps.sources.errors import (
    SourceError,
    UnauthorizedError,
    UnreachableError,
    UntrustedError,
)
from apps.sources.network import is_public_host
from apps.sources.transport import refuse_untrusted_target
from tests.unit.sources.conftest import SECRET, Client
from tests.unit.sources.scripted import Say, ScriptedServer

HOME = "127.0.0.1"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_followed_with_method_body_and_credentials_at_the_same_host(
    provider: ScriptedServer, client: Client, status: int
) -> None:
    provider.on("/old", Say(b"", status, {"Location": "/new"}))
    provider.on("/new", lambda seen: Say(seen.json()))
    assert client().post("/old", {"a": 1}).decode(dict[str, int]) == {"a": 1}
    assert "authorization" in provider.seen[1].headers


def test_redirects_and_links_to_another_host_carry_no_credentials(provider: ScriptedServer, client: Client) -> None:
    elsewhere = f"http://localhost:{provider.port}/new"
    provider.on("/old", Say(b"", 302, {"Location": elsewhere}))
    provider.on("/new", Say({}))
    http = client(headers={"Authorization": f"Bearer {SECRET}", "X-Version": "7"})
    http.get("/old")
    http.get(elsewhere)
    for seen in provider.calls("/new"):
        assert "authorization" not in seen.headers
        assert seen.headers["x-version"] == "7"


def test_a_circle_of_redirects_ends(provider: ScriptedServer, client: Client) -> None:
    provider.on("/x", Say(b"", 302, {"Location": "/x"}))
    with pytest.raises(UntrustedError, match="circle"):
        client().get("/x")
    assert len(provider.seen) == 6


@pytest.mark.parametrize("target", ["http://127.0.0.1:6379/", "http://169.254.169.254/latest", "file:///etc/passwd"])
def test_a_public_provider_cannot_redirect_into_a_private_network(target: str) -> None:
    with pytest.raises(UntrustedError):
        refuse_untrusted_target(target, must_be_public=True)


def test_cookies_are_not_kept(provider: ScriptedServer, client: Client) -> None:
    provider.on("/x", Say({}, headers={"Set-Cookie": "session=1; Path=/"}))
    http = client()
    http.get("/x")
    http.get("/x")
    assert "cookie" not in provider.seen[1].headers


def test_no_secret_in_any_error(provider: ScriptedServer, client: Client) -> None:
    provider.on("/x", lambda seen: Say({"message": f"{seen.headers['authorization']} and {SECRET} are wrong"}, 401))
    base = provider.url.replace("//", f"//ada:{SECRET}@")
    for http in (client(), client(base)):
        with pytest.raises(UnauthorizedError) as caught:
            http.get("/x", {"token": SECRET})
        assert SECRET not in str(caught.value)
        assert "•••" in str(caught.value)


def test_an_unknown_name_a_closed_port_and_a_wrong_certificate_have_different_sentences(
    provider: ScriptedServer, client: Client
) -> None:
    with pytest.raises(UnreachableError, match=r"name nowhere\.invalid is not known"):
        client("https://nowhere.invalid", attempts=1).get("/x")
    with pytest.raises(UnreachableError, match="refuses the connection"):
        client("http://127.0.0.1:1", attempts=2).get("/x")
    with pytest.raises(UnreachableError):
        client(f"https://127.0.0.1:{provider.port}", attempts=1).get("/x")
    with pytest.raises(UntrustedError, match="valid web address"):
        client("http://[::1").get("/x")


def test_a_self_signed_certificate_is_named(provider: ScriptedServer, client: Client, tls_port: int) -> None:
    with pytest.raises(UntrustedError, match="certificate"):
        client(f"https://127.0.0.1:{tls_port}").get("/x")


def test_only_public_addresses_are_connected_to_and_only_to_checked_ones(
    provider: ScriptedServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, looks = socket.getaddrinfo, []

    def names(host: str, *rest: Any, **more: Any) -> Any:
        looks.append(host)
        return ask("127.0.0.1" if host == "api.example" else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", names)
    provider.on("/x", Say({}))
    with pytest.raises(UntrustedError, match=r"api\.example is 127\.0\.0\.1, an address in a private"):
        client(f"http://api.example:{provider.port}", must_be_public=True).get("/x")
    assert provider.seen == []
    monkeypatch.setattr(network, "is_public", lambda address: True)
    looks.clear()
    client(f"http://api.example:{provider.port}", must_be_public=True).get("/x")
    assert looks[0] == "api.example"
    assert "api.example" not in looks[1:], "the name is resolved once per connection"
    assert provider.seen[0].headers["host"] == f"api.example:{provider.port}"


def test_a_redirect_of_a_public_provider_is_checked_again_when_it_is_followed(
    provider: ScriptedServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, looks = socket.getaddrinfo, []

    def rebinding(host: str, *rest: Any, **more: Any) -> Any:
        looks.append(host)
        if host == "elsewhere.example":  # public at the first look-up, private at the second
            host = "140.82.112.5" if looks.count(host) == 1 else "127.0.0.1"
        return ask(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(transport, "is_public_host", lambda host, port: is_public_host(host, port) or host == HOME)
    provider.on("/old", Say(b"", 302, {"Location": f"http://elsewhere.example:{provider.port}/new"}))
    with pytest.raises(UntrustedError, match=r"elsewhere\.example is 127\.0\.0\.1"):
        client().get("/old")
    assert [seen.path for seen in provider.seen] == ["/old"]


def test_with_tls_the_certificate_proves_the_name(
    tls_port: int, client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """The connection goes to an address, but the certificate must belong to the host's name."""
    ask = socket.getaddrinfo
    known = ("good.example", "other.example")
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *rest, **more: ask("127.0.0.1" if host in known else host, *rest, **more)
    )
    monkeypatch.setattr(network, "is_public", lambda address: True)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "both.pem"))
    with pytest.raises(UntrustedError, match="certificate"):
        client(f"https://other.example:{tls_port}", must_be_public=True).get("/x")
    with pytest.raises(SourceError, match="501"):  # the server was reached, but knows no GET
        client(f"https://good.example:{tls_port}", must_be_public=True, attempts=1).get("/x")


@pytest.fixture
def tls_port(tmp_path: Any) -> Iterator[int]:
    """A TLS server with a certificate of an unknown authority."""
    from http.server import BaseHTTPRequestHandler, HTTPServer

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path / "both.pem"))
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=True)
    server.handle_error = lambda *args: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


def self_signed(path: Any) -> Any:
    """Write a key and a self-signed certificate to ``path``."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("good.example")]), critical=False)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    return path
