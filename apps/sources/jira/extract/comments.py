"""Which comments does an issue have that it does not contain?"""

from collections.abc import Callable, Mapping
from functools import partial

import msgspec

from apps.sources.base import Context, Deletion, Fetched, Skip, Slice, SourceRecord
from apps.sources.errors import OF_THE_CONNECTION, SourceError
from apps.sources.jira.client import API, CommentsPayload, JiraClient, read_shape
from apps.sources.jira.extract.args import CommentsArgs
from apps.sources.jira.extract.deletions import found_slice
from apps.sources.jira.extract.infos import IssueInfoPayload, info_of
from apps.sources.jira.extract.paging import MAX_RESTARTS, ask_twice, id_of


def comments_slice(issue: IssueInfoPayload) -> Slice:
    """The slice that reads the comments of an issue."""
    return Slice.of("comments", CommentsArgs(str(issue.id), issue.key))


def fetch_comments(slice_: Slice, context: Context) -> Fetched:
    """All comments of an issue.

    If some do not come, those that came are stored beside those that were stored before, and a skip names the issue.
    """
    args = slice_.read(CommentsArgs)
    issue = context.find("issue", args.id)
    if issue is None:
        return Fetched()  # it was deleted meanwhile
    info = info_of(issue.payload)
    found, total, trouble = _read(JiraClient(context.http), args.id, info.total_comments)
    fetched = Fetched(expected={"issue_comments": 1})
    comments = found
    if trouble or len(found) < total:
        if args.restarts < MAX_RESTARTS:
            fetched.follow_ups = [slice_.replace_args(restarts=args.restarts + 1)]
        else:
            why = str(trouble or f"Jira announced {total:,} and sent {len(found):,}.")
            reason = f"The comments of {args.key} are not complete. {why}"
            fetched.skips = [Skip(issue.scope, reason, again=found_slice([args.id]))]
        comments = _stored(args.id, context) | {id_of(one): bytes(one) for one in info.comments} | found
    payload = b"[" + b",".join(comments.values()) + b"]"
    request = f"GET {API}/issue/{args.id}/comment"
    fetched.records = [SourceRecord("issue_comments", args.id, payload, issue.scope, request, issue.updated_at)]
    return fetched


def _read(client: JiraClient, issue: str, announced: int) -> tuple[dict[str, bytes], int, SourceError | None]:
    """The comments of an issue by id, the largest announced number, and what ended the list too early."""
    found: dict[str, bytes] = {}
    start, total, is_full = 0, announced, True
    while start < total or is_full:
        try:
            page = ask_twice(partial(client.comments, issue, start), partial(_is_cut, start, total))
        except OF_THE_CONNECTION:
            raise
        except SourceError as error:
            if not found:
                raise
            return found, total, error
        found |= {id_of(comment): bytes(comment) for comment in page.comments}
        start, total, is_full = start + len(page.comments), max(total, page.total), page.is_full
        if not page.comments:
            break
    return found, total, None


def _is_cut(start: int, total: int, page: CommentsPayload) -> bool:
    return not page.comments and start < max(total, page.total)


def _stored(issue: str, context: Context) -> dict[str, bytes]:
    record = context.find("issue_comments", issue)
    return {id_of(item): bytes(item) for item in read_shape(record.payload, list[msgspec.Raw])} if record else {}


def needless_comments(infos: Mapping[str, IssueInfoPayload], context: Context) -> list[Deletion]:
    """Stored lists of comments that are no longer needed, because the issue now contains all its comments."""
    whole = {name: len(info.comments) for name, info in infos.items() if info.has_all_comments}
    stored = set(whole) - set(context.unstored("issue_comments", list(whole)))
    evidence = "POST {}/issue/bulkfetch: the issue embeds all of its {} comments, so their own list is not needed."
    return [Deletion("issue_comments", name, evidence.format(API, whole[name])) for name in sorted(stored)]


FETCHERS: dict[str, Callable[[Slice, Context], Fetched]] = {"comments": fetch_comments}
