"""What has this integration already stored: which projects, under which keys, and how old are its directories?"""

from collections.abc import Mapping
from datetime import UTC, datetime

from apps.sources.base import Context, Fetched, SourceRecord
from apps.sources.jira.client import ProjectNamePayload, read_shape


def wanted_projects(context: Context) -> list[ProjectNamePayload]:
    """The stored projects that this run reads: the chosen ones, or all that are not archived.

    A project is chosen by its id or by any key that it has or had.
    """
    stored = [read_shape(record.payload, ProjectNamePayload) for record in context.current("project")]
    scopes = context.connection.scopes
    named = [project for project in stored if project.key]
    if not scopes:
        return [project for project in named if not project.archived]
    wanted = {name.upper() for name in (*scopes, *context.scope_ids(scopes).values())}
    return [project for project in named if project.names & wanted]


def stored_keys(context: Context) -> dict[str, str]:
    """The keys of the stored projects by id."""
    return {record.external_id: record.scope for record in context.current("project")}


def take_key(record: SourceRecord, stored: Mapping[str, str], fetched: Fetched) -> set[str]:
    """Give a project's record its key as its scope, and note it if it is stored under another key; gives its names."""
    project = read_shape(record.payload, ProjectNamePayload)
    record.scope = project.key
    before = stored.get(record.external_id) or project.key
    if project.key and before != project.key:
        fetched.renamed[before] = project.key
    return project.names | {before.upper()}


def chosen_keys(context: Context) -> dict[str, str]:
    """The projects that the run names: the key that was last seen, and the name that was chosen."""
    scopes = context.connection.scopes
    ids, keys = context.scope_ids(scopes), stored_keys(context) if scopes else {}
    return {keys.get(ids.get(scope, scope), scope): scope for scope in scopes}


def needs_directories(context: Context) -> bool:
    """Whether to read users, fields, types, boards and sprints: in a full run or a sweep, else once an hour.

    They rarely change, and an issue contains what it needs of them.
    """
    synced = [context.since(project.key) for project in wanted_projects(context)]
    latest = max((moment for moment in synced if moment), default=None)
    this_hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    return context.is_full or context.with_sweep or latest is None or None in synced or latest < this_hour
