"""Which REST endpoints does GitHub answer for a repository?"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.responses import Response

from apps.sandbox.clock import github_stamp
from apps.sandbox.data.pulls import SampleCommit, SamplePull, SampleRepository, SampleTicket
from apps.sandbox.data.world import World
from apps.sandbox.encoding import Json, encode
from apps.sandbox.github import views
from apps.sandbox.github.pager import error, one, page
from apps.sandbox.github.pull_shapes import PullShapes
from apps.sandbox.github.shapes import GitHubShapes
from apps.sandbox.http import ApiCall, ApiError, Handler

MAX_COMMITS = 250
MAX_FILTERED_RUNS = 1000
NEW_VERSION = "2026-03-10"
_EMPTY_SINCE = "1970-01-01T00:00:00Z"  # GitHub answers an empty list for it
RepositoryHandler = Callable[[ApiCall, SampleRepository], Response]


class Rest:
    """Repository endpoints, each under `/repos/{owner}/{repo}` and under `/repositories/{id}`."""

    def __init__(self, world: World, shapes: GitHubShapes) -> None:
        self.world = world
        self.shapes = shapes
        self.viewer = world.staff.viewer
        self.pull_shapes = PullShapes(shapes, self.viewer)
        self._kept: dict[int, dict[tuple[str, Any], bytes]] = {}

    def forget(self, repository: SampleRepository) -> None:
        """Delete the stored JSON of a changed repository."""
        self._kept.pop(repository.id, None)
        self.shapes.forget(repository)

    def table(self) -> list[tuple[str, Handler, tuple[str, ...]]]:
        """All routes."""
        routes: dict[str, RepositoryHandler] = {
            "": self.repository,
            "/pulls": self.pulls,
            "/pulls/comments": self.all_notes,
            "/pulls/comments/{number:int}": self.note,
            "/pulls/{number:int}": self.pull,
            "/pulls/{number:int}/commits": self.pull_commits,
            "/pulls/{number:int}/reviews": self.reviews,
            "/pulls/{number:int}/comments": self.notes,
            "/pulls/{number:int}/files": self.files,
            "/issues": self.issues,
            "/issues/comments": self.all_remarks,
            "/issues/comments/{number:int}": self.remark,
            "/issues/{number:int}": self.issue,
            "/issues/{number:int}/comments": self.remarks,
            "/commits": self.commits,
            "/commits/{sha}": self.commit,
            "/releases": self.releases,
            "/releases/latest": self.latest_release,
            "/releases/{number:int}": self.release,
            "/deployments": self.deployments,
            "/deployments/{number:int}": self.deployment,
            "/deployments/{number:int}/statuses": self.statuses,
            "/environments": self.environments,
            "/actions/runs": self.runs,
            "/branches": self.branches,
            "/tags": self.tags,
        }
        made: list[tuple[str, Handler, tuple[str, ...]]] = []
        for suffix, handler in routes.items():
            made.append((f"/repos/{{owner}}/{{repo}}{suffix}", self._by_name(handler), ("GET",)))
            made.append((f"/repositories/{{id:int}}{suffix}", self._by_id(handler), ("GET",)))
        return made

    def _by_name(self, handler: RepositoryHandler) -> Handler:
        def handle(call: ApiCall) -> Response:
            owner, name = call.path["owner"], call.path["repo"]
            repository = self.world.hub.find(owner, name)
            if repository is not None:
                return handler(call, repository)
            moved = self.world.hub.find_renamed(owner, name)
            if moved is None:
                raise error(404, "Not Found")
            rest = call.url.split(f"/repos/{owner}/{name}", 1)[1]
            address = f"{self.shapes.api}/repositories/{moved.id}{rest}"
            body = {
                "message": "Moved Permanently",
                "url": address,
                "documentation_url": "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api",
            }
            raise ApiError(301, body, {"Location": address})

        return handle

    def _by_id(self, handler: RepositoryHandler) -> Handler:
        def handle(call: ApiCall) -> Response:
            number: Any = call.path["id"]
            repository = next((r for r in self.world.hub.everything if r.id == number), None)
            if repository is None:
                raise error(404, "Not Found")
            return handler(call, repository)

        return handle

    def _encoded(self, repository: SampleRepository, kind: str, number: Any, make: Callable[[], Any]) -> bytes:
        kept = self._kept.setdefault(repository.id, {})
        if (kind, number) not in kept:
            kept[kind, number] = encode(make())
        return kept[kind, number]

    def _page(
        self, call: ApiCall, repository: SampleRepository, path: str, items: list[Any], kind: str,
        make: Callable[[Any], Any], wrap: str | None = None, ceiling: int = 10**9,
    ) -> Response:  # fmt: skip
        def shape(item: Any) -> bytes:
            return self._encoded(repository, kind, getattr(item, "id", id(item)), lambda: make(item))

        return page(call, items, shape, f"{self.shapes.api}/repositories/{repository.id}{path}", wrap, ceiling)

    def repository(self, call: ApiCall, repository: SampleRepository) -> Response:
        """The repository itself."""
        shape = self.shapes.repository(repository, self.viewer)
        return one(call, shape | {"network_count": 0, "subscribers_count": 2, "temp_clone_token": "",
                                  "allow_squash_merge": True, "allow_merge_commit": True, "allow_rebase_merge": True,
                                  "delete_branch_on_merge": True})  # fmt: skip

    def pulls(self, call: ApiCall, repository: SampleRepository) -> Response:
        """Pull requests; there is no `since`, only sort and direction."""
        wanted, field = call.query.get("state", "open"), call.query.get("sort", "created")
        is_new = _is_new(call)
        chosen = [p for p in repository.pulls if wanted == "all" or (p.closed is None) == (wanted == "open")]
        if call.query.get("base", "main") != "main":
            chosen = []
        descending = call.query.get("direction", "desc" if field == "created" else "asc") == "desc"
        chosen.sort(key=lambda p: (p.updated if field == "updated" else p.created, p.id), reverse=descending)
        return self._page(call, repository, "/pulls", chosen, f"pull{is_new}",
                          lambda p: _dated(self.pull_shapes.pull(p), is_new=is_new))  # fmt: skip

    def _pull(self, call: ApiCall, repository: SampleRepository) -> SamplePull:
        number: Any = call.path["number"]
        found = next((p for p in repository.pulls if p.number == number), None)
        if found is None:
            raise error(404, "Not Found")
        return found

    def pull(self, call: ApiCall, repository: SampleRepository) -> Response:
        """One pull request with all fields."""
        pull, is_new = self._pull(call, repository), _is_new(call)
        return one(call, self._encoded(repository, f"detail{is_new}", pull.id,
                                       lambda: _dated(self.pull_shapes.detail(pull), is_new=is_new)))  # fmt: skip

    def pull_commits(self, call: ApiCall, repository: SampleRepository) -> Response:
        """At most 250 commits."""
        pull = self._pull(call, repository)
        return self._commits(call, repository, f"/pulls/{pull.number}/commits", pull.commits[:MAX_COMMITS])

    def _commits(self, call: ApiCall, repository: SampleRepository, path: str, commits: list[SampleCommit]) -> Response:
        def shape(commit: SampleCommit) -> bytes:
            return self._encoded(repository, "commit", commit.oid, lambda: self.shapes.commit(commit))

        return page(call, commits, shape, f"{self.shapes.api}/repositories/{repository.id}{path}")

    def reviews(self, call: ApiCall, repository: SampleRepository) -> Response:
        """Reviews in order of submission."""
        pull = self._pull(call, repository)
        return self._page(call, repository, f"/pulls/{pull.number}/reviews", pull.reviews, "review",
                          lambda r: self.shapes.review(pull, r))  # fmt: skip

    def notes(self, call: ApiCall, repository: SampleRepository) -> Response:
        """Review comments of one pull request."""
        pull = self._pull(call, repository)
        return self._page(call, repository, f"/pulls/{pull.number}/comments", pull.notes, "note",
                          lambda n: self.shapes.note(pull, n))  # fmt: skip

    def all_notes(self, call: ApiCall, repository: SampleRepository) -> Response:
        """Review comments of all pull requests."""
        owners = {n.id: p for p in repository.pulls for n in p.notes}
        items = _since(call, [n for p in repository.pulls for n in p.notes])
        return self._page(call, repository, "/pulls/comments", _sorted(call, items), "note",
                          lambda n: self.shapes.note(owners[n.id], n))  # fmt: skip

    def note(self, call: ApiCall, repository: SampleRepository) -> Response:
        """One review comment."""
        found = _numbered(call, [n for p in repository.pulls for n in p.notes])
        return one(call, self.shapes.note(next(p for p in repository.pulls if found in p.notes), found))

    def files(self, call: ApiCall, repository: SampleRepository) -> Response:
        """Changed files."""
        pull = self._pull(call, repository)
        address = f"{self.shapes.api}/repositories/{repository.id}/pulls/{pull.number}/files"
        return page(call, self.pull_shapes.files(pull), encode, address)

    def issues(self, call: ApiCall, repository: SampleRepository) -> Response:
        """Tickets and pull requests together."""
        wanted, is_new = call.query.get("state", "open"), _is_new(call)
        both: list[SamplePull | SampleTicket] = [*repository.tickets, *repository.pulls]
        chosen = [i for i in both if wanted == "all" or (i.closed is None) == (wanted == "open")]
        items = _sorted(call, _since(call, chosen), default="desc")
        return self._page(call, repository, "/issues", items, f"issue{is_new}",
                          lambda i: _dated(self.shapes.issue(i, self.viewer), is_new=is_new))  # fmt: skip

    def _item(self, call: ApiCall, repository: SampleRepository) -> SamplePull | SampleTicket:
        number: Any = call.path["number"]
        found = next((t for t in repository.tickets if t.number == number), None)
        return found or self._pull(call, repository)

    def issue(self, call: ApiCall, repository: SampleRepository) -> Response:
        """One ticket, or a pull request as an issue."""
        shape = self.shapes.issue(self._item(call, repository), self.viewer)
        return one(call, _dated(shape, is_new=_is_new(call)))

    def remarks(self, call: ApiCall, repository: SampleRepository) -> Response:
        """Comments below one pull request or ticket."""
        item = self._item(call, repository)
        return self._page(call, repository, f"/issues/{item.number}/comments", _since(call, item.remarks), "remark",
                          lambda c: self.shapes.remark(item, c))  # fmt: skip

    def all_remarks(self, call: ApiCall, repository: SampleRepository) -> Response:
        """Comments of all pull requests and tickets."""
        both: list[SamplePull | SampleTicket] = [*repository.pulls, *repository.tickets]
        owners = {c.id: i for i in both for c in i.remarks}
        items = _since(call, [c for i in both for c in i.remarks])
        return self._page(call, repository, "/issues/comments", _sorted(call, items), "remark",
                          lambda c: self.shapes.remark(owners[c.id], c))  # fmt: skip

    def remark(self, call: ApiCall, repository: SampleRepository) -> Response:
        """One comment of a pull request or ticket."""
        both: list[SamplePull | SampleTicket] = [*repository.pulls, *repository.tickets]
        found = _numbered(call, [c for i in both for c in i.remarks])
        return one(call, self.shapes.remark(next(i for i in both if found in i.remarks), found))

    def commits(self, call: ApiCall, repository: SampleRepository) -> Response:
        """The default branch, newest first."""
        if repository.is_empty:
            raise error(409, "Git Repository is empty.")
        since, until = call.query.get("since", ""), call.query.get("until", "9999")
        chosen = [c for c in repository.trunk if since <= github_stamp(c.committed) <= until]
        chosen.sort(key=lambda c: c.committed, reverse=True)
        return self._commits(call, repository, "/commits", chosen)

    def commit(self, call: ApiCall, repository: SampleRepository) -> Response:
        """One commit of the default branch or of a pull request."""
        if repository.is_empty:
            raise error(409, "Git Repository is empty.")
        sha = call.path["sha"]
        everywhere = [*repository.trunk, *(c for p in repository.pulls for c in p.commits)]
        found = next((c for c in everywhere if c.oid == sha), None)
        if found is None:
            raise error(422, f"No commit found for SHA: {sha}")
        return one(call, self.pull_shapes.commit_detail(found))

    def releases(self, call: ApiCall, repository: SampleRepository) -> Response:
        """Releases, newest first."""
        return self._page(call, repository, "/releases", repository.releases[::-1], "release",
                          lambda r: self.pull_shapes.release(repository, r))  # fmt: skip

    def release(self, call: ApiCall, repository: SampleRepository) -> Response:
        """One release."""
        return one(call, self.pull_shapes.release(repository, _numbered(call, repository.releases)))

    def latest_release(self, call: ApiCall, repository: SampleRepository) -> Response:
        """The newest release that is no prerelease."""
        found = next((r for r in repository.releases[::-1] if not r.prerelease), None)
        if found is None:
            raise error(404, "Not Found")
        return one(call, self.pull_shapes.release(repository, found))

    def deployments(self, call: ApiCall, repository: SampleRepository) -> Response:
        """Deployments, newest first, by environment, ref or commit."""
        asked = {"environment": "environment", "ref": "ref", "sha": "oid"}
        chosen = [
            d
            for d in repository.deployments[::-1]
            if all(call.query.get(k, getattr(d, name)) == getattr(d, name) for k, name in asked.items())
        ]
        return self._page(call, repository, "/deployments", chosen, "deployment",
                          lambda d: self.pull_shapes.deployment(repository, d))  # fmt: skip

    def deployment(self, call: ApiCall, repository: SampleRepository) -> Response:
        """One deployment."""
        return one(call, self.pull_shapes.deployment(repository, _numbered(call, repository.deployments)))

    def statuses(self, call: ApiCall, repository: SampleRepository) -> Response:
        """Statuses of a deployment, newest first."""
        found = _numbered(call, repository.deployments)
        return self._page(call, repository, f"/deployments/{found.id}/statuses", found.states[::-1], "state",
                          lambda s: self.pull_shapes.deployment_status(repository, found, s))  # fmt: skip

    def environments(self, call: ApiCall, repository: SampleRepository) -> Response:
        """Environments."""
        names = sorted({d.environment for d in repository.deployments})
        address = f"{self.shapes.api}/repositories/{repository.id}/environments"
        return page(call, names, lambda n: encode(self.pull_shapes.environment(repository, n)), address, "environments")

    def runs(self, call: ApiCall, repository: SampleRepository) -> Response:
        """Workflow runs, newest first; with a filter at most a thousand."""
        asked = {"event": "event", "branch": "branch", "head_sha": "oid", "status": "conclusion"}
        chosen = [
            r
            for r in repository.runs[::-1]
            if _was_created_within(call.query.get("created", ""), r.created)
            and all(call.query.get(k, getattr(r, name)) == getattr(r, name) for k, name in asked.items())
        ]
        filtered = "created" in call.query or any(k in call.query for k in asked)
        return self._page(
            call,
            repository,
            "/actions/runs",
            chosen,
            "run",
            lambda r: self.pull_shapes.run(repository, r),
            "workflow_runs",
            MAX_FILTERED_RUNS if filtered else 10**9,
        )

    def branches(self, call: ApiCall, repository: SampleRepository) -> Response:
        """Branches."""
        return self._refs(call, repository, "/branches", views.branches(repository))

    def tags(self, call: ApiCall, repository: SampleRepository) -> Response:
        """Tags."""
        return self._refs(call, repository, "/tags", views.tags(repository))

    def _refs(self, call: ApiCall, repository: SampleRepository, path: str, refs: list[views.Ref]) -> Response:
        if repository.is_empty:
            raise error(409, "Git Repository is empty.")
        return page(call, refs, lambda r: encode(self.pull_shapes.ref(r)),
                    f"{self.shapes.api}/repositories/{repository.id}{path}")  # fmt: skip


def _numbered(call: ApiCall, items: list[Any]) -> Any:
    """The item whose id is in the path."""
    found = next((item for item in items if item.id == call.path["number"]), None)
    if found is None:
        raise error(404, "Not Found")
    return found


def _is_new(call: ApiCall) -> bool:
    return call.headers.get("x-github-api-version") == NEW_VERSION


def _dated(shape: Json, *, is_new: bool) -> Json:
    """The JSON without the fields that the new version of the API no longer has."""
    return {k: v for k, v in shape.items() if k not in ("merge_commit_sha", "assignee")} if is_new else shape


def _since(call: ApiCall, items: list[Any]) -> list[Any]:
    since = call.query.get("since")
    if not since:
        return items
    if since == _EMPTY_SINCE:
        return []
    try:
        datetime.fromisoformat(since)
    except ValueError:
        raise error(
            422, "Validation Failed", errors=[{"resource": "Issue", "field": "since", "code": "invalid"}]
        ) from None
    return [i for i in items if github_stamp(i.updated) >= since]


def _sorted(call: ApiCall, items: list[Any], default: str = "asc") -> list[Any]:
    by_update = call.query.get("sort") == "updated"
    descending = call.query.get("direction", default) == "desc"
    return sorted(items, key=lambda i: (i.updated if by_update else i.created, i.id), reverse=descending)


def _was_created_within(wanted: str, moment: int) -> bool:
    """Whether a run was created in a range: `>=day`, `<=day` or `day..day`."""
    stamp = github_stamp(moment)
    if ".." in wanted:
        first, _, last = wanted.partition("..")
        return first <= stamp and stamp[: len(last)] <= last
    if wanted.startswith((">=", "<=")):
        bound = wanted[2:]
        return stamp >= bound if wanted[0] == ">" else stamp[: len(bound)] <= bound
    return not wanted or stamp.startswith(wanted)
