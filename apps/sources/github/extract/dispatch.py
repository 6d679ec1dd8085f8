"""Which function fetches which kind of slice, and what happens after a refusal? Without GraphQL, REST is used."""

from collections.abc import Callable

import msgspec

from apps.sources.base import Context, Fetched, Slice
from apps.sources.errors import OF_ALL_REQUESTS, InvalidAnswerError, SourceError
from apps.sources.github.client import Client, GraphQLUnavailableError
from apps.sources.github.definition import PULL_REQUESTS, REPOSITORIES
from apps.sources.github.extract import (
    children,
    deletions,
    deliveries,
    former_names,
    overview,
    pull_requests,
    refresh,
    repositories,
    rest_pull_requests,
    unresolved,
)
from apps.sources.github.extract.anew import fresh_start, parts
from apps.sources.github.extract.refusals import none_here
from apps.sources.github.extract.sizes import TooMuchError

STARTERS: dict[str, Callable[[Context], list[Slice]]] = {
    REPOSITORIES: repositories.start,
    PULL_REQUESTS: lambda context: former_names.start(context) + pull_requests.start(context),
}

# The kinds are stored in the queues of running installations: they keep their names.
FETCHERS: dict[str, Callable[[Client, Slice, Context], Fetched]] = {
    "discovery": repositories.discovery,
    "repositories": repositories.repositories,
    "repository": repositories.repository,
    "former_name": former_names.former_name,
    "overview": overview.overview,
    "rest_overview": overview.rest_overview,
    "releases": deliveries.releases,
    "deployments": deliveries.deployments,
    "deployment_details": deliveries.deployment_details,
    "unresolved_deployment": unresolved.unresolved,
    "rest_deployments": deliveries.rest_deployments,
    "rest_deployment": deliveries.rest_deployment,
    "workflow_runs": deliveries.workflow_runs,
    "delivery_ids": deliveries.delivery_ids,
    "missing": deletions.missing,
    "pull_request_heads": refresh.pull_request_index,
    "rest_pull_request_heads": rest_pull_requests.rest_pull_request_index,
    "vanished": deletions.vanished,
    "pull_requests": pull_requests.pull_requests,
    "pull_request_details": pull_requests.pull_request_details,
    "stored_pull_requests": refresh.stored_pull_requests,
    "unresolved_pull_request": unresolved.unresolved,
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
    """Fetch one slice. What is refused for several objects at once is asked for in parts."""
    client = context.memo("github-client", lambda: Client(context.http))
    try:
        return FETCHERS[slice_.kind](client, slice_, context)
    except TooMuchError as error:
        return error.fetched
    except GraphQLUnavailableError:
        if slice_.kind not in KINDS_WITH_REST:
            raise
        return Fetched(follow_ups=[msgspec.structs.replace(slice_, kind=f"rest_{slice_.kind}")])
    except msgspec.DecodeError as error:
        return _after(slice_, InvalidAnswerError(f"GitHub answered with an unexpected shape ({error})."), context)
    except SourceError as error:
        return _after(slice_, error, context)


def _after(slice_: Slice, error: SourceError, context: Context) -> Fetched:
    """What follows a refusal: less is asked for, or the list is begun anew; else the refusal is raised."""
    if not isinstance(error, OF_ALL_REQUESTS):
        if (nothing := none_here(slice_, error, context)) is not None:
            return nothing
        if follow_ups := parts(slice_) or fresh_start(slice_, error, context):
            return Fetched(follow_ups=follow_ups)
    raise error
