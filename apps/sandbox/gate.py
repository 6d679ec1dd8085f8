"""What happens to every request before it reaches a provider? It is counted, delayed, and fails if a script says so."""

import asyncio
import socket
import struct
from collections import Counter
from typing import Any

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apps.sandbox.clock import http_date, now_seconds
from apps.sandbox.encoding import Json, decode, encode
from apps.sandbox.fault_bodies import failure, spoil
from apps.sandbox.faults import AnyAction, Delay, FaultScript, Reset, StatusAction, Truncate

_UNROUTED = "(answered by a fault)"


class Stats:
    """Requests and bytes since the last reset."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Set everything to zero."""
        self.requests = 0
        self.bytes = 0
        self.faults = 0
        self.by_route: Counter[str] = Counter()
        self.by_status: Counter[int] = Counter()

    def as_json(self) -> Json:
        """The counts."""
        return {"requests": self.requests, "bytes": self.bytes, "faults": self.faults,
                "by_route": dict(self.by_route.most_common()),
                "by_status": {str(k): n for k, n in sorted(self.by_status.items())}}  # fmt: skip


class Gate:
    """The outermost ASGI application."""

    app: ASGIApp

    def __init__(self, faults: FaultScript, latency_ms: float) -> None:
        self.faults = faults
        self.latency_ms = latency_ms
        self.stats = Stats()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through, or fail it as the script says."""
        if scope["type"] != "http" or scope["path"].startswith("/_sandbox"):
            await self.app(scope, receive, send)
            return
        counted = self._counting(scope, send)
        if self.latency_ms:
            await asyncio.sleep(self.latency_ms / 1000)
        query = scope["query_string"].decode("latin-1")
        action = self.faults.take(scope["method"], scope["path"] + (f"?{query}" if query else ""))
        if action is None:
            await self.app(scope, receive, counted)
        else:
            self.stats.faults += 1
            await self._fail(action, scope, receive, counted, send)
        template = scope.get("sandbox_route", _UNROUTED)
        provider = scope["path"].split("/")[1]
        self.stats.requests += 1
        self.stats.by_route[f"{scope['method']} /{provider}{template}"] += 1

    def _counting(self, scope: Scope, send: Send) -> Send:
        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.stats.by_status[message["status"]] += 1
                message["headers"] = [*message["headers"], (b"date", http_date(now_seconds()))]
            else:
                self.stats.bytes += len(message.get("body", b""))
            await send(message)

        return counted

    async def _fail(self, action: AnyAction, scope: Scope, receive: Receive, send: Send, wire: Send) -> None:
        if isinstance(action, Delay):
            await asyncio.sleep(action.ms / 1000)
            await self.app(scope, receive, send)
            return
        if isinstance(action, StatusAction):
            status, headers, body = failure(action, is_github=scope["path"].startswith("/github"))
            await _answer(send, status, [(k.lower().encode(), v.encode()) for k, v in headers.items()], body)
            return
        status, raw_headers, body, asked = await self._capture(scope, receive)
        if isinstance(action, Reset):
            await send({"type": "http.response.start", "status": status, "headers": raw_headers})
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            _reset(wire)
            return
        if isinstance(action, Truncate):
            body = body[: len(body) // 2]
        elif status == 200:
            body = encode(spoil(action, decode(body), asked))
        await _answer(send, status, raw_headers, body)

    async def _capture(self, scope: Scope, receive: Receive) -> tuple[int, list[tuple[bytes, bytes]], bytes, Any]:
        """Call the application; return its answer and the decoded body of the request."""
        started: Message = {}
        parts: list[bytes] = []
        asked = bytearray()

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.update(message)
            else:
                parts.append(message.get("body", b""))

        async def listen() -> Message:
            message = await receive()
            asked.extend(message.get("body", b""))
            return message

        await self.app(scope, listen, keep)
        try:
            request = msgspec.json.decode(asked) if asked else None
        except msgspec.DecodeError:
            request = None
        return started["status"], list(started["headers"]), b"".join(parts), request


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    sized = [(k, v) for k, v in headers if k.lower() != b"content-length"]
    await send({"type": "http.response.start", "status": status,
                "headers": [*sized, (b"content-length", str(len(body)).encode())]})  # fmt: skip
    await send({"type": "http.response.body", "body": body})


def _reset(wire: Send) -> None:
    """Abort the TCP connection with a reset; `wire` is the send method of uvicorn's request cycle."""
    transport = wire.__self__.transport  # type: ignore[attr-defined]
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
