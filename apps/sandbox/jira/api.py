"""Which requests does the Jira site answer, for which accounts, and with which headers?"""

from datetime import UTC, datetime
from functools import lru_cache

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from apps.sandbox.clock import now_seconds
from apps.sandbox.data.issues import SampleIssue
from apps.sandbox.data.world import World
from apps.sandbox.http import ApiCall, ApiError, Endpoint, Handler, json_reply, read_call, route, token_of
from apps.sandbox.jira.agile import Agile
from apps.sandbox.jira.changelogs import Changelogs
from apps.sandbox.jira.devstatus import DevStatus
from apps.sandbox.jira.errors import NOT_FOUND
from apps.sandbox.jira.issues import Issues
from apps.sandbox.jira.metadata import Metadata
from apps.sandbox.jira.records import Records
from apps.sandbox.jira.search import Search
from apps.sandbox.jira.shapes import JiraShapes
from apps.sandbox.tokens import SampleTokens

_UNAUTHENTICATED = {"message": "Client must be authenticated to access this resource.", "status-code": 401}


@lru_cache(maxsize=2)
def _limits(minute: int) -> dict[str, str]:
    reset = datetime.fromtimestamp((minute + 1) * 60, UTC)
    return {"X-RateLimit-Limit": "350", "X-RateLimit-Remaining": "349", "X-RateLimit-Reset": f"{reset:%Y-%m-%dT%H:%MZ}",
            "X-RateLimit-NearLimit": "false", "Cache-Control": "no-cache, no-store, no-transform"}  # fmt: skip


class JiraApi:
    """The routes below `/jira`."""

    def __init__(self, world: World, base: str, tokens: SampleTokens) -> None:
        self.tokens = tokens
        self.shapes = JiraShapes(world, base)
        self.records = Records(world, self.shapes)
        search = Search(world, self.records)
        metadata = Metadata(world, self.shapes)
        issues = Issues(world, self.records)
        changelogs = Changelogs(world, self.records)
        agile = Agile(world, self.shapes)
        development = DevStatus(world)
        self._table: list[tuple[str, Handler, tuple[str, ...]]] = [
            *search.table, *issues.table, *changelogs.table, *metadata.table, *agile.table, *development.table
        ]  # fmt: skip

    def forget(self, issue: SampleIssue) -> None:
        """Delete the stored JSON of a changed issue."""
        self.records.forget(issue)

    def routes(self) -> list[BaseRoute]:
        """All routes; every other path is unknown."""
        made: list[BaseRoute] = [
            route(template, self._endpoint(handler), *methods) for template, handler, methods in self._table
        ]
        return [*made, route("/{rest:path}", self._endpoint(_unknown), "GET", "POST")]

    def _endpoint(self, handler: Handler) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            account = self.tokens.authenticate(token_of(request.headers))
            if account is None:
                return json_reply(
                    _UNAUTHENTICATED,
                    401,
                    {
                        "WWW-Authenticate": 'OAuth realm="https%3A%2F%2Fmeridian.example"',
                        "X-Seraph-LoginReason": "AUTHENTICATED_FAILED",
                    },
                )
            try:
                reply = handler(await read_call(request, account))
            except ApiError as error:
                reply = json_reply(error.body, error.status, error.headers)
            reply.headers.update(_limits(now_seconds() // 60))
            return reply

        return endpoint


def _unknown(call: ApiCall) -> Response:
    raise ApiError(404, NOT_FOUND)
