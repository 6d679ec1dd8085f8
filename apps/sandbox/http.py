"""How does a request reach a handler, and how are answers and errors sent?"""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from apps.sandbox.encoding import encode
from apps.sandbox.tokens import TokenAccount

HeaderMap = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One authenticated request with its parsed body."""

    path: dict[str, str]
    query: QueryParams
    headers: Headers
    url: str
    body: Any
    account: TokenAccount

    @property
    def has_scopes(self) -> bool:
        """Whether its token has rights."""
        return self.account.has_scopes

    def number(self, name: str, default: int, ceiling: int) -> int:
        """A size or offset of the query. Values out of bounds are clamped silently, as both providers do."""
        value = self.query.get(name, "")
        return max(0, min(int(value), ceiling)) if value.isdigit() else default


class ApiError(Exception):
    """An answer that is an error of the provider."""

    def __init__(self, status: int, body: Any, headers: HeaderMap | None = None) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


Handler = Callable[[ApiCall], Response]
Endpoint = Callable[[Request], Awaitable[Response]]


def json_reply(body: bytes | Any, status: int = 200, headers: HeaderMap | None = None) -> Response:
    """An answer from encoded bytes, or from a value that is encoded here."""
    content = body if isinstance(body, bytes) else encode(body)
    return Response(content, status, headers, "application/json;charset=UTF-8")


def token_of(headers: Headers) -> str | None:
    """The token of a Basic, Bearer or token header; None without a header, "" when it is unreadable."""
    given = headers.get("authorization")
    if given is None:
        return None
    scheme, _, value = given.partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return value.strip() if scheme.lower() in ("bearer", "token") else ""


async def read_call(request: Request, account: TokenAccount) -> ApiCall:
    """The request with its JSON body; 400 when the body is no JSON."""
    body: Any = None
    if request.method == "POST":
        content = await request.body()
        try:
            body = msgspec.json.decode(content) if content else {}
        except msgspec.DecodeError as error:
            raise ApiError(
                400,
                {
                    "errorMessages": ["There was an error parsing JSON. Check that your request body is valid."],
                    "message": "Problems parsing JSON",
                },
            ) from error
    return ApiCall(request.path_params, request.query_params, request.headers, str(request.url), body, account)


def route(template: str, endpoint: Endpoint, *methods: str) -> Route:
    """A route; the gate counts its requests under its template."""

    async def counted(request: Request) -> Response:
        request.scope["sandbox_route"] = template
        return await endpoint(request)

    return Route(template, counted, methods=list(methods) or ["GET"])
