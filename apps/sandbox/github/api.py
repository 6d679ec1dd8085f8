"""Which requests does GitHub answer, for which accounts, and with which headers?"""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from apps.sandbox.data.catalogue import ORGANISATION
from apps.sandbox.data.people import SamplePerson
from apps.sandbox.data.pulls import SampleRepository
from apps.sandbox.data.world import World
from apps.sandbox.encoding import Json, encode
from apps.sandbox.github.graphql import GraphQL
from apps.sandbox.github.pager import error, one, page
from apps.sandbox.github.rest import NEW_VERSION, Rest
from apps.sandbox.github.shapes import GitHubShapes
from apps.sandbox.github.views import OwnerView
from apps.sandbox.http import ApiCall, ApiError, Endpoint, Handler, json_reply, read_call, route, token_of
from apps.sandbox.tokens import SampleTokens, TokenAccount

_VERSIONS = ("2022-11-28", NEW_VERSION)
_SCOPES = "read:org, repo, workflow"
_OPEN_PATHS = ("/user", "/rate_limit", "/graphql")
_UNCOUNTED = ("/rate_limit", "/graphql")
_BAD_CREDENTIALS = {"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest", "status": "401"}
_USED_UP = {
    "message": "API rate limit exceeded for user ID 1200000.",
    "documentation_url": "https://docs.github.com/rest",
}
_NO_TOKEN = {"message": "Requires authentication", "documentation_url": "https://docs.github.com/rest", "status": "401"}


