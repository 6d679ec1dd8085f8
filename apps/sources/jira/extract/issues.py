"""Step 3: which issues changed, and what are they?

Ids come first, 5,000 per page: they are cheap, and their number is an exact total. Whole issues follow, 200 ids per
slice, and then their changelogs, and the comments that they do not contain.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from hashlib import blake2b

from apps.sources.base import Context, Fetched, Listed, Skip, Slice
from apps.sources.errors import OF_ALL_REQUESTS, BadRequestError, ForbiddenError, NotFoundError, SourceError
from apps.sources.jira.client import (
    API,
    ISSUES_PER_CALL,
    IdPayload,
    IssueIdsPayload,
    JiraClient,
    ProjectNamePayload,
    read_items,
)
from apps.sources.jira.extract.args import IssueListArgs, IssuesArgs, KeysArgs, Window
from apps.sources.jira.extract.changelogs import changelogs_slice
from apps.sources.jira.extract.comments import comments_slice, needless_comments
from apps.sources.jira.extract.deletions import found_slice, verify_slices
from apps.sources.jira.extract.infos import IssueInfoPayload, info_of, record_of
from apps.sources.jira.extract.paging import Batches, ask_twice, begin_anew, each
from apps.sources.jira.extract.parents import add_epics
from apps.sources.jira.extract.stored import wanted_projects
from apps.sources.text import counted, first_of, in_pieces

IDS_PER_SLICE = 200
MAX_EMPTY_PAGES = 10
MAX_ALONE = 50  # issues per slice that are asked for one by one, because the bulk call does not give them


def start(context: Context) -> list[Slice]:
    """One list of ids per project in a full run, otherwise one per group of projects that were synced together.

    A project counts as synced when a slice of the run names it, so there is a slice for each project of a group.
    """
    groups: dict[object, list[str]] = defaultdict(list)
    for project in wanted_projects(context):
        since = context.since(project.key)
        groups[since or project.key].append(project.key)
    slices: list[Slice] = []
    for group, keys in groups.items():
        slices.append(list_slice(keys, group if isinstance(group, datetime) else None, context.until()))
        slices += [Slice("listed_together", scope=key) for key in keys if len(keys) > 1]
    return slices


def fetch_nothing(slice_: Slice, context: Context) -> Fetched:
    """Nothing is fetched: the list of the group contains the project's issues."""
    return Fetched()


def list_slice(keys: list[str], since: datetime | None, until: datetime | None) -> Slice:
    """The first page of the list of ids of some projects."""
    scope = keys[0] if len(keys) == 1 else ""
    return Slice.of("issue_ids", IssueListArgs(keys, window_of(since, until)), scope)


def window_of(since: datetime | None, until: datetime | None) -> Window:
    """The start and end of the range, in epoch milliseconds."""
    start, end = (int(moment.timestamp() * 1000) if moment else None for moment in (since, until))
    return start, end


def query(keys: Iterable[str], since: int | None, until: int | None) -> str:
    """JQL with bounds in epoch milliseconds, which do not depend on a time zone."""
    quoted = ", ".join(f'"{key}"' for key in keys)
    bounds = [f"project in ({quoted})"]
    bounds += [f"updated >= {since}"] if since is not None else []
    bounds += [f"updated < {until}"] if until is not None else []
    return f"{' AND '.join(bounds)} ORDER BY updated ASC, id ASC"


def fetch_ids(slice_: Slice, context: Context) -> Fetched:
    """A page of ids; the slices that fetch them and the next page follow.

    The list of a full run is complete: its last page looks for the stored issues that it lacks.
    """
    client = JiraClient(context.http)
    args = slice_.read(IssueListArgs)
    jql = query(args.keys, *args.window)
    try:
        page = ask_twice(lambda: client.issue_ids(jql, args.token), IssueIdsPayload.is_suspicious)
    except (BadRequestError, NotFoundError, ForbiddenError) as error:
        if args.token:
            raise
        return without_lost_projects(slice_, client, error)
    ids = list(dict.fromkeys(str(issue.id) for issue in page.issues))
    fetched = next_page(slice_, page)
    if context.is_full and not fetched.follow_ups and not fetched.skips:
        fetched.follow_ups.append(Slice.of("unlisted_issues", KeysArgs(args.keys)))
    fetched.follow_ups += [
        Slice.of("issues", IssuesArgs(list(some), args.keys), slice_.scope, announced=len(some))
        for some in in_pieces(ids, IDS_PER_SLICE)
    ]
    fetched.expected = {"issue": len(ids)}
    if args.window == (None, None):
        fetched.listed = [Listed("issue", slice_.scope, ids)]
    return fetched


def without_lost_projects(slice_: Slice, client: JiraClient, error: Exception) -> Fetched:
    """Jira refuses a query if one of its projects does not exist. Ask for each project alone to find it."""
    args = slice_.read(IssueListArgs)
    keys = args.keys
    if len(keys) > 1:
        return Fetched(follow_ups=[Slice.of(slice_.kind, IssueListArgs([key], args.window), key) for key in keys])
    try:
        visible = client.projects(0, keys).values
    except (BadRequestError, NotFoundError, ForbiddenError):
        raise error from None
    projects = read_items(visible, ProjectNamePayload, "a project without a key")
    if any(keys[0].upper() in project.names for project, _ in projects):
        raise error
    return Fetched(
        skips=[Skip(keys[0], f"Project {keys[0]} does not exist any more, or is no longer visible. {error}")]
    )


