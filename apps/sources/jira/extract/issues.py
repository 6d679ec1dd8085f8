"""Step 3: which issues changed, and what are they, their histories and comments?

Ids come first, 5,000 a page: they are cheap, and their number is an exact total. Whole issues, histories and
comments follow for 200 ids a slice.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from hashlib import blake2b

import msgspec

from apps.sources.base import Context, Deletion, Fetched, Listed, RawRecord, Skip, Slice
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
    ChangelogPage,
    CommentPage,
    Id,
    IdPage,
    JiraClient,
    Shape,
    read_shape,
)
from apps.sources.jira.extract.known import wanted_projects
from apps.sources.jira.extract.paging import Batches, insist
from apps.sources.jira.extract.parents import fetch_epics
from apps.sources.text import in_pieces, parse_time

IDS_PER_SLICE = 200
MOST_EMPTY_PAGES = 10


class _CommentHead(Shape):
    id: Id = ""


class _Comments(Shape):
    total: int = 0
    comments: list[msgspec.Raw] = []


class _Project(Shape):
    key: str = ""


class _Fields(Shape):
    updated: str | None = None
    project: _Project | None = None
    comment: _Comments | None = None


class IssueHead(Shape):
    """What extraction needs to know of an issue."""

    id: Id
    key: str = ""
    fields: _Fields | None = None


def start(context: Context) -> list[Slice]:
    """One list of ids per project in a full run; else one per group of projects that were synced together.

    A scope counts as synced when a slice of the run bears its name: so a group names each of its projects.
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


def fetch_nothing(piece: Slice, context: Context) -> Fetched:
    """The project's issues come with the list of its group."""
    return Fetched()


def list_slice(keys: list[str], since: datetime | None, until: datetime | None) -> Slice:
    """The first page of the list of ids of some projects."""
    scope = keys[0] if len(keys) == 1 else ""
    window = [int(moment.timestamp() * 1000) if moment else None for moment in (since, until)]
    return Slice("issue_ids", {"keys": keys, "window": window}, scope)


def query(keys: Iterable[str], since: int | None, until: int | None) -> str:
    """JQL with bounds in epoch milliseconds: unlike dates, no time zone can shift them."""
    quoted = ", ".join(f'"{key}"' for key in keys)
    bounds = [f"project in ({quoted})"]
    bounds += [f"updated >= {since}"] if since is not None else []
    bounds += [f"updated < {until}"] if until is not None else []
    return f"{' AND '.join(bounds)} ORDER BY updated ASC, id ASC"


def fetch_ids(piece: Slice, context: Context) -> Fetched:
    """A page of ids; the slices that fetch them and the next page follow.

    The list of a full run is complete: what it lacks is looked for when it has come to its end.
    """
    client = JiraClient(context.http)
    token, jql = piece.args.get("token"), query(piece.args["keys"], *piece.args["window"])
    try:
        page = insist(lambda: client.issue_ids(jql, token), IdPage.is_odd)
    except (BadRequestError, NotFoundError, ForbiddenError) as error:
        if token:
            raise
        return without_lost_projects(piece, client, error)
    ids = list(dict.fromkeys(str(issue.id) for issue in page.issues))
    follow_ups = next_page(piece, page)
    ends = not follow_ups
    follow_ups += [
        Slice("issues", {"ids": list(some), "keys": piece.args["keys"]}, piece.scope)
        for some in in_pieces(ids, IDS_PER_SLICE)
    ]
    if context.is_full and ends:
        follow_ups.append(Slice("unlisted_issues", {"keys": piece.args["keys"]}))
    complete = piece.args["window"] == [None, None]
    listed = [Listed("issue", piece.scope, ids)] if complete else []
    return Fetched(follow_ups=follow_ups, expected={"issue": len(ids)}, listed=listed)


def without_lost_projects(piece: Slice, client: JiraClient, error: Exception) -> Fetched:
    """A query is refused as a whole when one project is gone: ask for each alone, and tell which it is."""
    keys: list[str] = piece.args["keys"]
    if len(keys) > 1:
        return Fetched(follow_ups=[Slice(piece.kind, {**piece.args, "keys": [key]}, key) for key in keys])
    try:
        visible = client.projects(0, keys).values
    except (BadRequestError, NotFoundError, ForbiddenError):
        visible = []
    if any(read_shape(bytes(item), _Project).key == keys[0] for item in visible):
        raise error
    return Fetched(skips=[Skip(keys[0], f"Project {keys[0]} is no longer there or visible. {error}")])


