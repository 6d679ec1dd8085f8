"""Which rows do projects, types, statuses, people and sprints become?"""

from datetime import datetime

from apps.sources.base import Children, Context, SourceRecord, Transformed
from apps.sources.jira.client import IdPayload, Payload
from apps.sources.jira.transform.people import JiraPersonPayload, person_id, user_row, user_rows
from apps.sources.reading import Id, Integer, Name, read_json
from apps.sources.rows import Project, ProjectStatus, Row, ScopeName, Sprint, Status, WorkItemType
from apps.sources.text import clean, utc


class TypeScopePayload(Payload):
    """The project that a type or status belongs to."""

    project: IdPayload | None


class StatusCategoryPayload(Payload):
    """The category of a status."""

    key: str | None


class IssueTypePayload(Payload, rename="camel"):
    """An issue type, from the directory or inside an issue."""

    id: Id | None
    name: str | None = None
    description: str | None = None
    subtask: bool | None = None
    hierarchy_level: Integer | None = None
    scope: TypeScopePayload | None = None

    def row(self, external_id: str) -> WorkItemType:
        """The row; a sub-task without a level is on level -1."""
        subtask = bool(self.subtask)
        level = self.hierarchy_level
        return WorkItemType(
            external_id=external_id,
            name=clean(self.name),
            description=clean(self.description),
            is_subtask=subtask,
            hierarchy_level=level if level is not None else -int(subtask),
            project=_project_of(self.scope),
        )


class StatusPayload(Payload, rename="camel"):
    """A status, from the directory or inside an issue."""

    id: Id | None
    name: str | None = None
    status_category: StatusCategoryPayload | None = None
    scope: TypeScopePayload | None = None

    @property
    def category(self) -> str:
        """The category's key. Names are translated, and ids are not given everywhere."""
        return clean(self.status_category.key) if self.status_category else ""

    def row(self, external_id: str) -> Status:
        """The row."""
        return Status(
            external_id=external_id,
            name=clean(self.name),
            category=self.category,
            project=_project_of(self.scope),
        )


class JiraProjectPayload(Payload, rename="camel"):
    """A project."""

    key: Name
    name: str | None = None
    project_type_key: str | None = None
    style: str | None = None
    lead: JiraPersonPayload | None = None
    archived: bool | None = None
    project_keys: list[Name] | None = None
    issue_types: list[IssueTypePayload | None] | None = None


class TypeStatusesPayload(Payload):
    """The statuses of one issue type in a project."""

    id: Id
    statuses: list[IdPayload | None] | None = None


class SprintPayload(Payload, rename="camel"):
    """A sprint, from its board (``originBoardId``) or inside an issue (``boardId``)."""

    id: Id
    name: str | None = None
    state: str | None = None
    goal: str | None = None
    origin_board_id: Id | None = None
    board_id: Id | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    complete_date: datetime | None = None

    def row(self) -> Sprint:
        """The row."""
        board = self.origin_board_id if self.origin_board_id is not None else self.board_id
        return Sprint(
            external_id=clean(self.id),
            name=clean(self.name),
            state=clean(self.state).lower(),
            board=clean(board),
            goal=clean(self.goal),
            starts_at=utc(self.start_date),
            ends_at=utc(self.end_date),
            completed_at=utc(self.complete_date),
        )


def project(record: SourceRecord, context: Context) -> Transformed:
    """A project with its lead, its issue types, and all keys that it has and had."""
    found = read_json(record.payload, JiraProjectPayload)
    row = Project(
        external_id=record.external_id,
        key=clean(found.key),
        name=clean(found.name),
        project_type=clean(found.project_type_key),
        style=clean(found.style),
        lead=person_id(found.lead),
        is_archived=bool(found.archived),
    )
    keys = dict.fromkeys(clean(key) for key in (found.key, *(found.project_keys or ())))
    names = [ScopeName(external_id=f"{row.external_id}:{key}", scope=row.external_id, name=key) for key in keys]
    types: list[Row] = [kind.row(clean(kind.id)) for kind in found.issue_types or [] if kind and kind.id]
    return Transformed([row, *names], user_rows([found.lead]) + types)


def issue_type(record: SourceRecord, context: Context) -> Transformed:
    """An issue type of the directory."""
    return Transformed([read_json(record.payload, IssueTypePayload).row(record.external_id)])


def status(record: SourceRecord, context: Context) -> Transformed:
    """A status of the directory."""
    return Transformed([read_json(record.payload, StatusPayload).row(record.external_id)])


def project_statuses(record: SourceRecord, context: Context) -> Transformed:
    """The statuses of each type in a project (the record has the project's id)."""
    project_id = record.external_id
    kinds = read_json(record.payload, list[TypeStatusesPayload | None])
    rows: dict[str, Row] = {}
    for work_item_type, status_id in (
        (clean(kind.id), clean(found.id)) for kind in kinds if kind for found in kind.statuses or [] if found
    ):
        name = f"{project_id}:{work_item_type}:{status_id}"
        rows[name] = ProjectStatus(
            external_id=name, project=project_id, work_item_type=work_item_type, status=status_id
        )
    is_whole = all(kind and kind.statuses is not None and None not in kind.statuses for kind in kinds)
    complete = [Children(ProjectStatus, "project", project_id)] if is_whole else []
    return Transformed(list(rows.values()), complete=complete)


def user(record: SourceRecord, context: Context) -> Transformed:
    """A person of the user directory."""
    person = read_json(record.payload, JiraPersonPayload)
    if not person.external_id:
        raise ValueError("The person has no id.")
    return Transformed([user_row(person)])


def sprint(record: SourceRecord, context: Context) -> Transformed:
    """A sprint of a board."""
    return Transformed([read_json(record.payload, SprintPayload).row()])


def no_rows(record: SourceRecord, context: Context) -> Transformed:
    """No rows: other code reads the raw record (fields, boards, epics)."""
    return Transformed()


def _project_of(scope: TypeScopePayload | None) -> str:
    return clean(scope.project.id) if scope and scope.project else ""
