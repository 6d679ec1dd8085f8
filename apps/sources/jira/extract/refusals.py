"""What is missing if Jira refuses a slice, and which slice asks for it again?"""

from apps.sources.base import Context, Fetched, Slice
from apps.sources.errors import SourceError
from apps.sources.jira.client import JiraClient
from apps.sources.jira.extract.args import BoardsArgs, ProjectStatusesArgs
from apps.sources.refusals import missing

# Without these nothing is known about the account.
GATES = frozenset({"account"})


def probe(context: Context) -> None:
    """Ask for the account behind the token."""
    JiraClient(context.http).myself()


def refused(slice_: Slice, error: SourceError) -> Fetched:
    """A skip with the slice that asks again; raises ``error`` for a slice that everything else depends on."""
    if slice_.kind in GATES:
        raise error
    return missing(slice_, _name(slice_), error)


def _name(slice_: Slice) -> str:
    """What a slice asks for, as a person names it."""
    match slice_.kind:
        case "sprints":
            return f"The sprints of board {', '.join(slice_.read(BoardsArgs).boards)}"
        case "project_statuses":
            return f"The statuses of project {', '.join(key for key, _ in slice_.read(ProjectStatusesArgs).projects)}"
    return f"{slice_.kind.replace('_', ' ').capitalize()} of {slice_.scope or 'the site'}"