def next_page(piece: Slice, page: IdPage) -> list[Slice]:
    """The slice of the next page, if there is one. A list that runs in a circle or on nothing is refused."""
    token = page.next_page_token
    if not page.goes_on or not token:
        if page.is_odd() and not page.issues:
            raise InvalidAnswerError("Jira announces more issues and gives neither any nor a token. Try later.")
        return []
    mark = blake2b(token.encode(errors="replace"), digest_size=6).hexdigest()
    visited: list[str] = piece.args.get("visited", [])
    empty = 0 if page.issues else int(piece.args.get("empty", 0)) + 1
    if mark in visited or empty > MOST_EMPTY_PAGES:
        what = "repeats a page" if mark in visited else "has gone on for many empty pages"
        raise InvalidAnswerError(
            f"Jira's list of issues of {', '.join(piece.args['keys'])} {what}; it has no end. Try later."
        )
    args = {**piece.args, "token": token, "visited": [*visited, mark], "empty": empty}
    return [Slice(piece.kind, args, piece.scope)]


def fetch_issues(piece: Slice, context: Context) -> Fetched:
    """Some issues with their whole changelogs and all of their comments."""
    client = JiraClient(context.http)
    fetched = Fetched()
    sizes = context.http.sizes
    heads = _fetch_bodies(piece, client, fetched, Batches(sizes, "jira issues", ISSUES_PER_CALL))
    _fetch_changelogs(heads, client, fetched, Batches(sizes, "jira changelogs", IDS_PER_SLICE))
    for issue in heads.values():
        _fetch_comments(issue, client, fetched)
    fetched.deletions = _needless_comments(heads, context)
    # Slices side by side may ask for the same epic: how many there are nobody has announced.
    fetched.records += fetch_epics([record for record in fetched.records if record.entity == "issue"], client, context)
    return fetched


def fetch_found(piece: Slice, context: Context) -> Fetched:
    """Issues that no list has announced, but that are there."""
    fetched = fetch_issues(piece, context)
    fetched.expected["issue"] = sum(record.entity == "issue" for record in fetched.records)
    return fetched


def _fetch_bodies(piece: Slice, client: JiraClient, fetched: Fetched, batches: Batches) -> dict[str, IssueHead]:
    heads: dict[str, IssueHead] = {}

    def ask(ids: list[str]) -> list[str]:
        batch = client.issues(ids)
        for head, payload in [(head_of(payload), payload) for payload in map(bytes, batch.issues)]:
            heads[str(head.id)] = head
            fetched.records.append(record_of(head, payload, piece.scope))
        failed = {str(error.id) for error in batch.issue_errors or []}
        return [issue for issue in ids if issue in failed and issue not in heads]

    failed: dict[str, str] = {}
    missing: list[str] = piece.args["ids"]
    for _ in range(2):  # that an answer lacks an issue is no proof that it is gone
        failed |= batches.run(missing, ask)
        missing = [issue for issue in missing if issue not in heads and issue not in failed]
    for key in piece.args["keys"] if failed else []:  # nobody knows whose they are: each is asked for again next time
        fetched.skips += [Skip(key, f"Issue {issue} was left out. {why}") for issue, why in failed.items()]
    if missing:
        reason = "went away between the list and the fetch, or may not be seen"
        fetched.skips.append(Skip("", f"{len(missing)} issues {reason}: {', '.join(missing[:10])}."))
    return heads


def head_of(payload: bytes) -> IssueHead:
    """The head of an issue; of an odd one only its id: the transform will set the record aside."""
    try:
        return read_shape(payload, IssueHead)
    except InvalidAnswerError:
        return IssueHead(read_shape(payload, _CommentHead).id)


def record_of(head: IssueHead, payload: bytes, scope: str) -> RawRecord:
    """The raw record of an issue."""
    fields = head.fields or _Fields()
    key = (fields.project and fields.project.key) or scope
    return RawRecord("issue", str(head.id), payload, key, f"POST {API}/issue/bulkfetch", parse_time(fields.updated))


