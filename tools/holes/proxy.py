"""Who stands between product and sandbox? A proxy that records kinds of requests, makes pages small and makes holes."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tools.holes.exchange import Answer, Asked

HOP = frozenset({"connection", "content-length", "content-encoding", "transfer-encoding", "keep-alive"})
NOT_SENT_ON = HOP | {"host", "accept-encoding", "if-none-match"}
TIMEOUT = 60.0
# So small that the lists of a small sandbox have several pages. Providers lower the size of a page silently, too.
MAX_ITEMS = {"maxResults": 12, "per_page": 6}
# Of the endpoints whose lists are longer.
MAX_ITEMS_AT = {
    "/comment": 40,
    "/sprint": 30,
    "/board": 5,
    "/project/search": 5,
    "/search/jql": 4,
    "/changelog/bulkfetch": 150,
}
MAX_GRAPHQL = {"first": 6, "inner": 5}

Ask = Callable[[Asked], Answer]
# Answers a request: with ``ask`` it may ask the provider.
Disturb = Callable[[Asked, Ask], Answer]


class Recording:
    """What was asked: how often each kind, which objects, and which two ids a GraphQL node has."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.exchanges: list[tuple[Asked, Answer]] = []


class Proxy:
    """Serves on a port of its own; ``upstream`` is the port of the sandbox that answers now."""

    def __init__(self) -> None:
        self.upstream = 0
        self.with_graphql = True
        self.disturb: Disturb | None = None
        self.recording = Recording()
        self._lock = threading.Lock()
        self._local = threading.local()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                proxy._serve(self)

            def do_POST(self) -> None:
                proxy._serve(self)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve while the block runs."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            self._server.server_close()

    def begin(self, upstream: int, *, with_graphql: bool) -> None:
        """Begin a new recording, without a hole."""
        self.upstream, self.with_graphql = upstream, with_graphql
        self.disturb, self.recording = None, Recording()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        asked = _read(handler)
        answer = self._answer(asked)
        with self._lock:
            self.recording.kinds[asked.kind] += 1
            self.recording.exchanges.append((asked, answer))
        handler.send_response_only(answer.status)
        for name, value in {**answer.headers, "content-length": str(len(answer.body))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(answer.body)

    def _answer(self, asked: Asked) -> Answer:
        if asked.operation and not self.with_graphql:
            return Answer.of(404, {"message": "Not Found", "documentation_url": "https://docs.github.com/rest"})
        disturb = self.disturb
        return disturb(asked, self._ask) if disturb else self._ask(asked)

    def _ask(self, asked: Asked) -> Answer:
        """What the sandbox answers, with our address instead of its own."""
        asked = smaller(asked)
        headers = {name: value for name, value in asked.headers.items() if name not in NOT_SENT_ON}
        body = json.dumps(asked.body).encode() if asked.body is not None else None
        target = f"{asked.path}?{asked.query}" if asked.query else asked.path
        for attempt in (1, 2):
            try:
                connection = self._connection()
                connection.request(asked.method, target, body, headers)
                response = connection.getresponse()
                content = response.read()
                break
            except (HTTPException, OSError):  # an idle connection was closed
                self._local.connection = None
                if attempt == 2:
                    raise
        theirs = f"http://127.0.0.1:{self.upstream}"
        found = {name.lower(): value.replace(theirs, self.base) for name, value in response.getheaders()}
        kept = {name: value for name, value in found.items() if name not in HOP}
        return Answer(response.status, content.replace(theirs.encode(), self.base.encode()), kept)

    def _connection(self) -> HTTPConnection:
        kept: tuple[int, HTTPConnection] | None = getattr(self._local, "connection", None)
        if kept is None or kept[0] != self.upstream:
            kept = self.upstream, HTTPConnection("127.0.0.1", self.upstream, timeout=TIMEOUT)
            self._local.connection = kept
        return kept[1]


def _read(handler: BaseHTTPRequestHandler) -> Asked:
    path, _, query = handler.path.partition("?")
    content = handler.rfile.read(int(handler.headers.get("content-length", 0)))
    headers = {name.lower(): value for name, value in handler.headers.items()}
    return Asked(handler.command, path, query, headers, json.loads(content) if content else None)


def smaller(asked: Asked) -> Asked:
    """The same request for a smaller page."""
    query = [(name, str(_at_most(asked.path, name, int(value))) if name in MAX_ITEMS else value)
             for name, value in parse_qsl(asked.query)]  # fmt: skip
    return replace(asked, query=urlencode(query), body=_smaller_body(asked))


def _smaller_body(asked: Asked) -> Any:
    fields = dict(asked.fields)
    if "maxResults" in fields:
        fields["maxResults"] = _at_most(asked.path, "maxResults", fields["maxResults"])
    if asked.operation:
        sizes = {name: min(value, MAX_GRAPHQL[name]) for name, value in asked.variables.items() if name in MAX_GRAPHQL}
        fields["variables"] = {**asked.variables, **sizes}
    return fields or asked.body


def _at_most(path: str, name: str, value: int) -> int:
    found = (size for end, size in MAX_ITEMS_AT.items() if path.endswith(end))
    return min(value, next(found, MAX_ITEMS[name]))
