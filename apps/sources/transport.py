"""How does one request reach the provider and come back whole? Connections, redirects, sizes, times."""

import time
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.utils import parse_header_links
from urllib3.exceptions import HTTPError

from apps.sources.errors import AnswerTooLargeError, UnreachableError, UntrustedError
from apps.sources.network import PublicOnlyAdapter, is_public_host

CHUNK = 256 * 1024
MOST_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
SENT_HOME_ONLY = frozenset({"authorization", "cookie", "private-token"})


class Call(NamedTuple):
    """One request."""

    method: str
    url: str
    params: Mapping[str, Any] | None
    headers: Mapping[str, str]
    body: bytes | None


class Reply:
    """One answer, read to its end: ``headers`` have lower-case names."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes, url: str) -> None:
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.body = body
        self.url = url

    def link(self, rel: str) -> str:
        """The address in the Link header for ``rel`` (``next``, ``last`` …), "" without one."""
        for link in parse_header_links(self.headers.get("link", "")):
            if link.get("rel") == rel:
                return urljoin(self.url, link.get("url", ""))
        return ""


class Transport:
    """Sends single requests for one base URL; ``headers`` with credentials go to its origin only.

    With ``public_only`` no connection is made into a private network; a public provider cannot lead us there either.
    Thread-safe: cookies are refused, so that the session has no state that calls could share.
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        *,
        timeout: tuple[float, float],
        max_bytes: int,
        pool: int,
        public_only: bool,
    ) -> None:
        self._origin = origin(base_url)
        self._headers = dict(headers)
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._session = requests.Session()
        self._session.auth = _NoNetrc()
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._public_only = public_only
        self._open = HTTPAdapter(pool_connections=4, pool_maxsize=pool)
        self._guarded = PublicOnlyAdapter(pool_connections=4, pool_maxsize=pool)
        settings = self._session.merge_environment_settings(base_url, {}, True, None, None)
        self._settings: dict[str, Any] = {**settings}

    def send(self, call: Call) -> Reply:
        """Send and follow redirects. Raises :class:`UnreachableError` or :class:`AnswerTooLargeError`."""
        for _ in range(MOST_REDIRECTS + 1):
            reply = self._send_once(call)
            target = reply.headers.get("location", "")
            if reply.status not in REDIRECTS or not target:
                return reply
            call = call._replace(url=urljoin(reply.url, target), params=None)
            if reply.status == 303:
                call = call._replace(method="GET", body=None)
        raise UntrustedError(f"{place(call.url)} redirects in a circle (more than {MOST_REDIRECTS} times).")

    def close(self) -> None:
        """Close all connections."""
        self._open.close()
        self._guarded.close()

    def _send_once(self, call: Call) -> Reply:
        sent = {**self._headers, **call.headers}
        guarded = self._public_only
        if origin(call.url) != self._origin:
            guarded = guarded or is_public_host(*self._origin[1:])
            refuse_strange_place(call.url, guarded)
            sent = {name: value for name, value in sent.items() if name.lower() not in SENT_HOME_ONLY}
        request = requests.Request(call.method, call.url, params=call.params, headers=sent, data=call.body)
        try:
            prepared = self._session.prepare_request(request)
            adapter = self._guarded if guarded else self._open
            with adapter.send(prepared, timeout=self._timeout, **self._settings) as response:
                body = self._read(response)
                return Reply(response.status_code, response.headers, body, prepared.url or call.url)
        except (requests.RequestException, HTTPError, UnicodeError) as error:
            raise unreachable(error, call.url, self._timeout) from None

    def _read(self, response: requests.Response) -> bytes:
        """The body, never more than ``max_bytes`` of it in memory, and never slower than a few time-outs."""
        deadline = time.monotonic() + 5 * self._timeout[1]
        chunks, size = [], 0
        while chunk := response.raw.read(CHUNK, decode_content=True):
            chunks.append(chunk)
            size += len(chunk)
            if size > self._max_bytes:
                raise AnswerTooLargeError(
                    f"{place(response.url)} answered with more than {self._max_bytes // 1024:,} KiB.",
                    response.status_code,
                )
            if time.monotonic() > deadline:
                raise UnreachableError(f"{place(response.url)} sends its answer too slowly to ever end.")
        return b"".join(chunks)


class _NoNetrc(AuthBase):
    """Keeps requests from looking for credentials in a .netrc file."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of ``url``; :class:`UntrustedError` for what is no address."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise UntrustedError(f"{url.rpartition('@')[2][:100]!r} is not a valid web address.") from error
    return parts.scheme, parts.hostname or "", port


def place(url: str) -> str:
    """``url`` as it may be shown: without user, password and query."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def refuse_strange_place(url: str, public_only: bool) -> None:
    """A provider leads to web addresses only, a public one to none in the operator's own network.

    The connection itself looks again, at the address that it goes to; behind a proxy only this look counts.
    """
    scheme, host, port = origin(url)
    if scheme not in ("http", "https"):
        raise UntrustedError(f"{place(url)} is no web address that may be followed.")
    if public_only and not is_public_host(host, port):
        raise UntrustedError(f"The provider leads to {place(url)}, which lies in a private network: not followed.")


def unreachable(error: Exception, url: str, timeout: tuple[float, float]) -> UnreachableError:
    """``error`` of the HTTP library as one that says in a sentence what a person can do about it."""
    where, text = place(url), str(error)
    if isinstance(error, requests.exceptions.SSLError) or "CERTIFICATE_VERIFY_FAILED" in text:
        return UntrustedError(
            f"The certificate of {where} cannot be verified. Check the address, or let REQUESTS_CA_BUNDLE "
            "name the file with your own certificate authority."
        )
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema | UnicodeError):
        return UntrustedError(f"{where} is not a valid web address.")
    if "NameResolutionError" in text or "Failed to resolve" in text:
        return UnreachableError(
            f"The name {urlsplit(url).hostname} is not known. Check the base URL for a typing error."
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return UnreachableError(f"The proxy on the way to {where} does not work. Check HTTPS_PROXY and NO_PROXY.")
    if isinstance(error, requests.exceptions.Timeout) or "timed out" in text:
        return UnreachableError(f"{where} did not answer within {timeout[1]:g} seconds.")
    if "refused" in text:
        return UnreachableError(
            f"{where} refuses the connection. Check the address and port, and that the server runs."
        )
    return UnreachableError(f"The connection to {where} broke off before the answer was complete.")
