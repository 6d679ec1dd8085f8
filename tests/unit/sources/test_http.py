"""Does the client handle the faults of providers? Every test uses a real local server with scripted faults."""

import gzip
import threading
from typing import Any

import pytest

from apps.sources.errors import (
    AnswerTooLargeError,
    BadRequestError,
    ConflictError,
    EndpointRemovedError,
    ForbiddenError,
    InvalidAnswerError,
    NotFoundError,
    ServerError,
    SourceError,
    UnreachableError,
)
from tests.unit.sources.conftest import Client
from tests.unit.sources.scripted import Say, ScriptedServer, Seen

HTML = Say(b"<!DOCTYPE html><title>Log in</title>", headers={"Content-Type": "text/html"})


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
        (400, "The value 'X' does not exist", BadRequestError),
        (403, "Resource not accessible by integration", ForbiddenError),
        (404, "Not Found", NotFoundError),
        (409, "Git Repository is empty.", ConflictError),
        (
            410,
            "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API.",
            EndpointRemovedError,
        ),
        (410, "Issues are disabled for this repo", NotFoundError),
        (422, "Only the first 1000 search results are available", BadRequestError),
        (451, "Repository access blocked", NotFoundError),
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


def test_a_server_error_is_tried_again_until_it_works(provider: ScriptedServer, client: Client) -> None:
    provider.on("/x", Say(b"", 502), HTML.__class__(HTML.body, 503, HTML.headers), Say({"ok": True}))
    assert client().get("/x").decode(dict[str, bool]) == {"ok": True}
    assert len(provider.seen) == 3


def test_a_server_error_for_ever_is_reported(provider: ScriptedServer, client: Client) -> None:
    provider.on("/x", Say({"message": "Something went wrong"}, 504))
    with pytest.raises(ServerError, match=r"504.*Something went wrong"):
        client(attempts=3).get("/x")
    assert len(provider.seen) == 3
    with pytest.raises(ServerError):
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


def test_html_instead_of_json(provider: ScriptedServer, client: Client) -> None:
    provider.on("/x", HTML)
    with pytest.raises(InvalidAnswerError, match="web page"):
        client().get("/x").decode(dict[str, Any])


def test_another_shape_is_an_invalid_answer(provider: ScriptedServer, client: Client) -> None:
    provider.on("/x", Say([1]))
    with pytest.raises(InvalidAnswerError, match="Expected `object`"):
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
def test_broken_text_is_mended(provider: ScriptedServer, client: Client, body: bytes, read: str) -> None:
    provider.on("/x", Say(body))
    assert client().get("/x").decode(dict[str, str]) == {"a": read}


def test_the_size_of_a_body_is_bounded_after_decompression(provider: ScriptedServer, client: Client) -> None:
    bomb = gzip.compress(b'{"a": "' + b"x" * 5_000_000 + b'"}')
    provider.on("/x", Say(bomb, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(AnswerTooLargeError, match="larger than"):
        client(max_bytes=1_000_000).get("/x")
    assert len(provider.seen) == 1


def test_link_header(provider: ScriptedServer, client: Client) -> None:
    provider.on("/x", Say([], headers={"Link": '</repositories/1?after=a>; rel="next", <https://e.org/>; rel="last"'}))
    answer = client().get("/x")
    assert answer.link("next") == f"{provider.url}/repositories/1?after=a"
    assert answer.link("last") == "https://e.org/"
    assert answer.link("prev") == ""


def test_a_silent_server_is_given_up(provider: ScriptedServer, client: Client) -> None:
    released = threading.Event()

    def silence(seen: Seen) -> Say:
        released.wait(5)
        return Say({})

    provider.on("/x", silence)
    with pytest.raises(UnreachableError, match="did not answer within"):
        client(timeout=(1, 0.2), attempts=1).get("/x")
    released.set()


def test_threads_share_a_client(provider: ScriptedServer, client: Client) -> None:
    provider.on("/x", Say({"n": 1}))
    http = client(max_connections=4)
    threads = [threading.Thread(target=http.get, args=("/x",)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert http.requests == 20
