"""How does a source talk HTTP? One polite, thread-safe client: retries, limits, clear sentences."""

import threading
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from apps.sources.errors import InvalidAnswerError, RateLimitedError, SourceError, UnreachableError
from apps.sources.governors import Governor, LocalGovernor, pause_sentence
from apps.sources.limits import Limit, limit_of
from apps.sources.problems import problem_of, told_by
from apps.sources.sizes import LocalSizes, Sizes
from apps.sources.text import read_json
from apps.sources.transport import SENT_HOME_ONLY, Call, Reply, Transport, place
from apps.sources.tries import Tries

T = TypeVar("T")

__all__ = ["Answer", "Governor", "Http", "host"]

MEBIBYTE = 1024 * 1024


def host(url: str) -> str:
    """The host (and port) of an address, as one spelling."""
    return urlsplit(url).netloc.lower()


class Answer(Reply):
    """A good answer (status below 400): ``status``, ``headers`` (names in lower case), ``body``, ``url``."""

    def __init__(self, reply: Reply, governor: Governor) -> None:
        super().__init__(reply.status, reply.headers, reply.body, reply.url)
        self._governor = governor

    def pause(self, limit: Limit) -> None:
        """Have everybody pause who shares the allowance that this answer came from."""
        self._governor.limited(limit)

    def decode(self, shape: type[T]) -> T:
        """The JSON body read as ``shape``; :class:`InvalidAnswerError` says what came instead."""
        try:
            return read_json(self.body, shape)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            what = "a web page (HTML)" if is_html(self) else "unreadable or unexpected JSON"
            raise InvalidAnswerError(
                f"{place(self.url)} answered with {what} ({error}). "
                "Check that the base URL is that of the provider's API.",
                self.status,
            ) from None


# Finds the limit that a provider tells in a good answer.
LimitIn = Callable[[Answer], Limit | None]


class Http:
    """A client of one provider. All its calls only read, so that each may be tried again, POST as well.

    ``attempts`` tries per call; ``patience`` is the longest pause (seconds) that is slept through here, for a
    longer one :class:`RateLimitedError` is raised; ``timeout`` is (connect, read); ``max_bytes`` bounds a body
    after decompression. ``public_only`` refuses addresses in private networks. ``on_trouble`` is told why a call is
    tried again. ``others`` are clients of the same site with other tokens: each call is asked with the token that has
    most left, and goes on with another where one has to wait or is refused. ``sizes`` remembers for the source how
    much the provider could answer at once. Safe to share between threads.
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
        public_only: bool = False,
        on_trouble: Callable[[str], None] | None = None,
        others: Sequence["Http"] = (),
        sizes: Sizes | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.governor = governor or LocalGovernor(pool, patience)
        self.sizes = sizes or LocalSizes()
        sent = {"Accept": "application/json", "User-Agent": "etlproject/0.1", **(headers or {})}
        if auth:
            sent["Authorization"] = "Basic " + b64encode(":".join(auth).encode()).decode()
        self._secrets = secrets_in(sent, auth)
        self._transport = Transport(
            self.base_url, sent, timeout=timeout, max_bytes=max_bytes, pool=pool, public_only=public_only
        )
        self._patience = patience
        self._attempts = attempts
        self._on_trouble = on_trouble
        self._clients = [self, *others]
        self._requests = 0
        self._bytes = 0
        self._lock = threading.Lock()
        self._closing = threading.Event()

    @property
    def requests(self) -> int:
        """How many answers have come."""
        return sum(client._requests for client in self._clients)

    @property
    def bytes(self) -> int:
        """How large their bodies were."""
        return sum(client._bytes for client in self._clients)

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
        limit_in: LimitIn | None = None,
    ) -> Answer:
        """Ask with a JSON body; otherwise as :meth:`get`. An answer with ``limit_in`` it counts as a refusal."""
        sent = {"Content-Type": "application/json", **(headers or {})}
        call = Call("POST", self._url(path_or_url), None, sent, msgspec.json.encode(json))
        return self._ask(call, attempts, limit_in)

    def close(self) -> None:
        """Close the connections and wake up whoever waits for another try."""
        self._closing.set()
        for client in self._clients:
            client._transport.close()

    def __enter__(self) -> "Http":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _url(self, path_or_url: str) -> str:
        return path_or_url if "://" in path_or_url else f"{self.base_url}/{path_or_url.lstrip('/')}"

    def _ask(self, call: Call, attempts: int | None, limit_in: LimitIn | None = None) -> Answer:
        tries = Tries(self._clients, attempts or self._attempts, self._patience)
        while True:
            client = tries.best()
            try:
                return client._try(call, limit_in)
            except SourceError as error:
                pause = tries.pause_after(error, client)
                if pause is not None and self._on_trouble:
                    self._on_trouble(f"Asks again in {pause:.1f} s. {error}")
                if pause is None or self._closing.wait(pause):
                    raise tries.verdict(error) from None

    def _try(self, call: Call, limit_in: LimitIn | None) -> Answer:
        try:
            with self.governor.slot():
                reply = self._transport.send(call)
        except UnreachableError:
            self.governor.observe(0, {})
            raise
        with self._lock:
            self._requests += 1
            self._bytes += len(reply.body)
        self.governor.observe(reply.status, reply.headers)
        if reply.status >= 400:
            raise self._refusal(reply)
        if is_cut(reply):
            raise InvalidAnswerError(f"{place(call.url)} answered with JSON that ends too early.", reply.status)
        answer = Answer(reply, self.governor)
        limit = limit_in(answer) if limit_in else None
        if limit:
            raise self._limited(reply, limit)
        return answer

    def _refusal(self, reply: Reply) -> SourceError:
        message = told_by(reply.body)
        for secret in self._secrets:
            message = message.replace(secret, "•••")
        limit = limit_of(reply.status, reply.headers, message)
        return self._limited(reply, limit) if limit else problem_of(reply.status, place(reply.url), message)

    def _limited(self, reply: Reply, limit: Limit) -> RateLimitedError:
        until = self.governor.limited(limit)
        return RateLimitedError(pause_sentence(until, limit.reason, host(reply.url)), until, reply.status)


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
