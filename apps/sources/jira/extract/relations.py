"""Step 2: which statuses, boards and sprints exist, and which project uses which statuses?"""

from collections.abc import Callable

import msgspec

from apps.sources.base import Context, Fetched, Listed, Skip, Slice, SourceRecord
from apps.sources.errors import BadRequestError, EndpointRemovedError, ForbiddenError, NotFoundError, UnauthorizedError
from apps.sources.jira.client import AGILE, API, JiraClient, Payload, raw_records, read_shape
from apps.sources.jira.extract.args import BoardsArgs, ProjectStatusesArgs
from apps.sources.jira.extract.paging import walk
from apps.sources.jira.extract.site import whole_list
from apps.sources.jira.extract.stored import needs_directories, wanted_projects
from apps.sources.reading import Id

NO_SPRINTS = "does not support sprints"  # what Jira says of a board without them
REFUSALS = (ForbiddenError, NotFoundError, EndpointRemovedError, UnauthorizedError, BadRequestError)


class BoardLocationPayload(Payload, rename="camel"):
    """The project that a board belongs to."""

    project_key: str | None = None


class BoardPayload(Payload):
    """A board."""

    id: Id
    type: str | None = None
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
    return whole_list("status", raw_records("status", items, request=f"GET {API}/status"))


def fetch_project_statuses(slice_: Slice, context: Context) -> Fetched:
    """The statuses of each issue type, project by project."""
    client = JiraClient(context.http)
    fetched = Fetched()
    for key, project_id in slice_.read(ProjectStatusesArgs).projects:
        path = f"{API}/project/{project_id}/statuses"
        payload = bytes(client.get(path, msgspec.Raw))
        fetched.records.append(SourceRecord("project_statuses", project_id, payload, key, f"GET {path}"))
    fetched.expected = {"project_statuses": len(fetched.records)}
    return fetched


def fetch_boards(slice_: Slice, context: Context) -> Fetched:
    """The boards of the wanted projects; their sprints follow. Stored boards of other projects count as listed."""
    client = JiraClient(context.http)
    try:
        items = list(walk(client.boards))
    except REFUSALS as error:
        reason = "This site or account has no Jira Software, so there are no boards and sprints."
        return Fetched(skips=[Skip("", f"{reason} {error}")])
    keys = {project.key for project in wanted_projects(context)}
    boards = raw_records("board", items, request=f"GET {AGILE}/board")
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
    fetched = whole_list("board", records)
    listed = [board.external_id for board in boards]
    fetched.listed[0].ids += set(listed) - set(context.unstored("board", listed))
    fetched.follow_ups += [Slice.of("sprints", BoardsArgs([board])) for board in with_sprints]
    return fetched


def fetch_sprints(slice_: Slice, context: Context) -> Fetched:
    """The sprints of some boards. A board may have none."""
    client = JiraClient(context.http)
    fetched = Fetched()
    for board in slice_.read(BoardsArgs).boards:
        try:
            items = list(walk(lambda start, board=board: client.sprints(board, start)))  # type: ignore[misc]
        except BadRequestError as error:
            if NO_SPRINTS not in str(error):
                raise
            continue
        fetched.records += raw_records("sprint", items, request=f"GET {AGILE}/board/{board}/sprint")
    fetched.expected = {"sprint": len(fetched.records)}
    fetched.listed = [Listed("sprint", "", [record.external_id for record in fetched.records])]
    return fetched


FETCHERS: dict[str, Callable[[Slice, Context], Fetched]] = {
    "statuses": fetch_statuses,
    "project_statuses": fetch_project_statuses,
    "boards": fetch_boards,
    "sprints": fetch_sprints,
}
