"""How do we query GitHub? REST lists are read through Link headers; GraphQL has its own errors."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import msgspec

from apps.sources.base import Slice
from apps.sources.errors import (
    BadRequestError,
    EndpointRemovedError,
    ForbiddenError,
    InvalidAnswerError,
    NotFoundError,
    ServerError,
    SourceError,
    UnreachableError,
)
from apps.sources.http import Answer, Http
from apps.sources.limit_headers import (
    SECONDARY_GUESS,
    Pause,
    pause_or_guess,
    retry_after,
    seconds_to_reset,
    seconds_until,
)
from apps.sources.reading import read_answer
from apps.sources.text import clean, parse_time

T = TypeVar("T")

API_VERSION = "2022-11-28"
RATE_LIMIT = "/rate_limit"  # costs no request of the quota; every token may ask for it
WORKING = "query Working { rateLimit { cost remaining resetAt } }"  # works wherever there is GraphQL
MAX_ITEMS_PER_PAGE = 100
MAX_MESSAGE_LENGTH = 300
# After these errors a smaller query may succeed. The same query would fail again.
TOO_MUCH_ERRORS = (ServerError, UnreachableError, InvalidAnswerError)
# The types and words of GraphQL's own errors.
_RATE_LIMIT_TYPES = frozenset({"RATE_LIMITED", "RATE_LIMIT"})
_TOO_MUCH_TYPES = frozenset(
    {"RESOURCE_LIMITS_EXCEEDED", "MAX_NODE_LIMIT_EXCEEDED", "SERVICE_UNAVAILABLE", "INTERNAL", "TIMEOUT"}
)
_TOO_MUCH_WORDS = ("something went wrong", "timed out", "timeout", "resource limits")
_TOO_OLD_CODES = frozenset({"undefinedField", "undefinedType", "argumentNotAccepted"})
_NULL_TYPES = frozenset({"NOT_FOUND", "FORBIDDEN"})  # They set a part of the data to null. The rest is valid.


class GraphQLUnavailableError(SourceError):
    """This site or token has no GraphQL, or its GraphQL is too old for our queries. REST has the same data."""


class ErrorNode(msgspec.Struct):
    """One entry of ``errors``; ``path`` leads to the part of the data that is missing because of it."""

    message: str = ""
    type: str | None = None
    path: list[str | int] | None = None
    extensions: dict[str, Any] | None = None

    @property
    def sentence(self) -> str:
        """The message as it can be stored and shown."""
        return clean(self.message)[:MAX_MESSAGE_LENGTH]


class _RateLimitNode(msgspec.Struct, rename="camel"):
    cost: int = 0
    remaining: int = 1
    reset_at: str = ""


class _RateLimitData(msgspec.Struct, rename="camel"):
    rate_limit: _RateLimitNode | None = None


class _GraphQLBody(msgspec.Struct):
    data: msgspec.Raw = msgspec.Raw(b"null")
    errors: list[ErrorNode] | None = None


@dataclass(frozen=True)
class GraphQLAnswer(Generic[T]):
    """What GraphQL answered: ``data``, and the ``errors`` that say why parts of it are null."""

    data: T
    errors: list[ErrorNode]


class Client:
    """Asks one GitHub site through :class:`Http`; shared by the threads of a process."""

    def __init__(self, http: Http) -> None:
        self.http = http
        self.graphql_url = graphql_url(http.base_url)
        self._has_graphql: bool | None = None

    def page(self, path_or_url: str, **params: str | int) -> Answer:
        """One page of a REST list. A URL with a query string (from a Link header) is used unchanged."""
        asked = None if "?" in path_or_url else {"per_page": MAX_ITEMS_PER_PAGE, **params}
        return self.http.get(path_or_url, asked)

    def every_item(self, path: str) -> list[msgspec.Raw]:
        """All items of a short REST list, each byte for byte."""
        items: list[msgspec.Raw] = []
        url, read = path, set[str]()
        while url:
            if url in read:
                raise InvalidAnswerError(f"GitHub's list {path} leads back to a page that was read already.")
            read.add(url)
            answer = self.page(url)
            items += answer.decode(list[msgspec.Raw])
            url = answer.link("next")
        return items

    def graphql(
        self, query: str, variables: Mapping[str, Any], shape: type[T], attempts: int | None = None
    ) -> GraphQLAnswer[T]:
        """``data`` read as ``shape``.

        Raises :class:`GraphQLUnavailableError`; one of :data:`TOO_MUCH_ERRORS` if a smaller query may succeed;
        :class:`~apps.sources.errors.RateLimitedError`; :class:`BadRequestError` for a refused query.
        """
        asked = {"query": query, "variables": variables}
        try:
            answer = self.http.post(self.graphql_url, asked, attempts=attempts, find_pause=pause_in_errors)
        except (NotFoundError, ForbiddenError, EndpointRemovedError) as error:
            if query != WORKING and self.has_graphql():
                raise
            raise GraphQLUnavailableError(str(error), error.status) from error
        body = answer.decode(_GraphQLBody)
        errors = body.errors or []
        data = bytes(body.data)
        raise_for(errors, has_data=data != b"null", status=answer.status)
        try:
            pause_before_limit(answer, read_answer(data, _RateLimitData).rate_limit)
            return GraphQLAnswer(read_answer(data, shape, "an answer of GraphQL"), errors)
        except msgspec.DecodeError as error:
            raise InvalidAnswerError(f"GitHub's GraphQL answer has an unexpected shape ({error}).") from error

    def has_graphql(self) -> bool:
        """Whether GraphQL answers at all: then a refusal belongs to the query that was refused."""
        if self._has_graphql is None:
            try:
                self.graphql(WORKING, {}, dict[str, msgspec.Raw])
                self._has_graphql = True
            except GraphQLUnavailableError:
                self._has_graphql = False
        return self._has_graphql


def graphql_url(base_url: str) -> str:
    """The URL of GraphQL. GitHub Enterprise Server has it one level above the REST base URL."""
    return f"{base_url.removesuffix('/v3')}/graphql" if base_url.endswith("/api/v3") else f"{base_url}/graphql"


def repository_path(full_name: str) -> str:
    """``/repos/owner/name``; raises :class:`NotFoundError` for what cannot be a repository's name."""
    owner, slash, name = full_name.strip().strip("/").partition("/")
    if not (owner and slash and name) or "/" in name or name in {".", ".."} or owner in {".", ".."}:
        raise NotFoundError(f"“{clean(full_name)}” is no repository: write it as owner/name.")
    return f"/repos/{quote(owner, safe='')}/{quote(name, safe='')}"


