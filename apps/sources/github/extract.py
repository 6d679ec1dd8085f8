"""Which slice is fetched by what, and what becomes of a refusal? It also decides between GraphQL and REST."""

from collections.abc import Callable

import msgspec

from apps.sources.base import Context, Fetched, Skip, Slice
from apps.sources.errors import Conflict, Forbidden, Gone, InvalidAnswer, NotFound
from apps.sources.github import children, pull_requests, repositories, rest_pull_requests
from apps.sources.github.client import Client, GraphQLUnavailable
from apps.sources.github.definition import REPOSITORIES

FETCHERS: dict[str, Callable[[Client, Slice, Context], Fetched]] = {
    "discovery": repositories.discovery,
    "repositories": repositories.repositories,
    "repository": repositories.repository,
    "releases": repositories.releases,
    "deployments": repositories.deployments,
    "rest_deployments": repositories.rest_deployments,
    "workflow_runs": repositories.workflow_runs,
    "pull_requests": pull_requests.pull_requests,
    "pull_request_details": pull_requests.pull_request_details,
    "pull_request_pages": children.pull_request_pages,
    "rest_pull_requests": rest_pull_requests.rest_pull_requests,
    "rest_pull_request_details": rest_pull_requests.rest_pull_request_details,
    "rest_review_comments": rest_pull_requests.rest_comments,
    "rest_issue_comments": rest_pull_requests.rest_comments,
}


def start(step: str, context: Context) -> list[Slice]:
    """The first slices: what to discover, or the pull requests of each repository."""
    scopes = context.connection.scopes
    if step == REPOSITORIES:
        return repositories.start(scopes)
    names = scopes or [record.scope for record in context.current("repository")]
    return [Slice("pull_requests", {}, name) for name in dict.fromkeys(names)]


def fetch(piece: Slice, context: Context) -> Fetched:
    """Fetch one slice. What is refused for one repository is skipped with a sentence."""
    client = context.memo("github-client", lambda: Client(context.http))
    try:
        return FETCHERS[piece.kind](client, piece, context)
    except GraphQLUnavailable:
        if f"rest_{piece.kind}" not in FETCHERS:
            raise
        return Fetched(follow_ups=[Slice(f"rest_{piece.kind}", {}, piece.scope)])
    except (NotFound, Forbidden, Gone, Conflict) as error:
        if not piece.scope:
            raise
        what = piece.kind.removeprefix("rest_").replace("_", " ")
        return Fetched(skips=[Skip(piece.scope, f"{what.capitalize()} of {piece.scope}: {error}")])
    except msgspec.DecodeError as error:
        raise InvalidAnswer(f"GitHub answered with an unexpected shape ({piece.kind}: {error}).") from error
