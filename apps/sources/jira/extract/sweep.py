"""Which issues exist at all? A sweep compares the cheap list of all ids with the stored issues."""

from collections import defaultdict
from collections.abc import Callable

from apps.sources.base import Context, Fetched, Listed, Slice
from apps.sources.errors import BadRequestError, ForbiddenError, NotFoundError
from apps.sources.jira.client import IssueIdsPayload, JiraClient
from apps.sources.jira.extract.args import IssueListArgs, IssuesArgs, KeysArgs, UnlistedArgs
from apps.sources.jira.extract.development import hint_slices
from apps.sources.jira.extract.issues import IDS_PER_SLICE, fetch_found, next_page, query, without_lost_projects
from apps.sources.jira.extract.paging import ask_twice
from apps.sources.jira.extract.stored import wanted_projects
from apps.sources.text import in_pieces


def start(context: Context) -> list[Slice]:
    """One list of all projects, unless the run lists each of them anyway."""
    if not context.with_sweep:
        return []
    slices = [Slice.of("unlisted", UnlistedArgs("sprint"))] if _has_listed_boards(context) else []
    keys = [project.key for project in wanted_projects(context)]
    if keys and not context.is_full:
        return [*slices, Slice.of("all_ids", IssueListArgs(keys, (None, None)))]
    return slices + _lost(context)


def fetch_all_ids(slice_: Slice, context: Context) -> Fetched:
    """A page of ids and keys. Listed issues that are not stored are fetched; the last page looks for unlisted ones.

    The stored ones are asked whether their development panels show something else now.
    """
    client = JiraClient(context.http)
    args = slice_.read(IssueListArgs)
    jql = query(args.keys, None, None)
    try:
        page = ask_twice(lambda: client.issue_ids(jql, args.token, "key"), IssueIdsPayload.is_suspicious)
    except (BadRequestError, NotFoundError, ForbiddenError) as error:
        if args.token:
            raise
        return without_lost_projects(slice_, client, error)
    by_project: dict[str, list[str]] = defaultdict(list)
    for name in page.issues:
        by_project[name.project].append(str(name.id))
    listed = [issue for ids in by_project.values() for issue in ids]
    unknown = context.unstored("issue", listed)
    fetched = next_page(slice_, page)
    if not fetched.follow_ups and not fetched.skips:
        fetched.follow_ups = [Slice.of("unlisted_issues", KeysArgs(args.keys)), *_lost(context)]
    fetched.follow_ups += [
        Slice.of("unknown_issues", IssuesArgs(list(some), [])) for some in in_pieces(unknown, IDS_PER_SLICE)
    ]
    fetched.follow_ups += hint_slices(sorted(set(listed) - set(unknown)), context)
    fetched.listed = [Listed("issue", key, ids) for key, ids in by_project.items()]
    return fetched


def fetch_unknown(slice_: Slice, context: Context) -> Fetched:
    """Listed issues that are not stored, unless the list of changes has already brought them."""
    ids = context.unstored("issue", slice_.read(IssuesArgs).ids)
    return fetch_found(slice_.replace_args(ids=ids), context) if ids else Fetched()


def _lost(context: Context) -> list[Slice]:
    """The search for issues of deleted projects. If projects were chosen, issues of other projects are not searched."""
    return [] if context.connection.scopes else [Slice("lost_issues")]


def _has_listed_boards(context: Context) -> bool:
    """Whether this run has read the boards and their sprints. If Jira refused the list, every board is unlisted."""
    return sum(1 for _ in context.current("board")) > len(context.unlisted("board", ""))


FETCHERS: dict[str, Callable[[Slice, Context], Fetched]] = {
    "all_ids": fetch_all_ids,
    "unknown_issues": fetch_unknown,
}
