"""Does the client of OpenAI-compatible endpoints keep the order and hide the key? Is each fault a sentence?"""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import numpy as np
import pytest

from apps.vectors.embedders import EmbedderError, TextRefusedError
from apps.vectors.embedders.openai import MAX_TEXTS_PER_CALL, OpenAiEmbedder

KEY = "sk-very-secret"
Answer = tuple[int, Any]


class Server(ThreadingHTTPServer):
    """Answers each request with the result of ``behave(request's JSON)``, and keeps the requests."""

    behave: Callable[[dict[str, Any]], Answer]
    asked: list[dict[str, Any]]
    keys: set[str | None]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append({"path": self.path, **request})
        self.server.keys.add(self.headers["Authorization"])
        status, content = self.server.behave(request)
        body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if isinstance(content, str) else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        pass


def vector(text: str) -> list[float]:
    return [float(len(text)), 2.0, 1.0]


def vectors_in_reverse(request: dict[str, Any]) -> Answer:
    data = [{"index": index, "embedding": vector(text)} for index, text in enumerate(request["input"])]
    return 200, {"object": "list", "data": data[::-1], "usage": {"total_tokens": 1}}


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server(("127.0.0.1", 0), Handler)
    running.behave, running.asked, running.keys = vectors_in_reverse, [], set()
    thread = Thread(target=running.serve_forever, args=(0.01,))
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


@pytest.fixture
def embedder(server: Server) -> OpenAiEmbedder:
    return OpenAiEmbedder(f"http://127.0.0.1:{server.server_port}/v1", "small", KEY)


def test_vectors_come_in_order_scaled_and_in_batches(embedder: OpenAiEmbedder, server: Server) -> None:
    texts = ["x" * length for length in range(1, MAX_TEXTS_PER_CALL + 6)]
    vectors = embedder.embed(texts)
    expected = np.array([vector(text) for text in texts])
    assert vectors == pytest.approx(expected / np.linalg.norm(expected, axis=1, keepdims=True))
    assert [len(request["input"]) for request in server.asked[-2:]] == [MAX_TEXTS_PER_CALL, 5]
    assert {(request["path"], request["model"]) for request in server.asked} == {("/v1/embeddings", "small")}
    assert server.keys == {f"Bearer {KEY}"}


def test_blank_texts_are_not_sent_and_get_zeros(embedder: OpenAiEmbedder, server: Server) -> None:
    vectors = embedder.embed(["", "word", " \n"])
    assert vectors.any(axis=1).tolist() == [False, True, False]
    assert server.asked[-1]["input"] == ["word"]


@pytest.mark.parametrize("number", [None, 1e300])
def test_useless_numbers_become_zeros(embedder: OpenAiEmbedder, server: Server, number: float | None) -> None:
    assert embedder.dimension == 3
    server.behave = lambda _request: (200, {"data": [{"index": 0, "embedding": [number, number, 1.0]}]})
    assert not embedder.embed(["word"]).any()


def test_a_temporary_fault_is_retried(embedder: OpenAiEmbedder, server: Server) -> None:
    answers = iter([(503, {"error": {"message": "overloaded"}}), (429, {"error": {"message": "slow down"}})])
    server.behave = lambda request: next(answers, None) or vectors_in_reverse(request)
    assert embedder.embed(["word"]).any()


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_text_is_another_error_than_a_broken_end_point(
    embedder: OpenAiEmbedder, server: Server, status: int
) -> None:
    assert embedder.dimension == 3
    server.behave = lambda _request: (status, {"error": {"message": "maximum context length is 8192 tokens"}})
    with pytest.raises(TextRefusedError, match=f"({status})"):
        embedder.embed(["word"])


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((401, {"error": {"message": f"Incorrect API key provided: {KEY}"}}), "embedding endpoint failed"),
        ((404, {"error": {"message": "The model does not exist"}}), "embedding endpoint failed"),
        ((200, "<html>Log in</html>"), "web page"),
        ((200, {"data": []}), "1 texts with 0 vectors"),
        ((200, {"data": [{"index": 7, "embedding": [1.0]}]}), "compatible with OpenAI"),
        ((200, {"data": [{"index": 0, "embedding": "AAAA"}]}), "1 texts with 0 vectors"),
    ],
)
def test_a_fault_of_the_end_point_is_a_sentence_without_the_key(
    server: Server, embedder: OpenAiEmbedder, answer: Answer, sentence: str
) -> None:
    server.behave = lambda _request: answer
    embedder._http._options = replace(embedder._http._options, attempts=1)
    with pytest.raises(EmbedderError, match=sentence) as caught:
        embedder.embed(["word"])
    assert not isinstance(caught.value, TextRefusedError)
    assert KEY not in str(caught.value)


def test_a_vector_of_another_length_is_refused(embedder: OpenAiEmbedder, server: Server) -> None:
    assert embedder.dimension == 3
    server.behave = lambda _request: (200, {"data": [{"index": 0, "embedding": [1.0, 2.0]}]})
    with pytest.raises(EmbedderError, match=r"\[2\] numbers for a vector, not 3"):
        embedder.embed(["word"])
