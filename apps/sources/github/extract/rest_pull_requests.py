"""What is in the pull requests of a repository if there is no GraphQL? The same data, over REST.

A pull request's record holds its unchanged answers side by side: ``{"pull_request": …, "commits": […], "reviews":
[…]}``. Comments come from two lists of the whole repository. GitHub does not put the id of the pull request into a
comment, so the ids of these records begin with it.
"""

import re
from typing import Any

import msgspec

from apps.sources.base import Context, Fetched, Listed, Skip, Slice, SourceRecord
from apps.sources.errors import NotFoundError
from apps.sources.github.client import Client, next_page
from apps.sources.github.entities import ENTITIES, MAX_LISTED_COMMITS, list_path
from apps.sources.github.extract import index
from apps.sources.github.extract.args import EntityArgs, ListArgs, NumbersArgs
from apps.sources.github.extract.window import time_window
from apps.sources.text import in_pieces, parse_time

MAX_PULLS_PER_SLICE = 10
_NUMBER = re.compile(r"/pulls?/(\d+)(?:#|\Z)")
# The kinds of slices that read comments, and the entity of each.
_COMMENTS = {"rest_review_comments": "pull_request_review_comments", "rest_issue_comments": "pull_request_comments"}


class _RepositoryNamePayload(msgspec.Struct):
    full_name: str = ""


class _BaseBranchPayload(msgspec.Struct):
    repo: _RepositoryNamePayload | None = None


class _PullRequestIndexPayload(msgspec.Struct):
    id: int
    number: int
    base: _BaseBranchPayload | None = None
    updated_at: Any = None
    commits: Any = None


class _CommentIndexPayload(msgspec.Struct):
    id: Any = None
    html_url: str = ""
    updated_at: Any = None


def rest_pull_request_index(client: Client, slice_: Slice, context: Context) -> Fetched:
    """Without GraphQL the pull requests of each repository are listed by themselves."""
    return Fetched(follow_ups=[Slice("rest_pull_requests", {}, name) for name in slice_.scopes])


def rest_pull_requests(client: Client, slice_: Slice, context: Context) -> Fetched:
    """One page of pull requests, newest change first; the first page also begins the two lists of comments."""
    fetched, path = Fetched(), list_path(slice_.scope, "pull_request")
    url = slice_.read(ListArgs).url
    answer = client.page(url or path, **ENTITIES["pull_request"].parameters)
    window, items = time_window(context, slice_.scope), answer.decode(list[_PullRequestIndexPayload])
    numbers = [item.number for item in items if window.has_time(parse_time(item.updated_at))]
    fetched.expected = {"pull_request": len(numbers)}
    if context.with_sweep:
        fetched.listed.append(Listed("pull_request", slice_.scope, [str(item.id) for item in items]))
        fetched.follow_ups = next_page(slice_, answer) or [
            Slice.of("missing", EntityArgs("pull_request"), slice_.scope)
        ]
    elif not (items and window.is_after(parse_time(items[-1].updated_at))):
        fetched.follow_ups = next_page(slice_, answer)
    if not url:
        fetched.follow_ups += [Slice(kind, {}, slice_.scope, announced=0) for kind in _COMMENTS]
    fetched.follow_ups += [
        Slice.of("rest_pull_request_details", NumbersArgs(list(some)), slice_.scope, announced=len(some))
        for some in in_pieces(numbers, MAX_PULLS_PER_SLICE)
    ]
    return fetched


