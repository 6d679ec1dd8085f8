"""What does Jira say about its projects, types, statuses, fields and people?"""

from typing import Any

from starlette.responses import Response

from apps.sandbox.clock import SITE_ZONE, USER_ZONE, jira_stamp, now
from apps.sandbox.data.catalogue import (
    LINK_TYPES,
    PRIORITIES,
    RESOLUTIONS,
    STATUSES,
    SampleProject,
    SampleStatus,
)
from apps.sandbox.data.issues import EPIC_FIELD, POINTS_FIELD, POINTS_NAME, RANK_FIELD, SPRINT_FIELD
from apps.sandbox.data.world import World
from apps.sandbox.encoding import Json
from apps.sandbox.http import ApiCall, ApiError, Handler, json_reply
from apps.sandbox.jira.errors import collection, missing
from apps.sandbox.jira.pager import page_bean, window
from apps.sandbox.jira.records import DEVELOPMENT_FIELD, EMPTY_FIELDS
from apps.sandbox.jira.shapes import CATEGORIES, JiraShapes

_SYSTEM = (
    ("summary", "Summary", "string"), ("issuetype", "Issue Type", "issuetype"), ("status", "Status", "status"),
    ("project", "Project", "project"), ("priority", "Priority", "priority"), ("assignee", "Assignee", "user"),
    ("reporter", "Reporter", "user"), ("creator", "Creator", "user"), ("created", "Created", "datetime"),
    ("updated", "Updated", "datetime"), ("resolution", "Resolution", "resolution"),
    ("resolutiondate", "Resolved", "datetime"), ("description", "Description", "string"),
    ("statuscategorychangedate", "Status Category Changed", "datetime"), ("environment", "Environment", "string"),
    ("duedate", "Due date", "date"), ("timespent", "Time Spent", "number"),
)  # fmt: skip
_LISTS = (("labels", "Labels", "string"), ("components", "Components", "component"),
          ("fixVersions", "Fix versions", "version"), ("versions", "Affects versions", "version"),
          ("issuelinks", "Linked Issues", "issuelinks"), ("subtasks", "Sub-tasks", "issuelinks"))  # fmt: skip
_GREENHOPPER = "com.pyxis.greenhopper.jira:"
_CUSTOM = (
    (
        DEVELOPMENT_FIELD,
        "Development",
        "any",
        "com.atlassian.jira.plugins.jira-development-integration-plugin:devsummarycf",
    ),
    (EPIC_FIELD, "Epic Link", "any", _GREENHOPPER + "gh-epic-link"),
    (POINTS_FIELD["next-gen"], POINTS_NAME["next-gen"], "number", _GREENHOPPER + "jsw-story-points"),
    (
        POINTS_FIELD["classic"],
        POINTS_NAME["classic"],
        "number",
        "com.atlassian.jira.plugin.system.customfieldtypes:float",
    ),
    (RANK_FIELD, "Rank", "any", _GREENHOPPER + "gh-lexo-rank"),
    (SPRINT_FIELD, "Sprint", "array", _GREENHOPPER + "gh-sprint"),
    ("customfield_10021", "Flagged", "array", "com.atlassian.jira.plugin.system.customfieldtypes:multicheckboxes"),
    ("customfield_10001", "Team", "team", "com.atlassian.jira.plugin.system.customfieldtypes:atlassian-team"),
    ("customfield_10015", "Start date", "date", "com.atlassian.jira.plugin.system.customfieldtypes:datepicker"),
)
_API = "/rest/api/3"
_PERMISSIONS = ("BROWSE_PROJECTS", "USER_PICKER", "VIEW_DEV_TOOLS", "ADMINISTER")


