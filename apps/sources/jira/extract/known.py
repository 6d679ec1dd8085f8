"""What does this integration already know? Its projects, and how fresh its directories are."""

from datetime import UTC, datetime

from apps.sources.base import Context
from apps.sources.jira.client import Id, Shape, read_shape


class KnownProject(Shape):
    """A stored project, as far as extraction needs it."""

    id: Id
    key: str
    archived: bool | None = None


def wanted_projects(context: Context) -> list[KnownProject]:
    """The stored projects that this run is about: the chosen ones, or all that are not archived."""
    stored = [read_shape(record.payload, KnownProject) for record in context.current("project")]
    scopes = {scope.upper() for scope in context.connection.scopes}
    return [
        project
        for project in stored
        if (project.key.upper() in scopes or str(project.id) in scopes if scopes else not project.archived)
    ]


def directories_are_due(context: Context) -> bool:
    """Whether users, fields, types, boards and sprints are asked for: in a full run, and once an hour.

    They hardly change, and what an issue needs of them comes inside the issue as well.
    """
    synced = [context.since(project.key) for project in wanted_projects(context)]
    latest = max((moment for moment in synced if moment), default=None)
    this_hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    return context.is_full or latest is None or None in synced or latest < this_hour
