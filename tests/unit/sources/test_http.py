"""Does the client survive what providers do? Every test talks to a real local server with scripted faults."""

import gzip
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from apps.sources import http as http_module
from apps.sources.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    Gone,
    InvalidAnswer,
    NotFound,
    RateLimited,
    ServerTrouble,
    SourceError,
    TooLarge,
    Unauthorized,
    Unreachable,
    Untrusted,
)
from apps.sources.http import Http
from apps.sources.limits import Limit, backoff, limit_of, near_limit, retry_after, seconds_to_reset
from apps.sources.transport import refuse_inner_network
from tests.unit.sources.scripted import Say, ScriptedServer, Seen

SECRET = "s3cr3t-token-value"
HTML = Say(b"<!DOCTYPE html><title>Log in</title>", headers={"Content-Type": "text/html"})

Client = Callable[..., Http]


@pytest.fixture
def client(provider: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """Makes clients of the scripted server that do not wait between tries."""
    monkeypatch.setattr(http_module, "backoff", lambda attempt: 0.0)
    made: list[Http] = []

    def make(base_url: str = provider.url, **options: Any) -> Http:
        made.append(Http(base_url, auth=("ada@example.org", SECRET), **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_sends_credentials_parameters_and_json(provider: ScriptedServer, client: Client) -> None:
    provider.on("/get", Say({"a": 1}))
    provider.on("/post", Say([1, 2]))
    http = client(headers={"X-Version": "7"})
    assert http.get("/get", {"q": "x y"}).decode(dict[str, int]) == {"a": 1}
    assert http.post("post", {"ids": [1]}).decode(list[int]) == [1, 2]
    asked, posted = provider.seen
    assert asked.query == {"q": "x y"}
    assert asked.headers["authorization"].startswith("Basic ")
    assert asked.headers["x-version"] == "7"
    assert posted.json() == {"ids": [1]}
    assert (http.requests, http.bytes) == (2, len(b'{"a": 1}') + len(b"[1, 2]"))


@pytest.mark.parametrize(
    ("status", "message", "error"),
    [
        (400, "The value 'X' does not exist", BadRequest),
        (401, "Bad credentials", Unauthorized),
        (403, "Resource not accessible by integration", Forbidden),
        (404, "Not Found", NotFound),
        (409, "Git Repository is empty.", Conflict),
        (410, "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API.", Gone),
        (410, "Issues are disabled for this repo", NotFound),
        (422, "Only the first 1000 search results are available", BadRequest),
        (451, "Repository access blocked", NotFound),
    ],
)
def test_a_refusal_is_one_error_and_is_not_asked_again(
    provider: ScriptedServer, client: Client, status: int, message: str, error: type[SourceError]
) -> None:
    provider.on("/x", Say({"errorMessages": [message], "errors": {}}, status))
    with pytest.raises(error, match=f"{status}.*{message[:20]}") as caught:
        client().get("/x")
    assert caught.value.status == status
    assert len(provider.seen) == 1


def test_server_trouble_is_tried_again_until_it_works(provider: ScriptedServer, client: Client) -> None:
    provider.on("/x", Say(b"", 502), HTML.__class__(HTML.body, 503, HTML.headers), Say({"ok": True}))
    assert client().get("/x").decode(dict[str, bool]) == {"ok": True}
    assert len(provider.seen) == 3


def test_server_trouble_for_ever_is_told(provider: ScriptedServer, client: Client) -> None:
    provider.on("/x", Say({"message": "Something went wrong"}, 504))
    with pytest.raises(ServerTrouble, match=r"504.*Something went wrong"):
        client(attempts=3).get("/x")
    assert len(provider.seen) == 3
    with pytest.raises(ServerTrouble):
        client().post("/x", {}, attempts=1)
    assert len(provider.seen) == 4


@pytest.mark.parametrize(
    "broken",
    [Say({"a": [1, 2, 3]}, cut=5), Say(b'{"a": [1, 2'), Say(b"", headers={"Content-Encoding": "identity"})],
    ids=["connection cut", "JSON cut", "nothing"],
)
def test_a_broken_body_is_asked_for_again(provider: ScriptedServer, client: Client, broken: Say) -> None:
    provider.on("/x", broken, Say({"a": [1]}))
    assert client().get("/x").decode(dict[str, list[int]]) == {"a": [1]}


def test_short_pauses_are_slept_through(provider: ScriptedServer, client: Client) -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=1), usegmt=True)
    provider.on(
        "/x",
        Say(b"", 429, {"Retry-After": "0"}),
        Say(b"", 503, {"Retry-After": soon}),
        Say(b"", 429, {"Retry-After": "0.2"}),
        Say({"ok": 1}),
    )
    assert client().get("/x").decode(dict[str, int]) == {"ok": 1}
    assert len(provider.seen) == 4


@pytest.mark.parametrize(
    ("status", "headers", "message", "seconds"),
    [
        (429, {"Retry-After": "120"}, "", 120),
        (503, {"Retry-After": "90"}, "", 90),
        (429, {"X-RateLimit-Reset": "{iso}", "RateLimit-Reason": "jira-burst-based"}, "", 600),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "{epoch}"}, "API rate limit exceeded", 600),
        (403, {"Retry-After": "75"}, "You have exceeded a secondary rate limit.", 75),
        (403, {"X-RateLimit-Remaining": "4000"}, "You have exceeded a secondary rate limit.", 60),
    ],
)
def test_a_long_pause_is_handed_over_instead_of_slept(
    provider: ScriptedServer,
    client: Client,
    status: int,
    headers: dict[str, str],
    message: str,
    seconds: int,
) -> None:
    end = datetime.now(UTC) + timedelta(seconds=600)
    filled = {k: v.format(iso=end.isoformat(), epoch=int(end.timestamp())) for k, v in headers.items()}
    provider.on("/x", Say({"message": message}, status, filled), Say({}))
    http = client()
    with pytest.raises(RateLimited, match="pause until") as caught:
        http.get("/x")
    waited = (caught.value.until - datetime.now(UTC)).total_seconds()
    assert seconds - 3 <= waited <= seconds * 1.1 + 3
    with pytest.raises(RateLimited, match="pause until"):
        http.get("/x")
    assert len(provider.seen) == 1, "while a pause lasts, nothing is asked"