def next_page(slice_: Slice, page: IssueIdsPayload) -> Fetched:
    """The slice of the next page, if there is one. A list that repeats a page, stays empty or is cut begins anew."""
    args, token = slice_.read(IssueListArgs), page.next_page_token
    what = f"The list of the issues of {', '.join(args.keys)}"
    if not page.has_next or not token:
        is_cut = page.is_last is False
        return begin_anew(slice_, what, "Jira announced more issues, but sent no token.") if is_cut else Fetched()
    digest = blake2b(token.encode(errors="replace"), digest_size=6).hexdigest()
    empty = 0 if page.issues else args.empty + 1
    if digest in args.visited:
        return begin_anew(slice_, what, "Jira repeats a page of it.")
    if empty > MAX_EMPTY_PAGES:
        return begin_anew(slice_, what, "It consists of many empty pages.")
    return Fetched(follow_ups=[slice_.replace_args(token=token, visited=[*args.visited, digest], empty=empty)])


# --- whole issues -----------------------------------------------------------------------------------------------------


def fetch_issues(slice_: Slice, context: Context) -> Fetched:
    """Some issues; their changelogs, and the comments that they do not contain, follow."""
    client = JiraClient(context.http)
    fetched, infos = Fetched(), dict[str, IssueInfoPayload]()

    def take(payload: bytes, request: str) -> None:
        info = info_of(payload)
        infos[str(info.id)] = info
        fetched.records.append(record_of(info, payload, slice_.scope, request))

    _fetch_bodies(slice_, client, context, fetched, infos, take)
    fetched.follow_ups += [changelogs_slice(infos)] if infos else []
    fetched.follow_ups += [comments_slice(info) for info in infos.values() if info.needs_comments]
    fetched.deletions = needless_comments(infos, context)
    add_epics(fetched, client, context)
    return fetched


def fetch_found(slice_: Slice, context: Context) -> Fetched:
    """Issues that exist, but that no list announced."""
    fetched = fetch_issues(slice_, context)
    fetched.expected["issue"] = sum(record.entity == "issue" for record in fetched.records)
    return fetched


def _fetch_bodies(
    slice_: Slice,
    client: JiraClient,
    context: Context,
    fetched: Fetched,
    infos: dict[str, IssueInfoPayload],
    take: Callable[[bytes, str], None],
) -> None:
    """Fetch issues in bulk, twice if some do not come, and then the remaining ones alone. A skip names what is left."""
    batches = Batches(context.http.sizes, "jira issues", ISSUES_PER_CALL)

    def ask(ids: list[str]) -> list[str]:
        batch = client.issues(ids)
        for _, payload in read_items(batch.issues, IdPayload, "an issue without an id"):
            take(payload, f"POST {API}/issue/bulkfetch")
        failed = {str(error.id) for error in batch.issue_errors or []}
        return [issue for issue in ids if issue in failed and issue not in infos]

    wanted, trouble = slice_.read(IssuesArgs).ids, None
    for _ in range(2):  # an answer without the issue does not prove that it was deleted
        missing = [issue for issue in wanted if issue not in infos]
        try:
            batches.run(missing, ask)
        except OF_ALL_REQUESTS:
            raise
        except SourceError as error:
            trouble = error
            break
    missing = [issue for issue in wanted if issue not in infos]
    refused = each(missing[:MAX_ALONE], lambda issue: take(bytes(client.issue(issue)), f"GET {API}/issue/{issue}"))
    if trouble and not infos and not any(isinstance(error, NotFoundError) for error in refused.values()):
        raise trouble
    _name_missing(slice_, context, fetched, refused, missing[MAX_ALONE:])


def _name_missing(
    slice_: Slice, context: Context, fetched: Fetched, refused: dict[str, SourceError], unasked: list[str]
) -> None:
    """Say which issues did not come. An issue that is stored and not found is verified: it may be deleted."""
    gone = [issue for issue, error in refused.items() if isinstance(error, NotFoundError)]
    unknown = set(context.unstored("issue", gone))
    fetched.follow_ups += verify_slices("issue", [issue for issue in gone if issue not in unknown])
    scopes = {record.external_id: record.scope for record in context.find_all("issue", list(refused))}
    for issue, error in refused.items():
        if issue in unknown:
            reason = f"Jira listed issue {issue}, but it does not exist any more. {error}"
            fetched.skips.append(Skip(slice_.scope, reason, is_missing=False))
        elif issue not in gone:
            scope = scopes.get(issue, slice_.scope)
            fetched.skips.append(Skip(scope, f"Issue {issue} is missing. {error}", again=found_slice([issue])))
    if unasked:
        reason = f"Jira listed {counted(len(unasked), 'issue')}, but did not send them: {first_of(unasked)}"
        fetched.skips.append(Skip(slice_.scope, f"{reason}.", again=found_slice(unasked)))


FETCHERS: dict[str, Callable[[Slice, Context], Fetched]] = {
    "issue_ids": fetch_ids,
    "listed_together": fetch_nothing,
    "issues": fetch_issues,
    "found_issues": fetch_found,
}
