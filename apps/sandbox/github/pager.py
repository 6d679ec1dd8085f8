"""Which page of a list does GitHub's REST API give, with which Link header and ETag?"""

import hashlib
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from apps.sandbox.encoding import encode, join
from apps.sandbox.http import ApiCall, ApiError

PER_PAGE = 30
MAX_PER_PAGE = 100
_DOCS = "https://docs.github.com/rest"


def error(status: int, message: str, **more: Any) -> ApiError:
    """A refusal with GitHub's words."""
    return ApiError(status, {"message": message, **more, "documentation_url": _DOCS, "status": str(status)})


def reply(call: ApiCall, body: bytes, headers: dict[str, str] | None = None) -> Response:
    """200 with an ETag, or 304 when the caller already has this answer."""
    tag = f'W/"{hashlib.blake2b(body, digest_size=20).hexdigest()}"'
    sent = {"ETag": tag, "Cache-Control": "private, max-age=60, s-maxage=60", "Vary": "Accept, Authorization, Cookie"}
    if call.headers.get("if-none-match") == tag:
        return Response(b"", 304, sent)
    return Response(body, 200, sent | (headers or {}), "application/json; charset=utf-8")


def page(
    call: ApiCall,
    items: list[Any],
    shape: Callable[[Any], bytes],
    address: str,
    wrap: str | None = None,
    ceiling: int = 10**9,
) -> Response:
    """One page of a list. Link points to `address`; `wrap` names the list inside an object with total_count."""
    size = call.number("per_page", PER_PAGE, MAX_PER_PAGE) or PER_PAGE
    number = max(1, call.number("page", 1, 10**9))
    last = max(1, -(-min(len(items), ceiling) // size))
    start = (number - 1) * size
    body = join([shape(item) for item in items[start : min(start + size, ceiling)]])
    if wrap:
        body = b'{"total_count":%d,"%s":%s}' % (len(items), wrap.encode(), body)
    kept = [(k, v) for k, v in call.query.multi_items() if k != "page"]

    def link(target: int, rel: str) -> str:
        return f'<{address}?{urlencode([*kept, ("page", target)])}>; rel="{rel}"'

    links = []
    if number > 1:
        links += [link(number - 1, "prev")]
    if number < last:
        links += [link(number + 1, "next"), link(last, "last")]
    if number > 1:
        links += [link(1, "first")]
    return reply(call, body, {"Link": ", ".join(links)} if links else None)


def one(call: ApiCall, value: Any) -> Response:
    """A single record."""
    return reply(call, value if isinstance(value, bytes) else encode(value))
