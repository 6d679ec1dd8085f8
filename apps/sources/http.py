"""How does a source talk HTTP? One polite, thread-safe client: retries, limits, clear sentences."""

import threading
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from apps.sources.errors import (
    InvalidAnswer,
    RateLimited,
    ServerTrouble,
    SourceError,
    TooLarge,
    Unreachable,
    Untrusted,
)
from apps.sources.limits import Governor, LocalGovernor, backoff, limit_of
from apps.sources.problems import problem_of, told_by
from apps.sources.text import read_json
from apps.sources.transport import SENT_HOME_ONLY, Call, Reply, Transport, place

T = TypeVar("T")

__all__ = ["Answer", "Governor", "Http", "host"]

MEBIBYTE = 1024 * 1024


def host(url: str) -> str:
    """The host (and port) of an address, as one spelling."""
    return urlsplit(url).netloc.lower()


class Answer(Reply):
    """A good answer (status below 400): ``status``, ``headers`` (names in lower case), ``body``, ``url``."""

    def decode(self, shape: type[T]) -> T:
        """The JSON body read as ``shape``; :class:`InvalidAnswer` says what came instead."""
        try:
            return read_json(self.body, shape)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            what = "a web page (HTML)" if is_html(self) else "unreadable or unexpected JSON"
            raise InvalidAnswer(
                f"{place(self.url)} answered with {what} ({error}). "
                "Check that the base URL is that of the provider's API.",
                self.status,
            ) from None


class Http:
    """A client of one provider. All its calls only read, so that each may be tried again, POST as well.

    ``attempts`` tries per call; ``patience`` is the longest pause (seconds) that is slept through here, for a
    longer one :class:`RateLimited` is raised; ``timeout`` is (connect, read); ``max_bytes`` bounds a body
    after decompression. Safe to share between threads.
    """

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        governor: Governor | None = None,
        patience: float = 5.0,
        attempts: int = 5,
        timeout: tuple[float, float] = (10, 60),
        max_bytes: int = 64 * MEBIBYTE,
        pool: int = 32,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.requests = 0
        self.bytes = 0
        sent = {"Accept": "application/json", "User-Agent": "etlproject/0.1", **(headers or {})}
        if auth:
            sent["Authorization"] = "Basic " + b64encode(":".join(auth).encode()).decode()
        self._secrets = secrets_in(sent, auth)
        self._transport = Transport(self.base_url, sent, timeout=timeout, max_bytes=max_bytes, pool=pool)
        self._governor = governor or LocalGovernor(pool, patience)
        self._patience = patience
        self._attempts = attempts
        self._lock = threading.Lock()
        self._closing = threading.Event()

    def get(
        self,
        path_or_url: str,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        attempts: int | None = None,
    ) -> Answer:
        """Ask. Raises a :class:`SourceError` for 400 and above. ``attempts`` stands in for the client's."""
        return self._ask(Call("GET", self._url(path_or_url), params, headers or {}, None), attempts)

    def post(
        self,
        path_or_url: str,
        json: Any,
        headers: Mapping[str, str] | None = None,
        attempts: int | None = None,
    ) -> Answer:
        """Ask with a JSON body; otherwise as :meth:`get`."""
        sent = {"Content-Type": "application/json", **(headers or {})}
        return self._ask(Call("POST", self._url(path_or_url), None, sent, msgspec.json.encode(json)), attempts)

    def close(self) -> None:
        """Close the connections and wake up whoever waits for another try."""
        self._closing.set()
        self._transport.close()

    def __enter__(self) -> "Http":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _url(self, path_or_url: str) -> str:
        return path_or_url if "://" in path_or_url else f"{self.base_url}/{path_or_url.lstrip('/')}"

    def _ask(self, call: Call, attempts: int | None) -> Answer:
        attempts = attempts or self._attempts
        for attempt in range(attempts - 1):
            try:
                return self._try(call)
            except SourceError as error:
                pause = self._pause_before_next(error, attempt)
                if pause is None or self._closing.wait(pause):
                    raise
        return self._try(call)

    def _try(self, call: Call) -> Answer:
        try:
            with self._governor.slot():
                reply = self._transport.send(call)
        except Unreachable:
            self._governor.observe(0, {})
            raise
        with self._lock:
            self.requests += 1
            self.bytes += len(reply.body)
        self._governor.observe(reply.status, reply.headers)
        if reply.status >= 400:
            raise self._refusal(reply)
        if is_cut(reply):
            raise InvalidAnswer(f"{place(call.url)} answered with JSON that ends too early.", reply.status)
        return Answer(reply.status, reply.headers, reply.body, reply.url)

    def _refusal(self, reply: Reply) -> SourceError:
        where, message = place(reply.url), told_by(reply.body)
        for secret in self._secrets:
            message = message.replace(secret, "•••")
        limit = limit_of(reply.status, reply.headers, message)
        if limit is None:
            return problem_of(reply.status, where, message)
        until = self._governor.limited(limit)
        sentence = f"{where} asks for a pause until {until:%Y-%m-%d %H:%M:%S} UTC ({limit.reason}, {reply.status})."
        return RateLimited(sentence, until, reply.status)

    def _pause_before_next(self, error: SourceError, attempt: int) -> float | None:
        """Seconds to wait before another try; ``None`` where another try makes no sense (here and now)."""
        if isinstance(error, RateLimited):
            seconds = (error.until - datetime.now(UTC)).total_seconds()
            return max(seconds, 0.0) if seconds <= self._patience else None
        if isinstance(error, Untrusted | TooLarge) or not isinstance(
            error, Unreachable | ServerTrouble | InvalidAnswer
        ):
            return None
        return backoff(attempt)


def is_html(reply: Reply) -> bool:
    """Whether this is a web page: a log-in form, a proxy's error."""
    start = reply.body[:64].lstrip().lower()
    return "html" in reply.headers.get("content-type", "").lower() or start.startswith((b"<!doctype", b"<html"))


def is_cut(reply: Reply) -> bool:
    """Whether a JSON body obviously ends too early: another try may bring it whole."""
    if reply.status in (204, 205, 304) or "json" not in reply.headers.get("content-type", "").lower():
        return False
    body = reply.body[:16].lstrip()[:1] + reply.body[-16:].rstrip()[-1:]
    return len(reply.body) < 2 or (body[:1] in (b"{", b"[") and body not in (b"{}", b"[]"))


def secrets_in(headers: Mapping[str, str], auth: tuple[str, str] | None) -> list[str]:
    """What must never be repeated in a message, longest first."""
    values = [value for name, value in headers.items() if name.lower() in SENT_HOME_ONLY]
    values += [value.partition(" ")[2] for value in values] + [auth[1] if auth else ""]
    return sorted({value for value in values if len(value) > 3}, key=len, reverse=True)