def rest_pull_request_details(client: Client, slice_: Slice, context: Context) -> Fetched:
    """Some pull requests by number, each with its commits and reviews."""
    fetched, scope = Fetched(expected={"commit": 0, "review": 0}), slice_.scope
    for number in slice_.read(NumbersArgs).numbers:
        path = f"{list_path(scope, 'pull_request')}/{number}"
        try:
            answer = client.http.get(path)
            commits, reviews = client.every_item(f"{path}/commits"), client.every_item(f"{path}/reviews")
        except NotFoundError as error:
            fetched.skips.append(Skip(scope, f"Pull request {scope}#{number} is gone: {error}"))
            continue
        item = answer.decode(_PullRequestIndexPayload)
        total = item.commits if isinstance(item.commits, int) else len(commits)
        fetched.expected["commit"] += total
        fetched.expected["review"] += len(reviews)
        if total > MAX_LISTED_COMMITS and len(commits) < total:
            sentence = (
                f"Pull request {scope}#{number} has {total} commits; over REST GitHub gives {len(commits)} of them."
            )
            fetched.skips.append(Skip(scope, f"{sentence} The rest needs GraphQL."))
        body = {"pull_request": msgspec.Raw(answer.body), "commits": commits, "reviews": reviews}
        name = item.base.repo.full_name if item.base and item.base.repo else scope
        record = SourceRecord("pull_request", str(item.id), msgspec.json.encode(body), name)
        record.request, record.updated_at = f"GET {answer.url}", parse_time(item.updated_at)
        fetched.records.append(record)
    return fetched


def rest_comments(client: Client, slice_: Slice, context: Context) -> Fetched:
    """One page of the repository's review comments, or of issue comments without those of plain issues.

    A sweep reads all pages, because no other list shows which comments were deleted.
    """
    since = None if context.with_sweep else time_window(context, slice_.scope).since
    entity = _COMMENTS[slice_.kind]
    bound = {"since": f"{since:%Y-%m-%dT%H:%M:%SZ}"} if since else {}
    path = list_path(slice_.scope, entity)
    answer = client.page(slice_.read(ListArgs).url or path, **ENTITIES[entity].parameters, **bound)
    fetched = Fetched(follow_ups=next_page(slice_, answer))
    for payload in map(bytes, answer.decode(list[msgspec.Raw])):
        comment = index.read_part(payload, _CommentIndexPayload) or _CommentIndexPayload()
        number = _NUMBER.search(comment.html_url)
        owner = pull_request_id(client, slice_.scope, int(number[1]), context) if number else ""
        if owner:
            name = f"{owner}:{index.external_id(comment.id, payload)}"
            record = SourceRecord(entity, name, payload, slice_.scope, f"GET {answer.url}")
            record.updated_at = parse_time(comment.updated_at)
            fetched.records.append(record)
    fetched.expected = {ENTITIES[entity].total: len(fetched.records)}
    if context.with_sweep:
        fetched.listed.append(Listed(entity, slice_.scope, [record.external_id for record in fetched.records]))
        fetched.follow_ups = fetched.follow_ups or [Slice.of("missing", EntityArgs(entity), slice_.scope)]
    return fetched


def pull_request_id(client: Client, scope: str, number: int, context: Context) -> str:
    """The id of a pull request, "" if it is gone. It comes from a list read once, else from a single request."""
    ids = context.memo(f"github-numbers:{scope}", lambda: ids_by_number(client, scope, context))
    if number not in ids:
        try:
            answer = client.http.get(f"{list_path(scope, 'pull_request')}/{number}")
            ids[number] = str(answer.decode(_PullRequestIndexPayload).id)
        except NotFoundError:
            ids[number] = ""
    return ids[number]


def ids_by_number(client: Client, scope: str, context: Context) -> dict[int, str]:
    """The ids of the pull requests of this run's range, in a sweep of all, by number."""
    ids: dict[int, str] = {}
    window, url = time_window(context, scope), list_path(scope, "pull_request")
    while url:
        answer = client.page(url, **ENTITIES["pull_request"].parameters)
        items = answer.decode(list[_PullRequestIndexPayload])
        ids |= {item.number: str(item.id) for item in items}
        is_past = items and not context.with_sweep and window.is_after(parse_time(items[-1].updated_at))
        url = "" if is_past else answer.link("next")
    return ids
