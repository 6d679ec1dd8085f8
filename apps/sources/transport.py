"""How does one request reach the provider, and how is its whole answer read? Connections, redirects, sizes, times."""

import time
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from io import BytesIO
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
MAX_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
ORIGIN_ONLY_HEADERS = frozenset({"authorization", "cookie", "private-token"})


class Request(NamedTuple):
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

    With ``must_be_public`` no connection is made into a private network; a public provider cannot redirect us there
    either. Thread-safe: the session refuses cookies, so it has no state that calls could share.
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        *,
        timeout: tuple[float, float],
        max_bytes: int,
        max_connections: int,
        must_be_public: bool,
    ) -> None:
        self._origin = origin(base_url)
        self._headers = dict(headers)
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._session = requests.Session()
        self._session.auth = _NoNetrc()
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._must_be_public = must_be_public
        self._any_adapter = HTTPAdapter(pool_connections=4, pool_maxsize=max_connections)
        self._public_adapter = PublicOnlyAdapter(pool_connections=4, pool_maxsize=max_connections)
        settings = self._session.merge_environment_settings(base_url, {}, True, None, None)
        self._settings: dict[str, Any] = {**settings}

    def send(self, request: Request) -> Reply:
        """Send and follow redirects. Raises :class:`UnreachableError` or :class:`AnswerTooLargeError`."""
        for _ in range(MAX_REDIRECTS + 1):
            reply = self._send_once(request)
            target = reply.headers.get("location", "")
            if reply.status not in REDIRECTS or not target:
                return reply
            request = request._replace(url=urljoin(reply.url, target), params=None)
            if reply.status == 303:
                request = request._replace(method="GET", body=None)
        raise UntrustedError(f"The provider redirects in a circle. Address: {shown_url(request.url)}")

    def close(self) -> None:
        """Close all connections."""
        self._any_adapter.close()
        self._public_adapter.close()

    def _send_once(self, request: Request) -> Reply:
        method, url, params, headers, body = request
        sent = {**self._headers, **headers}
        must_be_public = self._must_be_public
        if origin(url) != self._origin:
            must_be_public = must_be_public or is_public_host(*self._origin[1:])
            refuse_untrusted_target(url, must_be_public)
            sent = {name: value for name, value in sent.items() if name.lower() not in ORIGIN_ONLY_HEADERS}
        try:
            prepared = self._session.prepare_request(
                requests.Request(method, url, params=params, headers=sent, data=body)
            )
            adapter = self._public_adapter if must_be_public else self._any_adapter
            with adapter.send(prepared, timeout=self._timeout, **self._settings) as response:
                return Reply(response.status_code, response.headers, self._read(response), prepared.url or url)
        except (requests.RequestException, HTTPError, UnicodeError) as error:
            raise unreachable(error, url, self._timeout) from None

    def _read(self, response: requests.Response) -> bytes:
        """The body. It may have at most ``max_bytes``, and reading it may take only a few time-outs."""
        deadline = time.monotonic() + 5 * self._timeout[1]
        body = BytesIO()  # gives what it has collected without a copy
        while chunk := response.raw.read(CHUNK, decode_content=True):
            body.write(chunk)
            if body.tell() > self._max_bytes:
                raise AnswerTooLargeError(
                    f"The answer is larger than {self._max_bytes // 1024:,} KiB. Address: {shown_url(response.url)}",
                    response.status_code,
                )
            if time.monotonic() > deadline:
                raise UnreachableError(f"The answer comes too slowly. Address: {shown_url(response.url)}")
        return body.getvalue()


class _NoNetrc(AuthBase):
    """Keeps requests from looking for credentials in a .netrc file."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of ``url``; raises :class:`UntrustedError` if it is no address."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise UntrustedError(f"{url.rpartition('@')[2][:100]!r} is not a valid web address.") from error
    return parts.scheme, parts.hostname or "", port


def shown_url(url: str) -> str:
    """``url`` as it may be shown: without user, password and query."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def refuse_untrusted_target(url: str, must_be_public: bool) -> None:
    """Refuse a redirect to an invalid web address, or from a public provider into a private network.

    The connection checks its address once more. Behind a proxy only this check works.
    """
    scheme, host, port = origin(url)
    if scheme not in ("http", "https"):
        raise UntrustedError(f"The provider redirects to {shown_url(url)}, which is no web address.")
    if must_be_public and not is_public_host(host, port):
        raise UntrustedError(f"The provider redirects to {shown_url(url)}, which is in a private network.")


def unreachable(error: Exception, url: str, timeout: tuple[float, float]) -> UnreachableError:
    """The error for ``error`` of the HTTP library, with a sentence that a person can act on."""
    host, text = urlsplit(url).netloc.rpartition("@")[2], str(error)
    if isinstance(error, requests.exceptions.SSLError) or "CERTIFICATE_VERIFY_FAILED" in text:
        return UntrustedError(
            f"The certificate of {host} cannot be verified. Check the address, or set REQUESTS_CA_BUNDLE to the file "
            "with your own certificate authority."
        )
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema | UnicodeError):
        return UntrustedError(f"{shown_url(url)} is not a valid web address.")
    if "NameResolutionError" in text or "Failed to resolve" in text:
        name = urlsplit(url).hostname
        return UnreachableError(f"The name {name} is not known. Check the base URL for a typing error.")
    if isinstance(error, requests.exceptions.ProxyError):
        return UnreachableError(f"The proxy on the way to {host} does not work. Check HTTPS_PROXY and NO_PROXY.")
    if isinstance(error, requests.exceptions.Timeout) or "timed out" in text:
        return UnreachableError(f"{host} did not answer within {timeout[1]:g} seconds.")
    if "refused" in text:
        return UnreachableError(f"{host} refuses the connection. Check the address and port, and that the server runs.")
    return UnreachableError(f"The connection to {host} broke off before the answer was complete.")
