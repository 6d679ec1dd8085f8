"""What has this integration already stored: which projects, and how old are its directories?"""

from datetime import UTC, datetime

from apps.sources.base import Context
from apps.sources.jira.client import ProjectNamePayload, read_shape


def wanted_projects(context: Context) -> list[ProjectNamePayload]:
    """The stored projects that this run reads: the chosen ones, or all that are not archived."""
    stored = [read_shape(record.payload, ProjectNamePayload) for record in context.current("project")]
    scopes = {scope.upper() for scope in context.connection.scopes}
    return [
        project
        for project in stored
        if (project.key.upper() in scopes or str(project.id) in scopes if scopes else not project.archived)
    ]


def needs_directories(context: Context) -> bool:
    """Whether to read users, fields, types, boards and sprints: in a full run, else once an hour.

    They rarely change, and an issue contains what it needs of them.
    """
    synced = [context.since(project.key) for project in wanted_projects(context)]
    latest = max((moment for moment in synced if moment), default=None)
    this_hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    return context.is_full or latest is None or None in synced or latest < this_hour
