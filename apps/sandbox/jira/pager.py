"""Which page of a list does Jira give? It has three pagers: page bean, legacy and token."""

import hashlib
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from apps.sandbox.encoding import Json, join, opaque, unopaque
from apps.sandbox.http import ApiCall


def window(call: ApiCall, default: int, ceiling: int) -> tuple[int, int]:
    """startAt and maxResults, clamped silently."""
    return call.number("startAt", 0, 2**31), call.number("maxResults", default, ceiling) or default


def page_bean(
    call: ApiCall, items: list[Any], default: int = 50, ceiling: int = 100, *, is_agile: bool = False
) -> Json:
    """values, total, isLast and links; items may be encoded already. The agile API gives no links."""
    start, size = window(call, default, ceiling)
    shown = items[start : start + size]
    values: Any = msgspec.Raw(join(shown)) if shown and isinstance(shown[0], bytes) else shown
    last = start + size >= len(items)
    page: Json = {"maxResults": size, "startAt": start, "total": len(items), "isLast": last, "values": values}
    if is_agile:
        return page
    address, _, query = call.url.partition("?")
    page["self"] = call.url
    if not last:
        following = [(k, v) for k, v in parse_qsl(query) if k not in ("startAt", "maxResults")]
        page["nextPage"] = f"{address}?{urlencode([*following, ('startAt', start + size), ('maxResults', size)])}"
    return page


def legacy(call: ApiCall, name: str, items: list[Any], default: int = 50, ceiling: int = 100) -> Json:
    """startAt, maxResults, total and a named list."""
    start, size = window(call, default, ceiling)
    return {"startAt": start, "maxResults": size, "total": len(items), name: items[start : start + size]}


def make_token(query: str, *place: int) -> str:
    """A token for a place in the answer to a query."""
    digest = hashlib.sha256(query.encode("utf-8", "replace")).hexdigest()[:16]
    return opaque(":".join([digest, *map(str, place)]))


def read_token(token: str, query: str) -> tuple[int, ...]:
    """The place inside a token; ValueError when it is invalid or belongs to another query."""
    digest, *place = unopaque(token).split(":")
    if make_token(query, *map(int, place)) != token:
        raise ValueError(digest)
    return tuple(map(int, place))