def owner_and_name(full_name: str) -> dict[str, str]:
    """The two variables that name a repository in a query."""
    repository_path(full_name)
    owner, _, name = full_name.strip().strip("/").partition("/")
    return {"owner": owner, "name": name}


def raise_for(errors: list[ErrorNode], *, has_data: bool, status: int) -> None:
    """Raise for errors that make the whole answer useless. Errors that only set parts of the data to null pass."""
    for error in errors:
        if error.type in _NULL_TYPES:
            continue
        lowered = error.message.lower()
        if error.type in _TOO_MUCH_TYPES or any(word in lowered for word in _TOO_MUCH_WORDS):
            raise ServerError(f"GitHub's GraphQL gave up: {error.sentence}", 502)
        if (error.extensions or {}).get("code") in _TOO_OLD_CODES:
            raise GraphQLUnavailableError(f"This GitHub's GraphQL is too old for the query: {error.sentence}")
    if not has_data:
        reason = errors[0].sentence if errors else "it gave no data"
        raise BadRequestError(f"GitHub's GraphQL refuses the query: {reason}", status)


def pause_in_errors(answer: Answer) -> Pause | None:
    """The pause that the errors of a GraphQL answer (status 200) ask for."""
    if b'"errors"' not in answer.body:
        return None
    for error in answer.decode(_GraphQLBody).errors or []:
        if error.type in _RATE_LIMIT_TYPES or (error.type not in _NULL_TYPES and "rate limit" in error.message.lower()):
            seconds = retry_after(answer.headers)
            seconds = seconds_to_reset(answer.headers) if seconds is None else seconds
            return pause_or_guess(seconds, SECONDARY_GUESS, f"GraphQL says “{clean(error.message)[:100]}”")
    return None


def pause_before_limit(answer: Answer, rate: _RateLimitNode | None) -> None:
    """Pause if fewer points are left than a query costs: GitHub punishes clients that continue without points."""
    until = parse_time(rate.reset_at) if rate else None
    if rate is None or until is None or rate.remaining >= rate.cost:
        return
    seconds = seconds_until(until, answer.headers)
    if seconds > 0:
        reason = f"the GraphQL points are used up ({rate.remaining} left, a query costs {rate.cost})"
        answer.pause(Pause(seconds, reason))


def null_repository_error(errors: list[ErrorNode], scope: str) -> SourceError:
    """The exception for a repository that came back as null."""
    reasons = "; ".join(error.sentence for error in errors)
    if any(error.type == "FORBIDDEN" for error in errors):
        return ForbiddenError(f"GitHub does not permit the token to read {scope}: {reasons}", 403)
    return NotFoundError(f"{scope} does not exist, or the token may not see it. {reasons}".strip(), 404)


def next_page(slice_: Slice, answer: Answer) -> list[Slice]:
    """The slice of the page that the Link header names, none at the end."""
    url = answer.link("next")
    if not url:
        return []
    if url == answer.url or url == slice_.args.get("url"):
        raise InvalidAnswerError(f"GitHub's list {url} leads back to a page that was read already.")
    return [slice_.replace_args(url=url)]
