"""How do HTTP requests reach the engine? One at a time, through the one thread that owns the engine."""

import asyncio
import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from apps.stack.gateway import schema
from apps.stack.gateway.engine import Engine
from apps.stack.gateway.errors import FormatError, GatewayError, MissingError, TooLargeError, WrongInputError

# The release of Qdrant whose REST API the gateway speaks; clients compare it with their own.
VERSION = "1.20.0"
# Qdrant's own default: a body that is accepted here is accepted there.
_MAX_BODY_BYTES = 32 * 1024 * 1024

Handler = Callable[[Request], Awaitable[Response]]


def _json(status: int, content: dict[str, Any], started: float) -> Response:
    body = msgspec.json.encode({**content, "time": time.perf_counter() - started})
    return Response(body, status, media_type="application/json")


def _in_qdrants_words(error: Exception) -> GatewayError:
    """Translate a plain exception of the engine: a missing point is 404, everything else a fault of the request."""
    reason = str(error)
    return MissingError(f"{reason} found") if reason.startswith("No point with id") else WrongInputError(reason)


def _perform(method: Callable[..., Any], name: str, shape: Any, body: bytes) -> Any:
    """Parse ``body`` and call ``method``, in the engine's thread."""
    try:
        arguments = [msgspec.json.decode(body, type=shape)] if shape else []
        return method(*([name] if name else []), *arguments)
    except GatewayError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError) as error:
        raise FormatError(str(error)) from error
    except Exception as error:
        raise _in_qdrants_words(error) from error


async def _read_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            raise TooLargeError(f"Payload reached size limit of {_MAX_BODY_BYTES} bytes: send smaller batches")
    return bytes(body)


class Gateway:
    """The routes over one engine."""

    def __init__(self, root: Path, api_key: str) -> None:
        self._root = root
        self._api_key = api_key.encode()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")
        self._engine: Engine

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """Open and close the engine in its own thread."""
        self._engine = await self._in_thread(Engine, self._root)
        yield
        await self._in_thread(self._engine.close)
        self._thread.shutdown()

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    def _refusal(self, request: Request) -> Response | None:
        """Qdrant's answer to a request without the right API key; None for one with it."""
        given = request.headers.get("api-key") or request.headers.get("authorization", "").removeprefix("Bearer ")
        if not given:
            return PlainTextResponse("Must provide an API key or an Authorization bearer token", 401)
        if not hmac.compare_digest(given.encode(), self._api_key):
            return PlainTextResponse("Invalid API key or JWT", 401)
        return None

    def _on(self, operation: str, shape: Any = None) -> Handler:
        """A handler that calls the engine's ``operation`` with the body, parsed as ``shape``."""

        async def handle(request: Request) -> Response:
            if refusal := self._refusal(request):
                return refusal
            started = time.perf_counter()
            name = request.path_params.get("name", "")
            try:
                body = await _read_body(request)
                result = await self._in_thread(_perform, getattr(self._engine, operation), name, shape, body)
            except GatewayError as error:
                return _json(error.status, {"status": {"error": str(error)}}, started)
            return _json(200, {"status": "ok", "result": result}, started)

        return handle

    def routes(self) -> list[Route]:
        """Qdrant's paths."""
        collection = "/collections/{name}"
        points = f"{collection}/points"
        table: list[tuple[str, str, str, Any]] = [
            ("GET", "/collections", "list_collections", None),
            ("GET", f"{collection}/exists", "exists", None),
            ("GET", collection, "describe", None),
            ("PUT", collection, "create_collection", schema.CreateCollection),
            ("DELETE", collection, "delete_collection", None),
            ("PUT", f"{collection}/index", "create_index", schema.CreateFieldIndex),
            ("POST", f"{collection}/facet", "facet", schema.Facet),
            ("PUT", points, "upsert", schema.Upsert),
            ("POST", points, "retrieve", schema.Retrieve),
            ("POST", f"{points}/delete", "delete", schema.PointsSelector),
            ("POST", f"{points}/payload", "set_payload", schema.SetPayload),
            ("PUT", f"{points}/payload", "overwrite_payload", schema.SetPayload),
            ("POST", f"{points}/payload/delete", "delete_payload", schema.DeletePayload),
            ("POST", f"{points}/payload/clear", "clear_payload", schema.PointsSelector),
            ("POST", f"{points}/batch", "batch", schema.UpdateBatch),
            ("POST", f"{points}/query", "query", schema.QueryPoints),
            ("POST", f"{points}/query/batch", "query_batch", schema.QueryBatch),
            ("POST", f"{points}/scroll", "scroll", schema.Scroll),
            ("POST", f"{points}/count", "count", schema.Count),
        ]
        handlers = [Route(path, self._on(name, shape), methods=[method]) for method, path, name, shape in table]
        return [
            Route("/", _version),
            *(Route(path, _healthy) for path in ("/healthz", "/livez", "/readyz")),
            *handlers,
        ]


async def _version(_request: Request) -> Response:
    identity = {"title": "Qdrant gateway of the ETL platform (not Qdrant's server)", "version": VERSION}
    return Response(msgspec.json.encode(identity), media_type="application/json")


async def _healthy(_request: Request) -> Response:
    return PlainTextResponse("healthz check passed")


def build_app(root: Path, api_key: str) -> Starlette:
    """The ASGI application over the collections in ``root``. All paths but health and version need ``api_key``."""
    gateway = Gateway(root, api_key)
    return Starlette(routes=gateway.routes(), lifespan=gateway.lifespan)
