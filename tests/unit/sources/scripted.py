"""What replaces a provider in these tests? A real HTTP server on a free port that gives scripted answers."""

import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Seen:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Say:
    """An answer: ``body`` as bytes or sent as JSON; ``cut`` bytes are announced but not sent."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = 0


Script = Say | Callable[[Seen], Say]


class ScriptedServer:
    """``on(path, answer, answer, …)``: each is given once, and the last one repeats; an unknown path is a 404."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.scripts: dict[str, list[Script]] = {}
        self._lock = threading.Lock()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # an answer in two packets would wait 40 ms for an ACK

            def handle_any(self) -> None:
                owner._answer(self)

            do_GET = do_POST = handle_any  # noqa: N815 - names of http.server

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *args: None  # type: ignore[method-assign]  # clients hang up on purpose
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def on(self, path: str, *answers: Script) -> None:
        self.scripts[path] = list(answers)

    def calls(self, path: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.path == path]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        seen = Seen(handler.command, parts.path, query, headers, body)
        with self._lock:
            self.seen.append(seen)
            script = self.scripts.get(parts.path, [Say({"message": "Not Found"}, 404)])
            answer = script.pop(0) if len(script) > 1 else script[0]
        said = answer(seen) if callable(answer) else answer
        self._send(handler, said)

    def _send(self, handler: BaseHTTPRequestHandler, said: Say) -> None:
        as_json = not isinstance(said.body, bytes)
        body = json.dumps(said.body).encode() if as_json else said.body
        handler.send_response(said.status)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **said.headers}
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body[: len(body) - said.cut])
        if said.cut:
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
