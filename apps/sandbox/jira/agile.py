"""Which boards and sprints does the site have?"""

from starlette.responses import Response

from apps.sandbox.data.catalogue import SPRINT_LISTS, SampleProject
from apps.sandbox.data.issues import POINTS_FIELD, POINTS_NAME, RANK_FIELD
from apps.sandbox.data.world import World
from apps.sandbox.encoding import Json
from apps.sandbox.http import ApiCall, Handler, json_reply
from apps.sandbox.jira.errors import bad, missing
from apps.sandbox.jira.pager import page_bean
from apps.sandbox.jira.shapes import JiraShapes

_API = "/rest/agile/1.0"


class Agile:
    """The agile endpoints."""

    def __init__(self, world: World, shapes: JiraShapes) -> None:
        self.world = world
        self.shapes = shapes
        self.table: list[tuple[str, Handler, tuple[str, ...]]] = [
            (f"{_API}/board", self.boards, ("GET",)),
            (f"{_API}/board/{{board}}", self.board, ("GET",)),
            (f"{_API}/board/{{board}}/configuration", self.configuration, ("GET",)),
            (f"{_API}/board/{{board}}/sprint", self.sprints, ("GET",)),
            (f"{_API}/sprint/{{sprint}}", self.sprint, ("GET",)),
        ]

    def boards(self, call: ApiCall) -> Response:
        """Boards page by page, by project, type or name."""
        project, kind = call.query.get("projectKeyOrId", ""), call.query.get("type", "")
        name = call.query.get("name", "").lower()
        chosen = [p for p in self._boards().values() if call.has_scopes]
        if project:
            chosen = [p for p in chosen if p == self.world.site.find_project(project)]
        chosen = [
            p for p in chosen if (not kind or p.board in kind.split(",")) and name in f"{p.first_key} board".lower()
        ]
        return json_reply(page_bean(call, [self._board(p) for p in chosen], 50, 50, is_agile=True))

    def _boards(self) -> dict[int, SampleProject]:
        return {p.board_id: p for p in self.world.site.projects if not p.archived}

    def _board(self, project: SampleProject) -> Json:
        return {
            "id": project.board_id, "self": f"{self.shapes.agile}/board/{project.board_id}",
            "name": f"{project.first_key} board", "type": project.board,
            "location": {"projectId": int(project.id), "displayName": f"{project.name} ({project.key})",
                         "projectName": project.name, "projectKey": project.key, "projectTypeKey": "software",
                         "avatarURI": f"{self.shapes.api}/universal_avatar/view/type/project/avatar/10400",
                         "name": f"{project.name} ({project.key})"},
        }  # fmt: skip

    def _project(self, call: ApiCall) -> SampleProject:
        number = call.path["board"]
        project = self._boards().get(int(number)) if number.isdigit() and call.has_scopes else None
        if project is None:
            raise missing("The requested board cannot be viewed because it either does not exist or you do not "
                          "have permission to view it.")  # fmt: skip
        return project

    def board(self, call: ApiCall) -> Response:
        """One board."""
        return json_reply(self._board(self._project(call)))

    def configuration(self, call: ApiCall) -> Response:
        """The columns of a board with their statuses, its estimation and its ranking."""
        project = self._project(call)
        columns = [{"name": s.name, "statuses": [{"id": s.id, "self": f"{self.shapes.api}/status/{s.id}"}]}
                   for s in project.statuses]  # fmt: skip
        shape: Json = {
            "id": project.board_id, "name": f"{project.first_key} board", "type": project.board,
            "self": f"{self.shapes.agile}/board/{project.board_id}/configuration",
            "location": {"type": "project", "key": project.key, "id": project.id, "name": project.name,
                         "self": f"{self.shapes.api}/project/{project.id}"},
            "filter": {"id": str(10_000 + project.board_id),
                       "self": f"{self.shapes.api}/filter/{10_000 + project.board_id}"},
            "columnConfig": {"columns": columns, "constraintType": "none"},
            "ranking": {"rankCustomFieldId": int(RANK_FIELD[12:])},
        }  # fmt: skip
        if project.has_sprints:
            shape["estimation"] = {"type": "field", "field": {"fieldId": POINTS_FIELD[project.style],
                                                              "displayName": POINTS_NAME[project.style]}}  # fmt: skip
        return json_reply(shape)

    def sprints(self, call: ApiCall) -> Response:
        """Sprints of a board page by page, by state; a kanban board has none."""
        project = self._project(call)
        if not project.has_sprints:
            raise bad("The board does not support sprints")
        states = call.query.get("state", "closed,active,future").split(",")
        shapes = [
            self.shapes.sprint(project.first_key, i)
            for i, s in enumerate(SPRINT_LISTS[project.first_key])
            if s.state in states
        ]
        return json_reply(page_bean(call, shapes, 50, 50, is_agile=True))

    def sprint(self, call: ApiCall) -> Response:
        """One sprint."""
        for key, sprints in SPRINT_LISTS.items():
            for index, sprint in enumerate(sprints):
                if str(sprint.id) == call.path["sprint"] and call.has_scopes:
                    return json_reply(self.shapes.sprint(key, index))
        raise missing("Sprint does not exist or you do not have permission to view it.")
