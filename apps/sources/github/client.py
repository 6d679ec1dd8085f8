"""How is GitHub asked? REST lists along their Link headers, GraphQL with its own kinds of failure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import msgspec

from apps.sources.base import Fetched, Skip, Slice
from apps.sources.errors import (
    BadRequestError,
    EndpointRemovedError,
    ForbiddenError,
    InvalidAnswerError,
    NotFoundError,
    ServerError,
    SourceError,
    UnreachableError,
    UntrustedError,
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
from apps.sources.text import clean, parse_time, read_json

T = TypeVar("T")

API_VERSION = "2022-11-28"
PER_PAGE = 100
# On these a smaller question may succeed where the same one would fail again.
TOO_MUCH = (ServerError, UnreachableError, InvalidAnswerError)
_LIMITS = frozenset({"RATE_LIMITED", "RATE_LIMIT"})
_TOO_MUCH = frozenset(
    {"RESOURCE_LIMITS_EXCEEDED", "MAX_NODE_LIMIT_EXCEEDED", "SERVICE_UNAVAILABLE", "INTERNAL", "TIMEOUT"}
)
_HOLES = frozenset({"NOT_FOUND", "FORBIDDEN"})
_TROUBLE = ("something went wrong", "timed out", "timeout", "resource limits")


class GraphQLUnavailable(SourceError):
    """This site or token has no GraphQL (or one too old for the queries): the same data comes over REST."""


class GraphQLError(msgspec.Struct):
    """One entry of ``errors``; ``path`` leads to the part of the data that is missing because of it."""

    message: str = ""
    type: str | None = None
    path: list[str | int] | None = None
    extensions: dict[str, Any] | None = None


class _Rate(msgspec.Struct, rename="camel"):
    cost: int = 0
    remaining: int = 1
    reset_at: str = ""


class _RateOnly(msgspec.Struct, rename="camel"):
    rate_limit: _Rate | None = None


class _Body(msgspec.Struct):
    data: msgspec.Raw = msgspec.Raw(b"null")
    errors: list[GraphQLError] | None = None


@dataclass(frozen=True)
class Told(Generic[T]):
    """What GraphQL told: ``data``, and the ``errors`` that leave holes in it."""

    data: T
    errors: list[GraphQLError]


class Client:
    """Asks one GitHub site through :class:`Http`; shared by the threads of a process."""

    def __init__(self, http: Http) -> None:
        self.http = http
        self.graphql_url = graphql_url(http.base_url)

    def page(self, path_or_url: str, **params: str | int) -> Answer:
        """One page of a REST list; an address with a query (a Link header's) is asked as it stands."""
        asked = None if "?" in path_or_url else {"per_page": PER_PAGE, **params}
        return self.http.get(path_or_url, asked)

    def every_item(self, path: str) -> list[msgspec.Raw]:
        """All items of a short REST list, each byte for byte."""
        items: list[msgspec.Raw] = []
        url, seen = path, set[str]()
        while url:
            if url in seen:
                raise InvalidAnswerError(f"GitHub's list {path} leads back to a page that was read already.")
            seen.add(url)
            answer = self.page(url)
            items += answer.decode(list[msgspec.Raw])
            url = answer.link("next")
        return items

    def graphql(self, query: str, variables: Mapping[str, Any], shape: type[T], attempts: int | None = None) -> Told[T]:
        """``data`` read as ``shape``.

        Raises :class:`GraphQLUnavailable`; :class:`ServerError` where less should be asked for at once;
        :class:`~apps.sources.errors.RateLimitedError`; :class:`BadRequestError` for a refused query.
        """
        asked = {"query": query, "variables": variables}
        try:
            answer = self.http.post(self.graphql_url, asked, attempts=attempts, find_pause=limit_told)
        except (NotFoundError, ForbiddenError, EndpointRemovedError) as error:
            raise GraphQLUnavailable(str(error), error.status) from error
        body = answer.decode(_Body)
        errors = body.errors or []
        data = bytes(body.data)
        raise_for(errors, data == b"null", answer)
        try:
            pause_before_the_limit(answer, read_json(data, _RateOnly).rate_limit)
            return Told(read_json(data, shape), errors)
        except msgspec.DecodeError as error:
            raise InvalidAnswerError(f"GitHub's GraphQL answer has an unexpected shape ({error}).") from error


def graphql_url(base_url: str) -> str:
    """Where GraphQL lives beside the REST base URL: GitHub Enterprise Server has it one level up."""
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


def raise_for(errors: list[GraphQLError], no_data: bool, answer: Answer) -> None:
    """Raise for errors that make the whole answer useless; errors that only leave holes pass."""
    for error in errors:
        if error.type in _HOLES:
            continue
        message, lowered = clean(error.message)[:300], error.message.lower()
        if error.type in _TOO_MUCH or any(word in lowered for word in _TROUBLE):
            raise ServerError(f"GitHub's GraphQL gave up: {message}", 502)
        if (error.extensions or {}).get("code") in {"undefinedField", "undefinedType", "argumentNotAccepted"}:
            raise GraphQLUnavailable(f"This GitHub's GraphQL is too old for the question: {message}")
    if no_data:
        told = clean(errors[0].message)[:300] if errors else "it gave no data"
        raise BadRequestError(f"GitHub's GraphQL refuses the question: {told}", answer.status)


def limit_told(answer: Answer) -> Pause | None:
    """The pause that a GraphQL answer with status 200 asks for among its errors."""
    if b'"errors"' not in answer.body:
        return None
    for error in answer.decode(_Body).errors or []:
        if error.type in _LIMITS or (error.type not in _HOLES and "rate limit" in error.message.lower()):
            told = retry_after(answer.headers)
            told = seconds_to_reset(answer.headers) if told is None else told
            return pause_or_guess(told, SECONDARY_GUESS, f"GraphQL says “{clean(error.message)[:100]}”")
    return None


def pause_before_the_limit(answer: Answer, rate: _Rate | None) -> None:
    """A question that costs more points than are left is not sent: GitHub punishes those who go on."""
    until = parse_time(rate.reset_at) if rate else None
    if rate is None or until is None or rate.remaining >= rate.cost:
        return
    seconds = seconds_until(until, answer.headers)
    if seconds > 0:
        reason = f"the GraphQL points are used up ({rate.remaining} left, a question costs {rate.cost})"
        answer.pause(Pause(seconds, reason))


def hole(errors: list[GraphQLError], scope: str) -> SourceError:
    """The exception for a repository that came back as null."""
    told = "; ".join(clean(error.message)[:300] for error in errors)
    if any(error.type == "FORBIDDEN" for error in errors):
        return ForbiddenError(f"GitHub does not permit the token to read {scope}: {told}", 403)
    return NotFoundError(f"{scope} does not exist, or the token may not see it. {told}".strip(), 404)


def holes(errors: list[GraphQLError], scope: str) -> list[Skip]:
    """One outcome per distinct reason why a part of an answer is missing."""
    told = dict.fromkeys(clean(error.message)[:300] for error in errors)
    return [Skip(scope, f"GitHub left out a part of {scope}: {message}") for message in told]


def attempts_for(first: int) -> int | None:
    """A question that can be made smaller is asked once, the smallest as often as the client does."""
    return 1 if first > 1 else None


def ask_less(piece: Slice, first: int, error: SourceError) -> Fetched:
    """The same page of a list with half as many items; raises ``error`` when there is no less to ask for."""
    if first == 1 or isinstance(error, UntrustedError):
        raise error
    return Fetched(follow_ups=[Slice(piece.kind, {**piece.args, "first": first // 2}, piece.scope)])


def next_page(piece: Slice, answer: Answer) -> list[Slice]:
    """The slice of the page that the Link header names, none at the end."""
    url = answer.link("next")
    if not url:
        return []
    if url == answer.url or url == piece.args.get("url"):
        raise InvalidAnswerError(f"GitHub's list {url} leads back to a page that was read already.")
    return [Slice(piece.kind, {**piece.args, "url": url}, piece.scope)]


def null_reasons(errors: list[GraphQLError], *path: str) -> dict[int, GraphQLError]:
    """Why items of the list at ``path`` are missing, by their place in it."""
    found: dict[int, GraphQLError] = {}
    for error in errors:
        *above, place = error.path or [""]
        if tuple(above) == path and isinstance(place, int):
            found[place] = error
    return found
