"""How does a source talk HTTP? One thread-safe client with retries, limits and clear error sentences."""

import threading
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from apps.sources.errors import (
    ForbiddenError,
    InvalidAnswerError,
    NotFoundError,
    RateLimitedError,
    SourceError,
    UnreachableError,
)
from apps.sources.limit_headers import Pause, earliest_date, pause_of_refusal
from apps.sources.problems import error_of, message_in
from apps.sources.rate_limiter import LocalRateLimiter, RateLimiter, pause_sentence
from apps.sources.reading import read_answer
from apps.sources.retry_policy import RetryPolicy
from apps.sources.sizes import LocalSizes, Sizes
from apps.sources.transport import ORIGIN_ONLY_HEADERS, Reply, Request, Transport, shown_url

T = TypeVar("T")

MEBIBYTE = 1024 * 1024


def host(url: str) -> str:
    """The host (and port) of an address in lower case, without user name and password."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


class Answer(Reply):
    """A good answer (status below 400): ``status``, ``headers`` (names in lower case), ``body``, ``url``."""

    def __init__(self, reply: Reply, client: "Http") -> None:
        super().__init__(reply.status, reply.headers, reply.body, reply.url)
        self._client = client

    def pause(self, pause: Pause) -> None:
        """Make everybody who shares the quota of this answer pause."""
        self._client.rate_limiter.pause(pause)

    def decode(self, shape: type[T]) -> T:
        """The JSON body read as ``shape``. Raises :class:`InvalidAnswerError` with what came instead."""
        try:
            return read_answer(self.body, shape, shown_url(self.url))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            what = "a web page (HTML)" if is_html(self) else "unreadable or unexpected JSON"
            raise InvalidAnswerError(
                f"{self._client.provider} sent {what} ({error}). Check that the base URL is that of the provider's "
                f"API. Address: {shown_url(self.url)}",
                self.status,
            ) from None


# Finds the pause that a good answer asks for in its body.
FindPause = Callable[[Answer], Pause | None]


@dataclass(frozen=True)
class HttpOptions:
    """The options of a client.

    ``provider`` is the name in error sentences; without one they name the host. ``attempts`` is the number of tries
    per call. ``max_wait`` is the longest pause (seconds) that the client waits; a longer one raises
    :class:`RateLimitedError`. ``timeout`` is (connect, read) in seconds. ``max_bytes`` limits a body after
    decompression. ``must_be_public`` refuses addresses in private networks. ``on_retry`` receives a sentence when a
    call is tried again. ``others`` are clients of the same site with other tokens: each call is sent with the token
    that has the most requests left. If this token has to wait or is refused, the call continues with another one.
    ``sizes`` remembers how much the provider could answer at once. ``account_path`` is what every valid token may ask
    for: if this works, a 401 for something else is a missing right.
    """

    provider: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    auth: tuple[str, str] | None = field(default=None, repr=False)
    rate_limiter: RateLimiter | None = None
    sizes: Sizes | None = None
    attempts: int = 5
    max_wait: float = 5.0
    timeout: tuple[float, float] = (10, 60)
    max_bytes: int = 64 * MEBIBYTE
    max_connections: int = 32
    must_be_public: bool = False
    on_retry: Callable[[str], None] | None = None
    others: Sequence["Http"] = ()
    account_path: str = ""


class Http:
    """A client of one provider. All its calls only read, so each may be tried again, even POST.

    Safe to share between threads.
    """

    def __init__(self, base_url: str, options: HttpOptions = HttpOptions()) -> None:
        self.base_url = base_url.rstrip("/")
        self.rate_limiter = options.rate_limiter or LocalRateLimiter(options.max_connections, options.max_wait)
        self.sizes = options.sizes or LocalSizes()
        sent = {"Accept": "application/json", "User-Agent": "etlproject/0.1", **options.headers}
        if options.auth:
            sent["Authorization"] = "Basic " + b64encode(":".join(options.auth).encode()).decode()
        self._secrets = secrets_in(sent, options.auth)
        self._transport = Transport(
            self.base_url,
            sent,
            timeout=options.timeout,
            max_bytes=options.max_bytes,
            max_connections=options.max_connections,
            must_be_public=options.must_be_public,
        )
        self.provider = options.provider or host(base_url)
        self._options = options
        self._clients = [self, *options.others]
        self._requests = 0
        self._bytes = 0
        self._clock_offset: float | None = None
        self._lock = threading.Lock()
        self._closing = threading.Event()

    @property
    def requests(self) -> int:
        """The number of answers so far."""
        return sum(client._requests for client in self._clients)

    @property
    def bytes(self) -> int:
        """The size of all bodies so far."""
        return sum(client._bytes for client in self._clients)

    @property
    def clock_offset(self) -> float | None:
        """By how many seconds the provider's clock is ahead of ours, at least; ``None`` before its first answer."""
        return min((one._clock_offset for one in self._clients if one._clock_offset is not None), default=None)

    def get(
        self,
        path_or_url: str,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        attempts: int | None = None,
    ) -> Answer:
        """Send a GET. Raises a :class:`SourceError` for 400 and above. ``attempts`` replaces the client's number."""
        return self._ask(Request("GET", self._url(path_or_url), params, headers or {}, None), attempts)

    def post(
        self,
        path_or_url: str,
        json: Any,
        headers: Mapping[str, str] | None = None,
        attempts: int | None = None,
        find_pause: FindPause | None = None,
    ) -> Answer:
        """Send a JSON body; otherwise as :meth:`get`. An answer with a pause in its body counts as a refusal."""
        sent = {"Content-Type": "application/json", **(headers or {})}
        request = Request("POST", self._url(path_or_url), None, sent, msgspec.json.encode(json))
        return self._ask(request, attempts, find_pause)

    def close(self) -> None:
        """Close the connections and end all waits for another try."""
        self._closing.set()
        for client in self._clients:
            client._transport.close()

    def __enter__(self) -> "Http":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def has_accepted_token(self) -> bool:
        """Whether the provider accepts the token of this client for other requests, so that only a right is missing."""
        if not self._options.account_path:
            return False
        try:
            self._try(Request("GET", self._url(self._options.account_path), None, {}, None), None)
        except SourceError as refusal:
            return isinstance(refusal, ForbiddenError | NotFoundError)
        return True

    def _url(self, path_or_url: str) -> str:
        return path_or_url if "://" in path_or_url else f"{self.base_url}/{path_or_url.lstrip('/')}"

    def _ask(self, request: Request, attempts: int | None, find_pause: FindPause | None = None) -> Answer:
        rate_limiters = [client.rate_limiter for client in self._clients]
        policy = RetryPolicy(rate_limiters, attempts or self._options.attempts, self._options.max_wait)
        while True:
            token = policy.best_token()
            try:
                return self._clients[token]._try(request, find_pause)
            except SourceError as error:
                if policy.is_refused_again(error, token) and self._clients[token].has_accepted_token():
                    raise ForbiddenError(f"{error} Other requests with this token work.", error.status) from None
                delay = policy.retry_delay(error, token)
                if delay is not None and self._options.on_retry:
                    self._options.on_retry(f"Asks again in {delay:.1f} s. {error}")
                if delay is None or self._closing.wait(delay):
                    raise policy.final_error(error) from None

    def _try(self, request: Request, find_pause: FindPause | None) -> Answer:
        try:
            with self.rate_limiter.place():
                reply = self._transport.send(request)
        except UnreachableError:
            self.rate_limiter.observe(0, {})
            raise
        with self._lock:
            self._requests += 1
            self._bytes += len(reply.body)
            self._note_clock(reply)
        self.rate_limiter.observe(reply.status, reply.headers)
        if reply.status >= 400:
            raise self._refusal(reply)
        if is_cut(reply):
            raise InvalidAnswerError(f"{self.provider} sent JSON that ends too early.", reply.status)
        answer = Answer(reply, self)
        pause = find_pause(answer) if find_pause else None
        if pause:
            raise self._pause_error(reply, pause)
        return answer

    def _note_clock(self, reply: Reply) -> None:
        moment = earliest_date(reply.headers.get("date", ""))
        if moment is not None and "age" not in reply.headers:  # a cache answers with an old date
            offset = (moment - datetime.now(UTC)).total_seconds()
            self._clock_offset = offset if self._clock_offset is None else min(self._clock_offset, offset)

    def _refusal(self, reply: Reply) -> SourceError:
        message = message_in(reply.body)
        for secret in self._secrets:
            message = message.replace(secret, "•••")
        pause = pause_of_refusal(reply.status, reply.headers, message)
        if pause:
            return self._pause_error(reply, pause)
        credentials = "user name and token" if self._options.auth else "token"
        return error_of(reply.status, self.provider, shown_url(reply.url), message, credentials)

    def _pause_error(self, reply: Reply, pause: Pause) -> RateLimitedError:
        until = self.rate_limiter.pause(pause)
        sentence = pause_sentence(until, pause.reason, self.provider)
        return RateLimitedError(sentence, until, reply.status, pause.reason)


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
    """The texts that no message may contain, longest first."""
    values = [value for name, value in headers.items() if name.lower() in ORIGIN_ONLY_HEADERS]
    values += [value.partition(" ")[2] for value in values] + [auth[1] if auth else ""]
    return sorted({value for value in values if len(value) > 3}, key=len, reverse=True)
