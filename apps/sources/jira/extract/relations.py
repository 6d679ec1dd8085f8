"""Step 2: which statuses, boards and sprints exist, and which project uses which statuses?"""

from collections.abc import Callable
from typing import Any

import msgspec

from apps.sources.base import Context, Fetched, Listed, Skip, Slice, SourceRecord
from apps.sources.errors import BadRequestError, InvalidAnswerError
from apps.sources.jira.client import AGILE, API, IdPayload, JiraClient, Payload, raw_records, read_shape
from apps.sources.jira.extract.args import ProjectStatusesArgs, SprintListArgs
from apps.sources.jira.extract.paging import ListPage, fetched_page, id_of, read_page
from apps.sources.jira.extract.site import whole_list
from apps.sources.jira.extract.stored import needs_directories, wanted_projects
from apps.sources.reading import Id
from apps.sources.text import counted

NO_SPRINTS = "does not support sprints"  # what Jira says of a board without them


class ProjectTypesPayload(Payload, rename="camel"):
    """A project; we read only its issue types."""

    issue_types: list[IdPayload] | None = None


class BoardLocationPayload(Payload, rename="camel"):
    """The project that a board belongs to."""

    project_key: str | None = None


class BoardPayload(Payload):
    """A board."""

    id: Id
    type: Any = None
    location: BoardLocationPayload | None = None


def start(context: Context) -> list[Slice]:
    """The statuses are always read. The rest rarely changes, so it is read only when it is due."""
    slices = [Slice("statuses")]
    if needs_directories(context):
        projects = [(project.key, str(project.id)) for project in wanted_projects(context)]
        slices += [Slice.of("project_statuses", ProjectStatusesArgs([project])) for project in projects]
        slices.append(Slice("boards"))
    return slices


def fetch_statuses(slice_: Slice, context: Context) -> Fetched:
    """Every status of the site."""
    items = JiraClient(context.http).everything("status")
    records = raw_records("status", items, request=f"GET {API}/status")
    return whole_list("status", slice_, ListPage([]), "The list of statuses", records)


def fetch_project_statuses(slice_: Slice, context: Context) -> Fetched:
    """The statuses of each issue type of one project. A type that the answer lacks keeps its stored statuses."""
    client = JiraClient(context.http)
    fetched = Fetched()
    for key, project_id in slice_.read(ProjectStatusesArgs).projects:
        path = f"{API}/project/{project_id}/statuses"
        given = {id_of(item): bytes(item) for item in client.get(path, list[msgspec.Raw])}
        if not given:
            raise InvalidAnswerError(f"Jira sent an empty list of the statuses of project {key}.")
        if missing := _types_of(project_id, context) - given.keys():
            given = _stored_statuses(project_id, context) | given
            reason = f"The statuses of {counted(len(missing), 'issue type')} of project {key} are missing."
            fetched.skips.append(Skip("", reason, again=slice_))
        payload = b"[" + b",".join(given.values()) + b"]"
        fetched.records.append(SourceRecord("project_statuses", project_id, payload, key, f"GET {path}"))
    fetched.expected = {"project_statuses": len(fetched.records)}
    return fetched


def _types_of(project_id: str, context: Context) -> set[str]:
    """The issue types of a stored project, as far as its record has them."""
    project = context.find("project", project_id)
    types = read_shape(project.payload, ProjectTypesPayload).issue_types if project else None
    return {str(kind.id) for kind in types or []}


def _stored_statuses(project_id: str, context: Context) -> dict[str, bytes]:
    stored = context.find("project_statuses", project_id)
    items = read_shape(stored.payload, list[msgspec.Raw]) if stored else []
    return {id_of(item): bytes(item) for item in items}


def fetch_boards(slice_: Slice, context: Context) -> Fetched:
    """A page of boards; the sprints of the wanted projects' boards follow. Other stored boards count as listed."""
    client = JiraClient(context.http)
    page = read_page(slice_, client.boards)
    keys = {project.key for project in wanted_projects(context)}
    boards = raw_records("board", page.values, request=f"GET {AGILE}/board")
    records: list[SourceRecord] = []
    with_sprints: list[str] = []
    for record in boards:
        board = read_shape(record.payload, BoardPayload)
        record.scope = (board.location and board.location.project_key) or ""
        if record.scope and record.scope not in keys:
            continue
        records.append(record)
        if board.type != "kanban":
            with_sprints.append(record.external_id)
    fetched = whole_list("board", slice_, page, "The list of boards", records)
    listed = [board.external_id for board in boards]
    fetched.listed[0].ids += set(listed) - set(context.unstored("board", listed))
    fetched.follow_ups += [Slice.of("sprints", SprintListArgs(boards=[board])) for board in with_sprints]
    return fetched


def fetch_sprints(slice_: Slice, context: Context) -> Fetched:
    """A page of the sprints of one board. A board may have none."""
    client, board = JiraClient(context.http), slice_.read(SprintListArgs).board
    try:
        page = read_page(slice_, lambda start: client.sprints(board, start))
    except BadRequestError as error:
        if NO_SPRINTS not in str(error):
            raise
        return Fetched()
    records = raw_records("sprint", page.values, request=f"GET {AGILE}/board/{board}/sprint")
    fetched = fetched_page(slice_, page, f"The sprints of board {board}", records)
    fetched.expected = {"sprint": len(records)}
    fetched.listed = [Listed("sprint", "", [record.external_id for record in records])]
    return fetched


FETCHERS: dict[str, Callable[[Slice, Context], Fetched]] = {
    "statuses": fetch_statuses,
    "project_statuses": fetch_project_statuses,
    "boards": fetch_boards,
    "sprints": fetch_sprints,
}
