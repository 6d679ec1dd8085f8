"""What do projects, types, statuses, people and sprints mean as rows?"""

from apps.sources.base import Children, Context, RawRecord, Transformed
from apps.sources.jira.client import Id, Shape
from apps.sources.jira.transform.people import Person, person_id, user_row, user_rows
from apps.sources.rows import Project, ProjectStatus, Row, Sprint, Status, WorkItemType
from apps.sources.text import clean, parse_time, read_json


class _Reference(Shape):
    id: Id = ""


class _Scope(Shape):
    project: _Reference | None = None


class _Category(Shape):
    key: str | None = None


class JiraType(Shape, rename="camel"):
    """An issue type, from the directory or inside an issue."""

    id: Id = ""
    name: str | None = None
    description: str | None = None
    subtask: bool | None = None
    hierarchy_level: int | None = None
    scope: _Scope | None = None

    def row(self) -> WorkItemType:
        """The row; a sub-task without a level is on level -1."""
        subtask = bool(self.subtask)
        level = self.hierarchy_level
        return WorkItemType(
            external_id=str(self.id),
            name=clean(self.name),
            description=clean(self.description),
            is_subtask=subtask,
            hierarchy_level=level if level is not None else -int(subtask),
            project=_project_of(self.scope),
        )


class JiraStatus(Shape, rename="camel"):
    """A status, from the directory or inside an issue."""

    id: Id = ""
    name: str | None = None
    status_category: _Category | None = None
    scope: _Scope | None = None

    @property
    def category(self) -> str:
        """The category's key: names are translated, ids are not told everywhere."""
        return clean(self.status_category.key) if self.status_category else ""

    def row(self) -> Status:
        """The row."""
        return Status(
            external_id=str(self.id),
            name=clean(self.name),
            category=self.category,
            project=_project_of(self.scope),
        )


class _Project(Shape, rename="camel"):
    id: Id
    key: str
    name: str | None = None
    project_type_key: str | None = None
    style: str | None = None
    lead: Person | None = None
    archived: bool | None = None
    issue_types: list[JiraType] | None = None


class _TypeStatuses(Shape):
    id: Id
    statuses: list[_Reference] = []


class JiraSprint(Shape, rename="camel"):
    """A sprint, from its board (``originBoardId``) or inside an issue (``boardId``)."""

    id: Id
    name: str | None = None
    state: str | None = None
    goal: str | None = None
    origin_board_id: Id | None = None
    board_id: Id | None = None
    start_date: str | None = None
    end_date: str | None = None
    complete_date: str | None = None

    def row(self) -> Sprint:
        """The row."""
        board = self.origin_board_id if self.origin_board_id is not None else self.board_id
        return Sprint(
            external_id=str(self.id),
            name=clean(self.name),
            state=clean(self.state).lower(),
            board="" if board is None else str(board),
            goal=clean(self.goal),
            starts_at=parse_time(self.start_date),
            ends_at=parse_time(self.end_date),
            completed_at=parse_time(self.complete_date),
        )


def project(record: RawRecord, context: Context) -> Transformed:
    """A project, its lead, and the types it brings along."""
    found = read_json(record.payload, _Project)
    row = Project(
        external_id=str(found.id),
        key=clean(found.key),
        name=clean(found.name),
        project_type=clean(found.project_type_key),
        style=clean(found.style),
        lead=person_id(found.lead),
        is_archived=bool(found.archived),
    )
    types: list[Row] = [kind.row() for kind in found.issue_types or [] if kind.id]
    return Transformed([row], user_rows([found.lead]) + types)


def issue_type(record: RawRecord, context: Context) -> Transformed:
    """An issue type of the directory."""
    return Transformed([read_json(record.payload, JiraType).row()])


def status(record: RawRecord, context: Context) -> Transformed:
    """A status of the directory."""
    return Transformed([read_json(record.payload, JiraStatus).row()])


def project_statuses(record: RawRecord, context: Context) -> Transformed:
    """Which statuses each type has in the project that the record is named by."""
    project_id = record.external_id
    rows: dict[str, Row] = {}
    for kind in read_json(record.payload, list[_TypeStatuses]):
        for found in kind.statuses:
            name = f"{project_id}:{kind.id}:{found.id}"
            rows[name] = ProjectStatus(
                external_id=name, project=project_id, work_item_type=str(kind.id), status=str(found.id)
            )
    return Transformed(list(rows.values()), complete=[Children(ProjectStatus, "project", project_id)])


def user(record: RawRecord, context: Context) -> Transformed:
    """A person of the user directory."""
    return Transformed([user_row(read_json(record.payload, Person))])


def sprint(record: RawRecord, context: Context) -> Transformed:
    """A sprint of a board."""
    return Transformed([read_json(record.payload, JiraSprint).row()])


def nothing(record: RawRecord, context: Context) -> Transformed:
    """Kept for what reads it (fields, boards); no table of its own."""
    return Transformed()


def _project_of(scope: _Scope | None) -> str:
    return str(scope.project.id) if scope and scope.project else ""