class Metadata:
    """Everything but issues."""

    def __init__(self, world: World, shapes: JiraShapes) -> None:
        self.world = world
        self.shapes = shapes
        get = ("GET",)
        self.table: list[tuple[str, Handler, tuple[str, ...]]] = [
            (f"{_API}/serverInfo", self.server, get), (f"{_API}/myself", self.myself, get),
            (f"{_API}/mypermissions", self.permissions, get), (f"{_API}/field", self.fields, get),
            (f"{_API}/status", self.statuses, get), (f"{_API}/status/{{id}}", self.status, get),
            (f"{_API}/statuses/search", self.search_statuses, get),
            (f"{_API}/statuscategory", self.categories, get), (f"{_API}/issuetype", self.types, get),
            (f"{_API}/issuetype/{{id}}", self.type, get),
            (f"{_API}/priority", self.priorities, get), (f"{_API}/resolution", self.resolutions, get),
            (f"{_API}/issueLinkType", self.link_types, get), (f"{_API}/project/search", self.projects, get),
            (f"{_API}/project/{{key}}", self.project, get),
            (f"{_API}/project/{{key}}/statuses", self.project_statuses, get),
            (f"{_API}/users/search", self.users, get),
        ]  # fmt: skip

    def server(self, call: ApiCall) -> Response:
        """Version, address and clock of the site."""
        return json_reply({
            "baseUrl": self.shapes.base, "version": "1001.0.0-SNAPSHOT", "versionNumbers": [1001, 0, 0],
            "deploymentType": "Cloud", "buildNumber": 100_300, "buildDate": "2026-11-02T09:11:27.000+0100",
            "serverTime": jira_stamp(now()), "scmInfo": "9d700605f271b9e38f3e73c4116a686dae8d11d7",
            "serverTitle": "Jira", "serverTimeZone": SITE_ZONE,
        })  # fmt: skip

    def myself(self, call: ApiCall) -> Response:
        """The owner of the token; dates in JQL are in this person's zone."""
        person = self.shapes.person(self.world.staff.viewer)
        return json_reply(person | {"timeZone": USER_ZONE, "locale": "en_US", "groups": {"size": 2, "items": []},
                                    "applicationRoles": {"size": 1, "items": []},
                                    "expand": "groups,applicationRoles"})  # fmt: skip

    def permissions(self, call: ApiCall) -> Response:
        """The requested permissions of the token."""
        asked = [p for p in call.query.get("permissions", "").split(",") if p] or list(_PERMISSIONS)
        return json_reply({"permissions": {
            name: {"id": str(number), "key": name, "name": name.replace("_", " ").title(), "type": "PROJECT",
                   "description": "", "havePermission": call.has_scopes and name != "ADMINISTER"}
            for number, name in enumerate(asked)
        }})  # fmt: skip

    def fields(self, call: ApiCall) -> Response:
        """System and custom fields."""
        made = [_field(name, label, {"type": kind, "system": name}) for name, label, kind in _SYSTEM]
        made += [_field(n, label, {"type": "array", "items": items, "system": n}) for n, label, items in _LISTS]
        made.append(_field("comment", "Comment", {"type": "comments-page", "system": "comment"}, is_navigable=False))
        made.append(
            _field(
                "worklog", "Log Work", {"type": "array", "items": "worklog", "system": "worklog"}, is_navigable=False
            )
        )
        for name, label, kind, custom in _CUSTOM:
            schema: Json = {"type": kind, "custom": custom, "customId": int(name[12:])}
            made.append(_field(name, label, schema | ({"items": "json"} if kind == "array" else {})))
        text = "com.atlassian.jira.plugin.system.customfieldtypes:textfield"
        made += [_field(name, f"Note {name[12:]}", {"type": "string", "custom": text, "customId": int(name[12:])})
                 for name in EMPTY_FIELDS]  # fmt: skip
        return json_reply(made)

    def statuses(self, call: ApiCall) -> Response:
        """All statuses; those of team-managed projects have a scope."""
        return json_reply([self.shapes.status(s) for s in STATUSES.values()])

    def status(self, call: ApiCall) -> Response:
        """One status by id or name."""
        name = call.path["id"]
        for status in STATUSES.values() if call.has_scopes else ():
            if name in (status.id, status.name):
                return json_reply(self.shapes.status(status))
        raise missing(f"The status with id '{name}' does not exist.")

    def search_statuses(self, call: ApiCall) -> Response:
        """Statuses page by page, in the newer form."""
        return json_reply(page_bean(call, [_new_status(s) for s in STATUSES.values()], 200, 200))

    def categories(self, call: ApiCall) -> Response:
        """The four status categories."""
        undefined = {"self": f"{self.shapes.api}/statuscategory/1", "id": 1, "key": "undefined",
                     "colorName": "medium-gray", "name": "No Category"}  # fmt: skip
        return json_reply([undefined, *(self.shapes.category(name) for name in CATEGORIES)])

    def types(self, call: ApiCall) -> Response:
        """Issue types of all projects."""
        return json_reply(self.shapes.types())

    def type(self, call: ApiCall) -> Response:
        """One issue type by id."""
        for kind in self.shapes.types() if call.has_scopes else ():
            if kind["id"] == call.path["id"]:
                return json_reply(kind)
        raise missing("The issue type with the given ID does not exist or you do not have permission to view it.")

    def priorities(self, call: ApiCall) -> Response:
        """Priorities."""
        return json_reply([self.shapes.priority(i) for i in range(len(PRIORITIES))])

    def resolutions(self, call: ApiCall) -> Response:
        """Resolutions."""
        return json_reply([self.shapes.resolution(i) for i in range(len(RESOLUTIONS))])

    def link_types(self, call: ApiCall) -> Response:
        """Types of issue links."""
        return json_reply({"issueLinkTypes": [self.shapes.link_type(i) for i in range(len(LINK_TYPES))]})

    def projects(self, call: ApiCall) -> Response:
        """Projects page by page, also by former keys; archived ones only when `status` asks for them."""
        wanted = call.query.getlist("status") or ["live"]
        keys = call.query.getlist("keys")
        text = call.query.get("query", "").lower()
        projects = self.world.site.projects
        chosen = [p for p in projects if ("archived" if p.archived else "live") in wanted and call.has_scopes]
        named = [self.world.site.find_project(key) for key in keys]
        chosen = [p for p in chosen if (not keys or p in named) and (text in p.name.lower() or text in p.key.lower())]
        return json_reply(page_bean(call, [self._in_list(call, p) for p in chosen], 50, 100))

    def _in_list(self, call: ApiCall, project: SampleProject) -> Json:
        shape = self.shapes.project_in_list(project)
        if "projectKeys" in call.query.get("expand", "").split(","):
            shape["projectKeys"] = [*project.former_keys, project.key]
        return shape

    def _project(self, call: ApiCall) -> SampleProject:
        name = call.path["key"]
        project = self.world.site.find_project(name)
        if project is None or not call.has_scopes:
            raise missing(f"No project could be found with key '{name}'.")
        return project

    def project(self, call: ApiCall) -> Response:
        """One project with its issue types."""
        project = self._project(call)
        shape: Json = self._in_list(call, project) | {
            "description": f"Home of {project.name}.", "lead": self.shapes.person(self.world.staff.viewer),
            "components": [], "issueTypes": [self.shapes.issue_type(t) for t in project.types],
            "assigneeType": "UNASSIGNED", "versions": [], "roles": {},
        }  # fmt: skip
        return json_reply(shape)

    def project_statuses(self, call: ApiCall) -> Response:
        """Which statuses each issue type of a project may have."""
        project = self._project(call)
        statuses = [self.shapes.status(s) for s in project.statuses]
        return json_reply([{"self": f"{self.shapes.api}/issuetype/{t.id}", "id": t.id, "name": t.name,
                            "subtask": t.level == -1, "statuses": statuses} for t in project.types])  # fmt: skip

    def users(self, call: ApiCall) -> Response:
        """People and robots: a plain list, page by page."""
        if not call.has_scopes:
            raise ApiError(403, collection("You do not have permission to browse users."))
        start, size = window(call, 50, 1000)
        return json_reply([self.shapes.person(p) for p in self.world.staff.everybody[start : start + size]])


def _field(name: str, label: str, schema: Json, *, is_navigable: bool = True) -> Json:
    custom = name.startswith("customfield_")
    clauses = [f"cf[{name[12:]}]", label] if custom else [name]
    return {"id": name, "key": name, "name": label, "custom": custom, "orderable": True, "navigable": is_navigable,
            "searchable": True, "clauseNames": clauses, "schema": schema}  # fmt: skip


def _new_status(status: SampleStatus) -> Json:
    names = {"new": "TODO", "indeterminate": "IN_PROGRESS", "done": "DONE"}
    scope: Any = {"type": "PROJECT", "project": {"id": status.scope}} if status.scope else {"type": "GLOBAL"}
    return {"id": status.id, "name": status.name, "statusCategory": names[status.category], "scope": scope,
            "description": ""}  # fmt: skip
