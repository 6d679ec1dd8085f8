"""What does the development panel of an issue show? These are the undocumented dev-status endpoints."""

from typing import Any

from starlette.responses import Response

from apps.sandbox.clock import jira_stamp
from apps.sandbox.data.issues import SampleIssue
from apps.sandbox.data.people import SamplePerson
from apps.sandbox.data.pulls import SamplePull
from apps.sandbox.data.world import World
from apps.sandbox.encoding import Json
from apps.sandbox.http import ApiCall, Handler, json_reply
from apps.sandbox.jira.errors import bad, missing

APP = "GitHub"
FORGE_APP = "oAuth-com.github.integration.production"
_KINDS = ("pullrequest", "branch", "repository", "build", "deployment-environment", "review")
_GITHUB = "https://github.com"


def app_types(issue: SampleIssue) -> tuple[str, ...]:
    """The apps that have the work on an issue. For every third issue both have it, so it is listed twice."""
    return ((APP,), (FORGE_APP,), (APP, FORGE_APP))[issue.id % 3]


class DevStatus:
    """Summary and detail."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.table: list[tuple[str, Handler, tuple[str, ...]]] = []
        for version in ("latest", "1.0"):
            self.table.append((f"/rest/dev-status/{version}/issue/summary", self.summary, ("GET",)))
            self.table.append((f"/rest/dev-status/{version}/issue/detail", self.detail, ("GET",)))

    def _issue(self, call: ApiCall) -> SampleIssue:
        number = call.query.get("issueId", "")
        if not number.isdigit():
            raise bad("issueId must be the numeric id of an issue.")
        issue = self.world.site.by_id.get(int(number)) if call.has_scopes else None
        if issue is None:
            raise missing()
        return issue

    def summary(self, call: ApiCall) -> Response:
        """Counts by kind and app."""
        issue = self._issue(call)
        pulls = self.world.pulls_of(issue)
        summary: Json = {}
        for kind in _KINDS:
            count = len(pulls) if kind in ("pullrequest", "branch", "repository") else 0
            apps = app_types(issue) if count else ()
            summary[kind] = {"overall": self._overall(kind, pulls if count else [], len(apps)),
                             "byInstanceType": {app: {"count": count, "name": "GitHub"} for app in apps}}  # fmt: skip
        return json_reply({"errors": [], "configErrors": [], "summary": summary})

    def _overall(self, kind: str, pulls: list[SamplePull], apps: int) -> Json:
        shape: Json = {"count": len(pulls) * apps, "dataType": kind,
                       "lastUpdated": jira_stamp(max(p.updated for p in pulls)) if pulls else None}  # fmt: skip
        if kind == "pullrequest":
            states: list[str] = [p.panel_status for p in pulls]
            state = next((s for s in ("OPEN", "MERGED", "DECLINED") if s in states), "OPEN")
            shape |= {"stateCount": states.count(state) * apps, "state": state, "open": state == "OPEN"}
            shape["details"] = {
                "openCount": states.count("OPEN") * apps,
                "mergedCount": states.count("MERGED") * apps,
                "declinedCount": states.count("DECLINED") * apps,
                "total": len(pulls) * apps,
            }
        return shape

    def detail(self, call: ApiCall) -> Response:
        """Pull requests, branches or repositories of one app."""
        issue = self._issue(call)
        kind, app = call.query.get("dataType", ""), call.query.get("applicationType", "")
        if kind not in ("pullrequest", "branch", "repository"):
            raise bad(f"Unsupported dataType '{kind}'.")
        pulls = self.world.pulls_of(issue)
        if not pulls or app not in app_types(issue):
            return json_reply({"errors": [], "detail": []})
        instance = {"name": "GitHub", "baseUrl": _GITHUB, "type": app, "id": app, "typeName": "GitHub",
                    "singleInstance": True}  # fmt: skip
        detail: dict[str, Any] = {"repositories": [], "branches": [], "pullRequests": [], "_instance": instance}
        if kind == "pullrequest":
            detail["pullRequests"] = [_pull(p) for p in pulls]
            detail["branches"] = [_branch(p) for p in pulls]
        elif kind == "branch":
            detail["branches"] = [_branch(p) for p in pulls]
        else:
            detail["repositories"] = [_repository(p) for p in pulls]
        return json_reply({"errors": [], "detail": [detail]})


def _name(pull: SamplePull) -> str:
    """The name of its repository: the panel keeps the one that it got to know."""
    return pull.panel_name or pull.repository.full_name


def _url(pull: SamplePull) -> str:
    return f"{_GITHUB}/{_name(pull)}"


def _person(person: SamplePerson | None) -> Json:
    name = person.name if person else "ghost"
    return {"name": name, "avatar": f"https://avatars.githubusercontent.com/u/{person.github_id if person else 10137}"}


def _pull(pull: SamplePull) -> Json:
    approved = {r.author.name for r in pull.reviews if r.author and r.state == "APPROVED"}
    names = {r.author.index: r.author for r in pull.reviews if r.author}
    return {
        "author": _person(pull.author), "id": f"#{pull.number}", "name": pull.title, "commentCount": len(pull.remarks),
        "source": {"branch": pull.head_ref, "url": f"{_url(pull)}/tree/{pull.head_ref}"},
        "destination": {"branch": "main", "url": f"{_url(pull)}/tree/main"},
        "reviewers": [_person(p) | {"approved": p.name in approved} for p in names.values()],
        "status": pull.panel_status, "url": f"{_url(pull)}/pull/{pull.number}", "lastUpdate": jira_stamp(pull.updated),
        "repositoryId": str(pull.repository.id), "repositoryName": _name(pull),
        "repositoryUrl": _url(pull),
    }  # fmt: skip


def _branch(pull: SamplePull) -> Json:
    return {
        "name": pull.head_ref,
        "url": f"{_url(pull)}/tree/{pull.head_ref}",
        "createPullRequestUrl": "",
        "repository": {"id": str(pull.repository.id), "name": _name(pull), "url": _url(pull)},
    }


def _repository(pull: SamplePull) -> Json:
    commits = [{"id": c.oid, "displayId": c.oid[:7], "authorTimestamp": jira_stamp(c.authored), "merge": False,
                "fileCount": c.files, "message": c.message, "url": f"{_url(pull)}/commit/{c.oid}",
                "author": {"name": c.git_name}, "files": []} for c in pull.commits[:10]]  # fmt: skip
    return {"name": _name(pull), "url": _url(pull), "avatar": "", "commits": commits}