def _fetch_changelogs(heads: dict[str, IssueHead], client: JiraClient, fetched: Fetched, batches: Batches) -> None:
    """One record per issue with all of its histories, which may be spread over several pages."""
    whole: dict[str, dict[bytes, None]] = {}

    def ask(ids: list[str]) -> list[str]:
        histories: dict[str, dict[bytes, None]] = {issue: {} for issue in ids}
        token, visited = None, set[str]()
        while True:
            page = insist(partial(client.changelogs, ids, token), ChangelogPage.is_empty)
            for changes in page.issue_change_logs:
                known = histories.setdefault(str(changes.issue_id), {})
                known.update(dict.fromkeys(map(bytes, changes.change_histories)))
            token = page.next_page_token
            if not token:
                break
            if token in visited:
                raise InvalidAnswerError("Jira's changelogs repeat a page; they have no end. Try later.")
            visited.add(token)
        whole.update(histories)
        return []

    failed = batches.run(list(heads), ask)
    fetched.skips += [
        Skip(_scope(heads[i]), f"The changelog of issue {i} was left out. {why}") for i, why in failed.items()
    ]
    for issue, histories in whole.items():
        if issue in heads:
            fetched.records.append(
                array_record("issue_changelog", heads[issue], histories, f"POST {API}/changelog/bulkfetch")
            )
    fetched.expected["issue_changelog"] = len(heads)


def _fetch_comments(issue: IssueHead, client: JiraClient, fetched: Fetched) -> None:
    """All comments of an issue that embeds only some: so that the stored list is known to be whole."""
    embedded = issue.fields.comment if issue.fields else None
    if not embedded or embedded.total <= len(embedded.comments):
        return
    fetched.expected["issue_comments"] = fetched.expected.get("issue_comments", 0) + 1
    found: dict[str, bytes] = {}
    start, total = 0, embedded.total
    try:
        while start < total:
            page = insist(partial(client.comments, str(issue.id), start), CommentPage.is_empty)
            if page.is_empty():
                break
            start, total = start + len(page.comments), page.total
            for comment in map(bytes, page.comments):
                found[str(read_shape(comment, _CommentHead).id)] = comment
    except (NotFoundError, ForbiddenError, EndpointRemovedError, ConflictError, InvalidAnswerError) as error:
        fetched.skips.append(Skip("", f"The comments of {issue.key} cannot be read. {error}"))
        return
    if len(found) < total:
        fetched.skips.append(Skip("", f"Jira announced {total} comments of {issue.key} and gave {len(found)}."))
        return
    request = f"GET {API}/issue/{issue.id}/comment"
    fetched.records.append(array_record("issue_comments", issue, found.values(), request))


def _needless_comments(heads: dict[str, IssueHead], context: Context) -> list[Deletion]:
    """The lists of comments that were stored when there were too many to embed: now the issue has them all."""
    whole = {
        name: len(embedded.comments)
        for name, head in heads.items()
        if head.fields and (embedded := head.fields.comment) and embedded.total <= len(embedded.comments)
    }
    stored = set(whole) - set(context.unstored("issue_comments", list(whole)))
    evidence = "POST {}/issue/bulkfetch: the issue embeds all of its {} comments, the list of its own is needless."
    return [Deletion("issue_comments", name, evidence.format(API, whole[name])) for name in sorted(stored)]


def array_record(entity: str, issue: IssueHead, items: Iterable[bytes], request: str) -> RawRecord:
    """A record that holds a JSON array of ``items``, each byte for byte."""
    updated_at = parse_time(issue.fields.updated) if issue.fields else None
    return RawRecord(entity, str(issue.id), b"[" + b",".join(items) + b"]", _scope(issue), request, updated_at)


def _scope(issue: IssueHead) -> str:
    return (issue.fields and issue.fields.project and issue.fields.project.key) or ""


FETCHERS: dict[str, Callable[[Slice, Context], Fetched]] = {
    "issue_ids": fetch_ids,
    "listed_together": fetch_nothing,
    "issues": fetch_issues,
    "found_issues": fetch_found,
}
