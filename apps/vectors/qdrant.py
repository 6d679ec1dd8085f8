"""How is Qdrant asked? By its REST API, with plain values and one session per process.

Qdrant's own client would cost each process 60 MB, and its requests stay in memory until a garbage collection
(docs/decisions/0009-qdrant.md).
"""

from functools import lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
from django.conf import settings

MAX_CALL_SECONDS = 60
DEFAULT_PORT = 6333
MAX_REASON_LENGTH = 300

Json = dict[str, Any]


class StoreError(Exception):
    """Qdrant did not do what it should; the message says what a person can do. ``status`` is that of HTTP, or 0."""

    def __init__(self, sentence: str, status: int = 0) -> None:
        super().__init__(sentence)
        self.status = status


class QdrantApi:
    """One server. Thread-safe: the session has no state that calls could share."""

    def __init__(self, url: str, api_key: str) -> None:
        self._base = base_address(url)
        self._session = requests.Session()
        self._session.headers.update({"Content-Type": "application/json"} | ({"api-key": api_key} if api_key else {}))

    def call(self, method: str, path: str, body: Json | None = None) -> Any:
        """The field ``result`` of the answer. Changes are stored when the call returns. Raises :class:`StoreError`."""
        content = None if body is None else msgspec.json.encode(body)
        waits = {"wait": "true"} if method == "PUT" or path.endswith(("/delete", "/batch")) else None
        try:
            answer = self._session.request(
                method, f"{self._base}/{path}", params=waits, data=content, timeout=MAX_CALL_SECONDS
            )
            if answer.ok:
                return msgspec.json.decode(answer.content)["result"]
        except (requests.RequestException, OSError, msgspec.DecodeError, KeyError, TypeError) as error:
            raise StoreError(
                f"Qdrant cannot be reached ({str(error)[:200] or type(error).__name__}). "
                "Check QDRANT_URL and that it runs."
            ) from error
        if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise StoreError("Qdrant refuses the API key. Check QDRANT_API_KEY.", answer.status_code)
        reason = answer.text[:MAX_REASON_LENGTH]
        raise StoreError(f"Qdrant answered {answer.status_code}: {reason}", answer.status_code)


def base_address(url: str) -> str:
    """The address before all paths; Qdrant's own port if ``url`` names none."""
    parts = urlsplit(url.rstrip("/"))
    return (parts if parts.port else parts._replace(netloc=f"{parts.netloc}:{DEFAULT_PORT}")).geturl()


def qdrant() -> QdrantApi:
    """The server of the settings; all threads of a process share its connections."""
    return _made(settings.QDRANT_URL, settings.QDRANT_API_KEY)


@lru_cache(maxsize=1)
def _made(url: str, api_key: str) -> QdrantApi:
    return QdrantApi(url, api_key)


def equals(key: str, value: str) -> Json:
    """The condition that a field of the payload has this value."""
    return {"key": key, "match": {"value": value}}


def is_one_of(key: str, values: list[str]) -> Json:
    """The condition that a field of the payload has one of these values."""
    return {"key": key, "match": {"any": values}}


def all_of(conditions: list[Json]) -> Json:
    """The filter of the points that meet all conditions; a filter is a condition, too."""
    return {"must": conditions}
