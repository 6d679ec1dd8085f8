"""What do the sources read of the product's own sandbox? It runs in a thread of the test; no process is started."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apps.sandbox.config import TOKEN, Options
from apps.sandbox.server import build
from apps.sources.base import Connection, Source
from tests.unit.sources.memory import MemoryContext, Pulled, pull

SIZE = Options(issues=40, prs=24)

# Gets the method and path of a request and both bodies; gives the body to answer with.
Spoil = Callable[[str, bytes, bytes], bytes]


@contextmanager
def running(spoil: Spoil | None = None, options: Options = SIZE) -> Iterator[str]:
    """The address of a sandbox whose answers are changed by ``spoil``."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app = build(options, base)
        spoiled: ASGIApp = Spoiled(app, spoil) if spoil else app
        config = uvicorn.Config(spoiled, log_level="warning", lifespan="off", loop="asyncio", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), daemon=True)
        thread.start()
        try:
            yield base
        finally:
            server.should_exit = True
            thread.join()


class Spoiled:
    """An application whose good answers are changed."""

    def __init__(self, app: ASGIApp, spoil: Spoil) -> None:
        self.app, self.spoil = app, spoil

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = bytearray()
        answered = bytearray()
        start: Message = {}
        scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]

        async def listen() -> Message:
            message = await receive()
            asked.extend(message.get("body", b""))
            return message

        async def say(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            answered.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            body = bytes(answered)
            if start["status"] < 300:
                body = self.spoil(f"{scope['method']} {scope['path']}", bytes(asked), body)
            kept = [pair for pair in start["headers"] if pair[0] != b"content-length"]
            await send({**start, "headers": [*kept, (b"content-length", str(len(body)).encode())]})
            await send({"type": "http.response.body", "body": body})

        await self.app(scope, listen, say)


def pulled(source: Source, url: str, username: str = "") -> tuple[MemoryContext, Pulled]:
    """Everything that a full run stores, and what it says."""
    connection = Connection(url, username=username, token=TOKEN)
    with source.http(connection) as http:
        context = MemoryContext(connection, http)
        return context, pull(source, context)