class GitHubApi:
    """The routes below `/github`."""

    def __init__(self, world: World, base: str, tokens: SampleTokens) -> None:
        self.world = world
        self.base = base
        self.tokens = tokens
        self.shapes = GitHubShapes(base)
        self.rest = Rest(world, self.shapes)
        self.graphql = GraphQL(world)

    def forget(self, repository: SampleRepository) -> None:
        """Delete the stored JSON of a changed repository."""
        self.rest.forget(repository)
        self.graphql.forget(repository)

    def routes(self) -> list[BaseRoute]:
        """All routes; every other path is unknown."""
        table: list[tuple[str, Handler, tuple[str, ...]]] = [
            ("/graphql", self.graphql.answer, ("POST",)), *self.rest.table(),
            ("/user", self._user, ("GET",)), ("/user/repos", self._own_repositories, ("GET",)),
            ("/user/orgs", self._own_organisations, ("GET",)),
            ("/rate_limit", self._rate_limit, ("GET",)), ("/orgs/{login}", self._organisation, ("GET",)),
            ("/orgs/{login}/repos", self._organisation_repositories, ("GET",)),
            ("/organizations/{id:int}/repos", self._organisation_repositories, ("GET",)),
            ("/users/{login}", self._account, ("GET",)), ("/users/{login}/repos", self._user_repositories, ("GET",)),
            ("/{rest:path}", _unknown, ("GET", "POST")),
        ]  # fmt: skip
        return [route(template, self._endpoint(handler, template), *methods) for template, handler, methods in table]

    def _endpoint(self, handler: Handler, template: str) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            token = token_of(request.headers)
            account = self.tokens.authenticate(token)
            if account is None:
                return json_reply(_NO_TOKEN if token is None else _BAD_CREDENTIALS, 401)
            version = request.headers.get("x-github-api-version", _VERSIONS[0])
            try:
                if version not in _VERSIONS:
                    raise error(400, f"'{version}' is not a supported API version.")
                if template not in _UNCOUNTED and not account.core.can_spend(1):
                    raise ApiError(403, _USED_UP)
                if not account.has_scopes and template not in _OPEN_PATHS:
                    raise error(403, "Resource not accessible by personal access token")
                reply = handler(await read_call(request, account))
            except ApiError as refusal:
                reply = json_reply(refusal.body, refusal.status, refusal.headers)
            return self._finish(reply, version, template, account)

        return endpoint

    def _finish(self, reply: Response, version: str, template: str, account: TokenAccount) -> Response:
        """Add the headers of every answer. A 304 and the rate limit itself are free."""
        if template != "/graphql":
            if reply.status_code != 304 and template not in _UNCOUNTED:
                account.core.spend(1)
            reply.headers.update(account.core.headers())
        reply.headers.update(account.headers())
        reply.headers["X-OAuth-Scopes"] = _SCOPES if account.has_scopes else ""
        reply.headers["X-Accepted-OAuth-Scopes"] = "repo"
        reply.headers["X-GitHub-Api-Version-Selected"] = version
        reply.headers["X-GitHub-Media-Type"] = "github.v3; format=json"
        reply.headers["X-GitHub-Request-Id"] = f"5A4D:{account.core.used:06X}:{account.points.used:06X}"
        return reply

    def _profile(self, person: SamplePerson) -> Json:
        shape = self.shapes.user(person) or {}
        return shape | {
            "name": person.name, "company": None, "blog": "", "location": None, "email": person.email, "hireable": None,
            "bio": None, "twitter_username": None, "public_repos": 1, "public_gists": 0, "followers": 0, "following": 0,
            "created_at": "2019-03-04T09:00:00Z", "updated_at": "2026-06-01T08:00:00Z",
        }  # fmt: skip

    def _user(self, call: ApiCall) -> Response:
        private: Json = {"user_view_type": "private", "private_gists": 0, "total_private_repos": 7, "disk_usage": 0,
                         "owned_private_repos": 0, "collaborators": 0, "two_factor_authentication": True}  # fmt: skip
        return one(call, self._profile(self.world.staff.viewer) | private)

    def _account(self, call: ApiCall) -> Response:
        person = next((p for p in self.world.staff.coders if p.login == call.path["login"].lower()), None)
        if person is None:
            raise error(404, "Not Found")
        return one(call, self._profile(person))

    def _organisation(self, call: ApiCall) -> Response:
        if call.path["login"].lower() != ORGANISATION:
            raise error(404, "Not Found")
        owner, url = OwnerView(), f"{self.base}/orgs/{ORGANISATION}"
        links = {f"{n}_url": f"{url}/{n}" for n in ("repos", "events", "hooks", "issues", "members", "public_members")}
        return one(call, {"login": owner.login, "id": owner.id, "node_id": owner.node_id, "url": url, **links,
                          "avatar_url": "", "description": None, "name": owner.name, "type": "Organization",
                          "html_url": f"https://github.com/{owner.login}", "has_organization_projects": False,
                          "has_repository_projects": False, "public_repos": 1, "public_gists": 0, "followers": 0,
                          "following": 0, "created_at": "2019-03-01T09:00:00Z", "updated_at": "2026-06-01T08:00:00Z",
                          "archived_at": None})  # fmt: skip

    def _list(self, call: ApiCall, repositories: list[SampleRepository], address: str) -> Response:
        viewer = self.world.staff.viewer
        field, viewed = call.query.get("sort", "created"), call.query.get("type", "all")
        chosen = [r for r in repositories if viewed not in ("public", "private") or r.private == (viewed == "private")]
        key = {"full_name": "full_name", "pushed": "pushed", "updated": "updated"}.get(field, "created")
        descending = call.query.get("direction", "asc" if field == "full_name" else "desc") == "desc"
        chosen.sort(key=lambda r: (getattr(r, key), r.id), reverse=descending)
        return page(call, chosen, lambda r: encode(self.shapes.repository_raw(r, viewer)), address)

    def _own_repositories(self, call: ApiCall) -> Response:
        return self._list(call, self.world.hub.everything, f"{self.base}/user/repos")

    def _own_organisations(self, call: ApiCall) -> Response:
        owner = OwnerView()
        shape = {"login": owner.login, "id": owner.id, "node_id": owner.node_id, "avatar_url": "", "description": None,
                 "repos_url": f"{self.base}/orgs/{owner.login}/repos"}  # fmt: skip
        return page(call, [shape], encode, f"{self.base}/user/orgs")

    def _organisation_repositories(self, call: ApiCall) -> Response:
        asked: Any = call.path.get("login", call.path.get("id"))
        if asked != OwnerView().id and str(asked).lower() != ORGANISATION:
            raise error(404, "Not Found")
        owned = [r for r in self.world.hub.repositories if r.owner == ORGANISATION]
        return self._list(call, owned, f"{self.base}/organizations/{OwnerView().id}/repos")

    def _user_repositories(self, call: ApiCall) -> Response:
        login = call.path["login"].lower()
        person = next((p for p in self.world.staff.coders if p.login == login), None)
        if person is None:
            raise error(404, "Not Found")
        owned = [r for r in self.world.hub.everything if r.owner == login]
        return self._list(call, owned, f"{self.base}/user/{person.github_id}/repos")

    def _rate_limit(self, call: ApiCall) -> Response:
        core, points = call.account.core, call.account.points
        search = {"limit": 30, "used": 0, "remaining": 30, "reset": core.reset}
        shape: Json = {"resources": {"core": core.as_json(), "graphql": points.as_json(), "search": search}}
        if call.headers.get("x-github-api-version") != NEW_VERSION:
            shape["rate"] = core.as_json()
        return one(call, shape)


def _unknown(call: ApiCall) -> Response:
    raise error(404, "Not Found")
