"""What is in the pull requests of a repository if there is no GraphQL? The same data, over REST.

A pull request's record holds its unchanged answers side by side: ``{"pull_request": …, "commits": […], "reviews":
[…]}``. Comments come from two lists of the whole repository. GitHub does not put the id of the pull request into a
comment, so the ids of these records begin with it.
"""

import re
from typing import Any

import msgspec

from apps.sources.base import Context, Fetched, Listed, Slice, SourceRecord
from apps.sources.errors import OF_ALL_REQUESTS, NotFoundError, SourceError
from apps.sources.github.client import Client, next_page
from apps.sources.github.entities import ENTITIES, MAX_LISTED_COMMITS, list_path
from apps.sources.github.extract import index
from apps.sources.github.extract.anew import list_again
from apps.sources.github.extract.args import EntityArgs, IndexArgs, ListArgs, NumbersArgs
from apps.sources.github.extract.deletions import GONE_STATUSES
from apps.sources.github.extract.gaps import Gap, hole
from apps.sources.github.extract.window import list_window, time_window
from apps.sources.http import Answer
from apps.sources.text import as_dict, clean, in_pieces, parse_time

MAX_PULLS_PER_SLICE = 10
_NUMBER = re.compile(r"/pulls?/(\d+)(?:#|\Z)")
# The kinds of slices that read comments, and the entity of each.
_COMMENTS = {"rest_review_comments": "pull_request_review_comments", "rest_issue_comments": "pull_request_comments"}


class _PullRequestIndexPayload(msgspec.Struct):
    id: int
    number: int
    base: Any = None
    updated_at: Any = None
    commits: Any = None


class _CommentIndexPayload(msgspec.Struct):
    id: Any = None
    html_url: str = ""
    updated_at: Any = None


def rest_pull_request_index(client: Client, slice_: Slice, context: Context) -> Fetched:
    """Without GraphQL the pull requests of each repository are listed by themselves."""
    return Fetched(
        follow_ups=[Slice("rest_pull_requests", {}, name) for _, name in slice_.read(IndexArgs).repositories]
    )


def rest_pull_requests(client: Client, slice_: Slice, context: Context) -> Fetched:
    """One page of pull requests, newest change first; the first page also begins the two lists of comments."""
    fetched, path = Fetched(), list_path(slice_.scope, "pull_request")
    args, window = slice_.read(ListArgs), list_window(context, slice_)
    answer = client.page(args.url or path, **ENTITIES["pull_request"].parameters)
    items = answer.decode(list[_PullRequestIndexPayload])
    names = [str(item.id) for item in items]
    is_swept = context.with_sweep or args.with_sweep
    unstored = set(context.unstored("pull_request", names)) if is_swept and not window.is_open else set()
    numbers = [
        item.number for item in items if str(item.id) in unstored or window.has_time(parse_time(item.updated_at))
    ]
    fetched.expected = {"pull_request": len(numbers)}
    if is_swept:
        fetched.listed.append(Listed("pull_request", slice_.scope, names))
        fetched.follow_ups = next_page(slice_, answer) or [
            Slice.of("missing", EntityArgs("pull_request"), slice_.scope)
        ]
    elif not (items and window.is_after(parse_time(items[-1].updated_at))):
        fetched.follow_ups = next_page(slice_, answer)
    if not args.url:
        begin = ListArgs(with_sweep=args.with_sweep, since=args.since)
        fetched.follow_ups += [Slice.of(kind, begin, slice_.scope, announced=0) for kind in _COMMENTS]
    fetched.follow_ups += [
        Slice.of("rest_pull_request_details", NumbersArgs(list(some)), slice_.scope, announced=len(some))
        for some in in_pieces(numbers, MAX_PULLS_PER_SLICE)
    ]
    return fetched


def rest_pull_request_details(client: Client, slice_: Slice, context: Context) -> Fetched:
    """Some pull requests by number, each with its commits and reviews."""
    fetched, args = Fetched(expected={"commit": 0, "review": 0}), slice_.read(NumbersArgs)
    for number in args.numbers:
        path = f"{list_path(slice_.scope, 'pull_request')}/{number}"
        try:
            answer = client.http.get(path)
        except NotFoundError as error:
            if not args.is_again or error.status not in GONE_STATUSES:
                raise
            continue  # the list that named it may be old: the pull request is gone
        take_pull_request(fetched, client, path, answer, slice_.scope)
    return fetched