def test_a_403_without_a_limit_is_no_pause(provider: ScriptedServer, client: Client) -> None:
    headers = {"X-RateLimit-Remaining": "4999", "X-RateLimit-Reset": "4102444800"}
    provider.on("/x", Say({"message": "Resource protected by organization SAML enforcement."}, 403, headers))
    with pytest.raises(Forbidden, match="SAML"):
        client().get("/x")


def test_the_last_allowed_answer_starts_the_pause(provider: ScriptedServer, client: Client) -> None:
    reset = str(int((datetime.now(UTC) + timedelta(hours=1)).timestamp()))
    provider.on("/x", Say({}, 200, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}))
    http = client()
    http.get("/x")
    with pytest.raises(RateLimited, match="used up"):
        http.get("/x")


def test_untold_pauses_grow_while_they_do_not_help(provider: ScriptedServer, client: Client) -> None:
    provider.on("/x", Say(b"", 429))
    with pytest.raises(RateLimited):
        client(patience=0.5, attempts=9).get("/x")
    assert len(provider.seen) == 1


def test_unreadable_limit_headers_do_no_harm() -> None:
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({"retry-after": "nan"}) is None
    assert retry_after({"retry-after": "-5"}) == 0
    assert retry_after({"retry-after": "9" * 30}) == 24 * 3600
    assert seconds_to_reset({"x-ratelimit-reset": "x"}) is None
    assert seconds_to_reset({"x-ratelimit-reset": "9" * 40}) is None
    assert limit_of(429, {"retry-after": "soon"}) == Limit(1.0, "rate limit", told=False)


def test_the_reset_is_read_by_the_providers_own_clock() -> None:
    theirs = datetime(2001, 1, 1, tzinfo=UTC)
    headers = {
        "date": format_datetime(theirs, usegmt=True),
        "x-ratelimit-reset": str(int(theirs.timestamp()) + 40),
    }
    assert seconds_to_reset(headers) == 40


