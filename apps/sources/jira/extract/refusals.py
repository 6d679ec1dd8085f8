"""What is missing if Jira refuses a slice, and which slice asks for it again?"""

from collections.abc import Callable, Sequence

from apps.sources.base import Context, Fetched, Skip, Slice
from apps.sources.errors import SourceError
from apps.sources.jira.client import JiraClient
from apps.sources.jira.extract.args import (
    ChangelogsArgs,
    CommentsArgs,
    EpicsArgs,
    IssueListArgs,
    IssuesArgs,
    PanelsArgs,
    ProjectListArgs,
    ProjectStatusesArgs,
    SprintListArgs,
    VerifyArgs,
)
from apps.sources.jira.extract.deletions import found_slice
from apps.sources.jira.extract.paging import begin_anew, from_the_start
from apps.sources.jira.extract.site import accept_token
from apps.sources.jira.fields import site_fields
from apps.sources.refusals import missing
from apps.sources.text import first_of

# Without these nothing is known about the account.
GATES = frozenset({"account"})


def probe(context: Context) -> None:
    """Ask for the account behind the token."""
    accept_token(JiraClient(context.http))


def refused(slice_: Slice, error: SourceError, context: Context) -> Fetched:
    """A skip with the slice that asks again; raises ``error`` for a slice that everything else depends on.

    A list whose next page is refused begins anew first.
    """
    if slice_.kind in GATES:
        raise error
    if slice_.kind == "boards" and _has_no_software(context):
        reason = "This site has no Jira Software, so there are no boards and sprints."
        return Fetched(skips=[Skip("", f"{reason} {error}", is_missing=False)])
    if slice_.args.get("token"):
        return begin_anew(slice_, name_of(slice_), str(error))
    return missing(_again(slice_), name_of(slice_), error)


def _has_no_software(context: Context) -> bool:
    """Whether the site's fields are known, and none is the field Sprint of Jira Software."""
    return not site_fields(context).sprint and any(True for _ in context.current("field"))


def _again(slice_: Slice) -> Slice:
    """The slice that asks again. Whatever is missing of an issue, the whole issue is fetched again."""
    match slice_.kind:
        case "issues" | "unknown_issues":
            return found_slice(slice_.read(IssuesArgs).ids)
        case "changelogs":
            return found_slice([issue.id for issue in slice_.read(ChangelogsArgs).issues])
        case "comments":
            return found_slice([slice_.read(CommentsArgs).id])
    return from_the_start(slice_)


_NAMES: dict[str, Callable[[Slice], str]] = {
    "projects": lambda it: "The list of projects" + _of(it.read(ProjectListArgs).keys),
    "fields": lambda _: "The list of fields",
    "issue_types": lambda _: "The list of issue types",
    "users": lambda _: "The user directory (people are taken from the issues instead)",
    "statuses": lambda _: "The list of statuses",
    "project_statuses": lambda it: f"The statuses of project {it.read(ProjectStatusesArgs).projects[0][0]}",
    "boards": lambda _: "The list of boards",
    "sprints": lambda it: f"The sprints of board {it.read(SprintListArgs).board}",
    "issue_ids": lambda it: "The list of changed issues" + _of(it.read(IssueListArgs).keys),
    "all_ids": lambda it: "The list of all issues" + _of(it.read(IssueListArgs).keys),
    "changelogs": lambda it: "The changelogs of issues " + first_of([one.id for one in it.read(ChangelogsArgs).issues]),
    "comments": lambda it: f"The comments of issue {it.read(CommentsArgs).key}",
    "epics": lambda it: "The ids of the epics " + first_of(it.read(EpicsArgs).keys),
    "existing": lambda it: "The keys of issues " + first_of(it.read(VerifyArgs).ids),
    "panel_hints": lambda it: "The hints of the development panels of issues " + first_of(it.read(IssuesArgs).ids),
    "panels": lambda it: "The development panels of issues " + first_of([one for one, _ in it.read(PanelsArgs).issues]),
}


def name_of(slice_: Slice) -> str:
    """What a slice asks for, as a person names it."""
    if slice_.kind in _NAMES:
        return _NAMES[slice_.kind](slice_)
    ids = slice_.args.get("ids")
    return f"{slice_.kind.replace('_', ' ').capitalize()} {first_of(ids) if isinstance(ids, list) else ''}".strip()


def _of(keys: Sequence[str]) -> str:
    return f" of {first_of(keys)}" if keys else ""
