"""Which function fetches which kind of slice, and what happens after a refusal? Without GraphQL, REST is used."""

from collections.abc import Callable

import msgspec

from apps.sources.base import Context, Fetched, Skip, Slice
from apps.sources.errors import ConflictError, EndpointRemovedError, ForbiddenError, InvalidAnswerError, NotFoundError
from apps.sources.github.client import Client, GraphQLUnavailableError
from apps.sources.github.definition import PULL_REQUESTS, REPOSITORIES
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
from apps.sources.github.extract.sizes import TooMuchError

STARTERS: dict[str, Callable[[Context], list[Slice]]] = {
    REPOSITORIES: repositories.start,
    PULL_REQUESTS: pull_requests.start,
}

# The kinds are stored in the queues of running installations: they keep their names.
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
    "pull_request_heads": refresh.pull_request_index,
    "rest_pull_request_heads": rest_pull_requests.rest_pull_request_index,
    "vanished": deletions.vanished,
    "pull_requests": pull_requests.pull_requests,
    "pull_request_details": pull_requests.pull_request_details,
    "pull_request_pages": children.pull_request_pages,
    "rest_pull_requests": rest_pull_requests.rest_pull_requests,
    "rest_pull_request_details": rest_pull_requests.rest_pull_request_details,
    "rest_review_comments": rest_pull_requests.rest_comments,
    "rest_issue_comments": rest_pull_requests.rest_comments,
}

# Where there is no GraphQL, the kind with ``rest_`` before it fetches the same data.
KINDS_WITH_REST = frozenset({"overview", "deployments", "pull_request_heads", "pull_requests"})


def start(step: str, context: Context) -> list[Slice]:
    """The first slices of a step; ``KeyError`` for an unknown one."""
    return STARTERS[step](context)


def fetch(slice_: Slice, context: Context) -> Fetched:
    """Fetch one slice. What GitHub refuses for one repository is skipped with a sentence."""
    client = context.memo("github-client", lambda: Client(context.http))
    try:
        return FETCHERS[slice_.kind](client, slice_, context)
    except TooMuchError as error:
        return error.fetched
    except GraphQLUnavailableError:
        if slice_.kind not in KINDS_WITH_REST:
            raise
        return Fetched(follow_ups=[msgspec.structs.replace(slice_, kind=f"rest_{slice_.kind}")])
    except (NotFoundError, ForbiddenError, EndpointRemovedError, ConflictError) as error:
        if not slice_.scope:
            raise
        what = slice_.kind.removeprefix("rest_").replace("_", " ")
        return Fetched(skips=[Skip(slice_.scope, f"{what.capitalize()} of {slice_.scope}: {error}")])
    except msgspec.DecodeError as error:
        raise InvalidAnswerError(f"GitHub answered with an unexpected shape ({slice_.kind}: {error}).") from error