def test_near_limit() -> None:
    assert near_limit({"x-ratelimit-nearlimit": "true"})
    assert near_limit({"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "499"})
    assert not near_limit({"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "500"})
    assert not near_limit({})


def test_backoff_has_jitter_and_a_limit() -> None:
    waits = [backoff(attempt) for attempt in range(30)]
    assert all(0 <= wait <= 30 for wait in waits)
    assert len(set(waits)) == 30


def test_html_instead_of_json(provider: ScriptedServer, client: Client) -> None:
    provider.on("/x", HTML)
    with pytest.raises(InvalidAnswer, match="web page"):
        client().get("/x").decode(dict[str, Any])


def test_another_shape_is_an_invalid_answer(provider: ScriptedServer, client: Client) -> None:
    provider.on("/x", Say([1]))
    with pytest.raises(InvalidAnswer, match="Expected `object`"):
        client().get("/x").decode(dict[str, Any])


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (rb'{"a": "x\ud83d y"}', "x� y"),
        (rb'{"a": "x\udc00"}', "x�"),
        (rb'{"a": "\ud83d\ude00 \\ud83d"}', "\N{GRINNING FACE} \\ud83d"),
        (b'{"a": "caf\xe9"}', "caf�"),
        (b'\xef\xbb\xbf{"a": "bom"}', "bom"),
    ],
)
def test_spoilt_text_is_mended(provider: ScriptedServer, client: Client, body: bytes, read: str) -> None:
    provider.on("/x", Say(body))
    assert client().get("/x").decode(dict[str, str]) == {"a": read}


def test_the_size_of_a_body_is_bounded_after_decompression(provider: ScriptedServer, client: Client) -> None:
    bomb = gzip.compress(b'{"a": "' + b"x" * 5_000_000 + b'"}')
    provider.on("/x", Say(bomb, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(TooLarge, match="more than"):
        client(max_bytes=1_000_000).get("/x")
    assert len(provider.seen) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_followed_with_method_body_and_credentials_at_home(
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
    with pytest.raises(Untrusted, match="circle"):
        client().get("/x")
    assert len(provider.seen) == 6


@pytest.mark.parametrize("target", ["http://127.0.0.1:6379/", "http://169.254.169.254/latest", "file:///etc/passwd"])
def test_a_public_provider_cannot_lead_into_the_inner_network(target: str) -> None:
    with pytest.raises(Untrusted):
        refuse_inner_network(target, ("https", "93.184.215.14", 443))


def test_cookies_are_not_kept(provider: ScriptedServer, client: Client) -> None:
    provider.on("/x", Say({}, headers={"Set-Cookie": "session=1; Path=/"}))
    http = client()
    http.get("/x")
    http.get("/x")
    assert "cookie" not in provider.seen[1].headers


def test_link_header(provider: ScriptedServer, client: Client) -> None:
    provider.on("/x", Say([], headers={"Link": '</repositories/1?after=a>; rel="next", <https://e.org/>; rel="last"'}))
    answer = client().get("/x")
    assert answer.link("next") == f"{provider.url}/repositories/1?after=a"
    assert answer.link("last") == "https://e.org/"
    assert answer.link("prev") == ""


def test_no_secret_in_any_error(provider: ScriptedServer, client: Client) -> None:
    provider.on("/x", lambda seen: Say({"message": f"{seen.headers['authorization']} and {SECRET} are wrong"}, 401))
    base = provider.url.replace("//", f"//ada:{SECRET}@")
    for http in (client(), client(base)):
        with pytest.raises(Unauthorized) as caught:
            http.get("/x", {"token": SECRET})
        assert SECRET not in str(caught.value)
        assert "•••" in str(caught.value)


def test_an_unknown_name_a_closed_port_and_a_wrong_certificate_are_told_apart(
    provider: ScriptedServer, client: Client
) -> None:
    with pytest.raises(Unreachable, match=r"name nowhere\.invalid is not known"):
        client("https://nowhere.invalid", attempts=1).get("/x")
    with pytest.raises(Unreachable, match="refuses the connection"):
        client("http://127.0.0.1:1", attempts=2).get("/x")
    with pytest.raises(Unreachable):
        client(f"https://127.0.0.1:{provider.port}", attempts=1).get("/x")
    with pytest.raises(Untrusted, match="valid web address"):
        client("http://[::1").get("/x")


def test_a_self_signed_certificate_is_named(provider: ScriptedServer, client: Client, tls_port: int) -> None:
    with pytest.raises(Untrusted, match="certificate"):
        client(f"https://127.0.0.1:{tls_port}").get("/x")


def test_a_silent_server_is_given_up(provider: ScriptedServer, client: Client) -> None:
    released = threading.Event()

    def silence(seen: Seen) -> Say:
        released.wait(5)
        return Say({})

    provider.on("/x", silence)
    with pytest.raises(Unreachable, match="did not answer within"):
        client(timeout=(1, 0.2), attempts=1).get("/x")
    released.set()


def test_threads_share_a_client(provider: ScriptedServer, client: Client) -> None:
    provider.on("/x", Say({"n": 1}))
    http = client(pool=4)
    threads = [threading.Thread(target=http.get, args=("/x",)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert http.requests == 20


class Recorder:
    """A governor that notes what the client tells it."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def slot(self) -> AbstractContextManager[None]:
        self.told.append("slot")
        return nullcontext()

    def observe(self, status: int, headers: Mapping[str, str]) -> None:
        self.told.append(status)

    def limited(self, limit: Limit) -> datetime:
        self.told.append(limit.reason)
        return datetime.now(UTC)


def test_the_governor_hears_of_everything(provider: ScriptedServer, client: Client) -> None:
    provider.on("/x", Say({"a": 1}, cut=3), Say(b"", 429), Say(b"", 500), Say({}))
    governor = Recorder()
    client(governor=governor).get("/x")
    assert governor.told == ["slot", 0, "slot", 429, "rate limit", "slot", 500, "slot", 200]


@pytest.fixture
def tls_port(tmp_path: Any) -> Iterator[int]:
    """A TLS server whose certificate nobody vouches for."""
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
    """Write a key and a certificate that signs itself into ``path``."""
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
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    return path
