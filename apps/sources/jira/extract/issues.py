"""Step 3: which issues changed, and what are they, their histories and comments?

Ids come first, 5,000 per page: they are cheap, and their number is an exact total. Whole issues, histories and
comments follow, 200 ids per slice.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from hashlib import blake2b

import msgspec

from apps.sources.base import Context, Deletion, Fetched, Listed, Skip, Slice, SourceRecord
from apps.sources.errors import (
    BadRequestError,
    ConflictError,
    EndpointRemovedError,
    ForbiddenError,
    InvalidAnswerError,
    NotFoundError,
)
from apps.sources.jira.client import (
    API,
    ISSUES_PER_CALL,
    ChangelogsPayload,
    CommentsPayload,
    IdPayload,
    IssueIdsPayload,
    JiraClient,
    Payload,
    ProjectNamePayload,
    read_shape,
)
from apps.sources.jira.extract.args import IssueListArgs, IssuesArgs, KeysArgs, Window
from apps.sources.jira.extract.paging import Batches, ask_twice
from apps.sources.jira.extract.parents import fetch_epics
from apps.sources.jira.extract.stored import wanted_projects
from apps.sources.reading import Id
from apps.sources.text import clean, counted, in_pieces, parse_time

IDS_PER_SLICE = 200
MAX_EMPTY_PAGES = 10


class EmbeddedCommentsPayload(Payload):
    """The comments inside an issue: perhaps only some of them."""

    total: int = 0
    comments: list[msgspec.Raw] = []


class IssueInfoFieldsPayload(Payload):
    """The fields that extraction needs."""

    updated: str | None = None
    project: ProjectNamePayload | None = None
    comment: EmbeddedCommentsPayload | None = None


class IssueInfoPayload(Payload):
    """What extraction needs to know of an issue."""

    id: Id
    key: str = ""
    fields: IssueInfoFieldsPayload | None = None


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
    follow_ups = next_page(slice_, page)
    is_last = not follow_ups
    follow_ups += [
        Slice.of("issues", IssuesArgs(list(some), args.keys), slice_.scope, announced=len(some))
        for some in in_pieces(ids, IDS_PER_SLICE)
    ]
    if context.is_full and is_last:
        follow_ups.append(Slice.of("unlisted_issues", KeysArgs(args.keys)))
    is_complete = args.window == (None, None)
    listed = [Listed("issue", slice_.scope, ids)] if is_complete else []
    return Fetched(follow_ups=follow_ups, expected={"issue": len(ids)}, listed=listed)


def without_lost_projects(slice_: Slice, client: JiraClient, error: Exception) -> Fetched:
    """Jira refuses a query if one of its projects does not exist. Ask for each project alone to find it."""
    args = slice_.read(IssueListArgs)
    keys = args.keys
    if len(keys) > 1:
        return Fetched(follow_ups=[Slice.of(slice_.kind, IssueListArgs([key], args.window), key) for key in keys])
    try:
        visible = client.projects(0, keys).values
    except (BadRequestError, NotFoundError, ForbiddenError):
        visible = []
    if any(keys[0].upper() in read_shape(bytes(item), ProjectNamePayload).names for item in visible):
        raise error
    return Fetched(
        skips=[Skip(keys[0], f"Project {keys[0]} does not exist any more, or is no longer visible. {error}")]
    )


def next_page(slice_: Slice, page: IssueIdsPayload) -> list[Slice]:
    """The slice of the next page, if there is one. A list that repeats a page or stays empty is refused."""
    token = page.next_page_token
    if not page.has_next or not token:
        if page.is_suspicious() and not page.issues:
            raise InvalidAnswerError(
                "Jira announced more issues, but sent neither issues nor a token. Try again later."
            )
        return []
    digest = blake2b(token.encode(errors="replace"), digest_size=6).hexdigest()
    args = slice_.read(IssueListArgs)
    empty = 0 if page.issues else args.empty + 1
    if digest in args.visited or empty > MAX_EMPTY_PAGES:
        what = "repeats a page" if digest in args.visited else "consists of many empty pages"
        keys = ", ".join(args.keys)
        raise InvalidAnswerError(f"Jira's list of the issues of {keys} {what} and has no end. Try again later.")
    return [slice_.replace_args(token=token, visited=[*args.visited, digest], empty=empty)]


def fetch_issues(slice_: Slice, context: Context) -> Fetched:
    """Some issues with their whole changelogs and all of their comments."""
    client = JiraClient(context.http)
    fetched = Fetched()
    sizes = context.http.sizes
    infos = _fetch_bodies(slice_, client, fetched, Batches(sizes, "jira issues", ISSUES_PER_CALL))
    _fetch_changelogs(infos, client, fetched, Batches(sizes, "jira changelogs", IDS_PER_SLICE))
    for issue in infos.values():
        _fetch_comments(issue, client, fetched)
    fetched.deletions = _needless_comments(infos, context)
    # Several slices may ask for the same epic, so nobody has announced their number.
    fetched.records += fetch_epics([record for record in fetched.records if record.entity == "issue"], client, context)
    return fetched


def fetch_found(slice_: Slice, context: Context) -> Fetched:
    """Issues that exist, but that no list announced."""
    fetched = fetch_issues(slice_, context)
    fetched.expected["issue"] = sum(record.entity == "issue" for record in fetched.records)
    return fetched


def _fetch_bodies(slice_: Slice, client: JiraClient, fetched: Fetched, batches: Batches) -> dict[str, IssueInfoPayload]:
    infos: dict[str, IssueInfoPayload] = {}

    def ask(ids: list[str]) -> list[str]:
        batch = client.issues(ids)
        for payload in map(bytes, batch.issues):
            info = info_of(payload)
            infos[str(info.id)] = info
            fetched.records.append(record_of(info, payload, slice_.scope))
        failed = {str(error.id) for error in batch.issue_errors or []}
        return [issue for issue in ids if issue in failed and issue not in infos]

    args, failed = slice_.read(IssuesArgs), dict[str, str]()
    missing = args.ids
    for _ in range(2):  # an answer without the issue does not prove that it was deleted
        failed |= batches.run(missing, ask)
        missing = [issue for issue in missing if issue not in infos and issue not in failed]
    for key in args.keys if failed else []:  # their project is unknown: each project is asked again
        fetched.skips += [Skip(key, f"Issue {issue} was left out. {why}") for issue, why in failed.items()]
    if missing:
        reason = f"Jira listed {counted(len(missing), 'issue')} but did not send"
        fetched.skips.append(Skip("", f"{reason}: {', '.join(missing[:10])}. They may be deleted or hidden by now."))
    return infos


def info_of(payload: bytes) -> IssueInfoPayload:
    """What extraction needs of an issue. For a wrong shape only the id; the transform then sets the issue aside."""
    try:
        return read_shape(payload, IssueInfoPayload)
    except InvalidAnswerError:
        return IssueInfoPayload(read_shape(payload, IdPayload).id)


def record_of(info: IssueInfoPayload, payload: bytes, scope: str) -> SourceRecord:
    """The raw record of an issue."""
    fields = info.fields or IssueInfoFieldsPayload()
    key = (fields.project and fields.project.key) or scope
    return SourceRecord("issue", str(info.id), payload, key, f"POST {API}/issue/bulkfetch", parse_time(fields.updated))


def _fetch_changelogs(
    infos: dict[str, IssueInfoPayload], client: JiraClient, fetched: Fetched, batches: Batches
) -> None:
    """One record per issue with all of its histories, which may be spread over several pages."""
    whole: dict[str, dict[bytes, None]] = {}

    def ask(ids: list[str]) -> list[str]:
        histories: dict[str, dict[bytes, None]] = {issue: {} for issue in ids}
        token, visited = None, set[str]()
        while True:
            page = ask_twice(partial(client.changelogs, ids, token), ChangelogsPayload.is_empty)
            for changes in page.issue_change_logs:
                found = histories.setdefault(str(changes.issue_id), {})
                found.update(dict.fromkeys(map(bytes, changes.change_histories)))
            token = page.next_page_token
            if not token:
                break
            if token in visited:
                raise InvalidAnswerError("Jira's changelogs repeat a page and have no end. Try again later.")
            visited.add(token)
        whole.update(histories)
        return []

    failed = batches.run(list(infos), ask)
    fetched.skips += [
        Skip(_scope(infos[i]), f"The changelog of issue {i} was left out. {why}") for i, why in failed.items()
    ]
    for issue, histories in whole.items():
        if issue in infos:
            fetched.records.append(
                array_record("issue_changelog", infos[issue], histories, f"POST {API}/changelog/bulkfetch")
            )
    fetched.expected["issue_changelog"] = len(infos)


def _fetch_comments(issue: IssueInfoPayload, client: JiraClient, fetched: Fetched) -> None:
    """All comments of an issue that embeds only some of them, so that the stored list is complete."""
    embedded = issue.fields.comment if issue.fields else None
    if not embedded or embedded.total <= len(embedded.comments):
        return
    fetched.expected["issue_comments"] = fetched.expected.get("issue_comments", 0) + 1
    found: dict[str | bytes, bytes] = {}
    start, total = 0, embedded.total
    try:
        while start < total:
            page = ask_twice(partial(client.comments, str(issue.id), start), CommentsPayload.is_empty)
            if page.is_empty():
                break
            start, total = start + len(page.comments), page.total
            for comment in map(bytes, page.comments):
                found[comment_name(comment)] = comment
    except (NotFoundError, ForbiddenError, EndpointRemovedError, ConflictError, InvalidAnswerError) as error:
        fetched.skips.append(Skip("", f"The comments of {issue.key} cannot be read. {error}"))
        return
    if len(found) < total:
        fetched.skips.append(Skip("", f"Jira announced {total} comments of {issue.key} and sent {len(found)}."))
        return
    request = f"GET {API}/issue/{issue.id}/comment"
    fetched.records.append(array_record("issue_comments", issue, found.values(), request))


def comment_name(payload: bytes) -> str | bytes:
    """The id of a comment. A comment without one is named by itself; its transform leaves it out."""
    try:
        return clean(read_shape(payload, IdPayload).id)
    except InvalidAnswerError:
        return payload


def _needless_comments(infos: dict[str, IssueInfoPayload], context: Context) -> list[Deletion]:
    """Stored lists of comments that are no longer needed, because the issue now contains all its comments."""
    whole = {
        name: len(embedded.comments)
        for name, info in infos.items()
        if info.fields and (embedded := info.fields.comment) and embedded.total <= len(embedded.comments)
    }
    stored = set(whole) - set(context.unstored("issue_comments", list(whole)))
    evidence = "POST {}/issue/bulkfetch: the issue embeds all of its {} comments, so their own list is not needed."
    return [Deletion("issue_comments", name, evidence.format(API, whole[name])) for name in sorted(stored)]


def array_record(entity: str, issue: IssueInfoPayload, items: Iterable[bytes], request: str) -> SourceRecord:
    """A record that holds a JSON array of ``items``, each byte for byte."""
    updated_at = parse_time(issue.fields.updated) if issue.fields else None
    return SourceRecord(entity, str(issue.id), b"[" + b",".join(items) + b"]", _scope(issue), request, updated_at)


def _scope(issue: IssueInfoPayload) -> str:
    return (issue.fields and issue.fields.project and issue.fields.project.key) or ""


FETCHERS: dict[str, Callable[[Slice, Context], Fetched]] = {
    "issue_ids": fetch_ids,
    "listed_together": fetch_nothing,
    "issues": fetch_issues,
    "found_issues": fetch_found,
}
