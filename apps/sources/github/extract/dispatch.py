"""Which slice is fetched by what, and what becomes of a refusal? It also decides between GraphQL and REST."""

from collections.abc import Callable

import msgspec

from apps.sources.base import Context, Fetched, Skip, Slice
from apps.sources.errors import ConflictError, EndpointRemovedError, ForbiddenError, InvalidAnswerError, NotFoundError
from apps.sources.github.client import Client, GraphQLUnavailable
from apps.sources.github.definition import REPOSITORIES
from apps.sources.github.extract import (
    children,
    deletions,
    deliveries,
    overview,
    pull_requests,
    refresh,
    repositories,
    rest_pull_requests,
)

FETCHERS: dict[str, Callable[[Client, Slice, Context], Fetched]] = {
    "discovery": repositories.discovery,
    "repositories": repositories.repositories,
    "repository": repositories.repository,
    "overview": overview.overview,
    "rest_overview": overview.rest_overview,
    "releases": deliveries.releases,
    "deployments": deliveries.deployments,
    "deployment_details": deliveries.deployment_details,
    "rest_deployments": deliveries.rest_deployments,
    "workflow_runs": deliveries.workflow_runs,
    "delivery_ids": deliveries.delivery_ids,
    "missing": deletions.missing,
    "pull_request_heads": refresh.pull_request_heads,
    "rest_pull_request_heads": pull_requests.rest_pull_request_heads,
    "vanished": deletions.vanished,
    "pull_requests": pull_requests.pull_requests,
    "pull_request_details": pull_requests.pull_request_details,
    "pull_request_pages": children.pull_request_pages,
    "rest_pull_requests": rest_pull_requests.rest_pull_requests,
    "rest_pull_request_details": rest_pull_requests.rest_pull_request_details,
    "rest_review_comments": rest_pull_requests.rest_comments,
    "rest_issue_comments": rest_pull_requests.rest_comments,
}

# What the same data comes from where there is no GraphQL.
OVER_REST = frozenset({"overview", "deployments", "pull_request_heads", "pull_requests"})


def start(step: str, context: Context) -> list[Slice]:
    """The first slices: what to discover, or the pull requests of the repositories."""
    return repositories.start(context) if step == REPOSITORIES else pull_requests.start(context)


def fetch(piece: Slice, context: Context) -> Fetched:
    """Fetch one slice. What is refused for one repository is skipped with a sentence."""
    client = context.memo("github-client", lambda: Client(context.http))
    try:
        return FETCHERS[piece.kind](client, piece, context)
    except GraphQLUnavailable:
        if piece.kind not in OVER_REST:
            raise
        return Fetched(follow_ups=[msgspec.structs.replace(piece, kind=f"rest_{piece.kind}")])
    except (NotFoundError, ForbiddenError, EndpointRemovedError, ConflictError) as error:
        if not piece.scope:
            raise
        what = piece.kind.removeprefix("rest_").replace("_", " ")
        return Fetched(skips=[Skip(piece.scope, f"{what.capitalize()} of {piece.scope}: {error}")])
    except msgspec.DecodeError as error:
        raise InvalidAnswerError(f"GitHub answered with an unexpected shape ({piece.kind}: {error}).") from error