def take_pull_request(fetched: Fetched, client: Client, path: str, answer: Answer, scope: str) -> None:
    """The record of a pull request with its commits and reviews."""
    commits, reviews = client.every_item(f"{path}/commits"), client.every_item(f"{path}/reviews")
    item = answer.decode(_PullRequestIndexPayload)
    total = item.commits if isinstance(item.commits, int) else len(commits)
    fetched.expected["commit"] += total
    fetched.expected["review"] += len(reviews)
    name = clean(as_dict(as_dict(item.base).get("repo")).get("full_name")) or scope
    if len(commits) < total:
        reason = f"it has {total} commits; over REST GitHub gives {len(commits)} of them"
        reason += ". The rest needs GraphQL" if total > MAX_LISTED_COMMITS else ""
        again = Slice.of("rest_pull_request_details", NumbersArgs([item.number], is_again=True), scope)
        fetched.skips.append(hole(scope, f"Pull request {scope}#{item.number}", [Gap((), reason)], again))
    body = {"pull_request": msgspec.Raw(answer.body), "commits": commits, "reviews": reviews}
    record = SourceRecord("pull_request", str(item.id), msgspec.json.encode(body), name)
    record.request, record.updated_at = f"GET {answer.url}", parse_time(item.updated_at)
    fetched.records.append(record)


def rest_comments(client: Client, slice_: Slice, context: Context) -> Fetched:
    """One page of the repository's review comments, or of issue comments without those of plain issues.

    A sweep reads all pages, because no other list shows which comments were deleted.
    """
    args, entity = slice_.read(ListArgs), _COMMENTS[slice_.kind]
    is_swept = context.with_sweep or args.with_sweep
    since = None if is_swept else list_window(context, slice_).since
    bound = {"since": f"{since:%Y-%m-%dT%H:%M:%SZ}"} if since else {}
    path = list_path(slice_.scope, entity)
    answer = client.page(args.url or path, **ENTITIES[entity].parameters, **bound)
    fetched = Fetched(follow_ups=next_page(slice_, answer))
    for payload in map(bytes, answer.decode(list[msgspec.Raw])):
        comment = index.read_index(payload, _CommentIndexPayload, "a comment") or _CommentIndexPayload()
        number = _NUMBER.search(comment.html_url)
        owner = owner_of(fetched, client, slice_, int(number[1]), context) if number else ""
        if owner:
            name = f"{owner}:{index.external_id(comment.id, payload)}"
            record = SourceRecord(entity, name, payload, slice_.scope, f"GET {answer.url}")
            record.updated_at = parse_time(comment.updated_at)
            fetched.records.append(record)
    fetched.expected = {ENTITIES[entity].total: len(fetched.records)}
    if is_swept:
        fetched.listed.append(Listed(entity, slice_.scope, [record.external_id for record in fetched.records]))
        fetched.follow_ups = fetched.follow_ups or [Slice.of("missing", EntityArgs(entity), slice_.scope)]
    return fetched


def owner_of(fetched: Fetched, client: Client, slice_: Slice, number: int, context: Context) -> str:
    """The id of the pull request of a comment, "" if it is gone, or if it cannot be asked for: then it is a hole."""
    try:
        return pull_request_id(client, slice_.scope, number, context)
    except OF_ALL_REQUESTS:
        raise
    except SourceError as error:
        what, again = f"The comments of pull request {slice_.scope}#{number}", list_again(slice_, context)
        fetched.skips.append(hole(slice_.scope, what, [Gap((), str(error))], again))
        return ""


def pull_request_id(client: Client, scope: str, number: int, context: Context) -> str:
    """The id of a pull request, "" if it is gone. It comes from a list read once, else from a single request."""
    ids = context.memo(f"github-numbers:{scope}", lambda: ids_by_number(client, scope, context))
    if number not in ids:
        try:
            answer = client.http.get(f"{list_path(scope, 'pull_request')}/{number}")
            ids[number] = str(answer.decode(_PullRequestIndexPayload).id)
        except NotFoundError as error:
            if error.status not in GONE_STATUSES:
                raise
            ids[number] = ""
    return ids[number]


def ids_by_number(client: Client, scope: str, context: Context) -> dict[int, str]:
    """The ids of the pull requests of this run's range, in a sweep of all, by number, as far as the list is given."""
    ids: dict[int, str] = {}
    window, url = time_window(context, scope), list_path(scope, "pull_request")
    while url:
        try:
            answer = client.page(url, **ENTITIES["pull_request"].parameters)
            items = answer.decode(list[_PullRequestIndexPayload])
        except OF_ALL_REQUESTS:
            raise
        except SourceError:
            break  # what is not known by then is asked for one by one
        ids |= {item.number: str(item.id) for item in items}
        is_past = items and not context.with_sweep and window.is_after(parse_time(items[-1].updated_at))
        url = "" if is_past else answer.link("next")
    return ids
