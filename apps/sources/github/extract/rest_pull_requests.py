"""What is in a repository's pull requests where there is no GraphQL? The same data over REST.

A pull request's record holds its answers side by side, each as it came:
``{"pull_request": …, "commits": […], "reviews": […]}``. Comments come from two lists of the whole repository;
the ids of their records begin with that of the pull request, which GitHub does not put into a comment.
"""

import re
from typing import Any

import msgspec

from apps.sources.base import Context, Fetched, Listed, RawRecord, Skip, Slice
from apps.sources.errors import NotFoundError
from apps.sources.github.client import Client, next_page
from apps.sources.github.entities import ENTITIES, list_path
from apps.sources.github.extract import index
from apps.sources.github.extract.window import window
from apps.sources.text import parse_time

PULLS_PER_SLICE = 10
MOST_COMMITS = 250
_NUMBER = re.compile(r"/pulls?/(\d+)(?:#|\Z)")
# The kinds of slices that read comments, and the entity of each.
_COMMENTS = {"rest_review_comments": "pull_request_review_comments", "rest_issue_comments": "pull_request_comments"}


class _Home(msgspec.Struct):
    full_name: str = ""


class _Base(msgspec.Struct):
    repo: _Home | None = None


class _PullRequest(msgspec.Struct):
    id: int
    number: int
    base: _Base | None = None
    updated_at: Any = None
    commits: Any = None


class _Comment(msgspec.Struct):
    id: Any = None
    html_url: str = ""
    updated_at: Any = None


def rest_pull_requests(client: Client, piece: Slice, context: Context) -> Fetched:
    """One page of pull requests, newest change first, and at its beginning the two lists of comments."""
    fetched, path = Fetched(), list_path(piece.scope, "pull_request")
    answer = client.page(piece.args.get("url", path), **ENTITIES["pull_request"].parameters)
    wanted, heads = window(context, piece.scope), answer.decode(list[_PullRequest])
    numbers = [head.number for head in heads if wanted.wants(parse_time(head.updated_at))]
    fetched.expected = {"pull_request": len(numbers)}
    if context.with_sweep:
        fetched.listed.append(Listed("pull_request", piece.scope, [str(head.id) for head in heads]))
        fetched.follow_ups = next_page(piece, answer) or [Slice("missing", {"entity": "pull_request"}, piece.scope)]
    elif not (heads and wanted.is_before(parse_time(heads[-1].updated_at))):
        fetched.follow_ups = next_page(piece, answer)
    if "url" not in piece.args:
        fetched.follow_ups += [Slice(kind, {}, piece.scope) for kind in _COMMENTS]
    fetched.follow_ups += [
        Slice("rest_pull_request_details", {"numbers": numbers[i : i + PULLS_PER_SLICE]}, piece.scope)
        for i in range(0, len(numbers), PULLS_PER_SLICE)
    ]
    return fetched


def rest_pull_request_details(client: Client, piece: Slice, context: Context) -> Fetched:
    """Some pull requests by number, each with its commits and reviews."""
    fetched = Fetched(expected={"commit": 0, "review": 0})
    for number in piece.args["numbers"]:
        path = f"{list_path(piece.scope, 'pull_request')}/{number}"
        try:
            answer = client.http.get(path)
            commits, reviews = client.every_item(f"{path}/commits"), client.every_item(f"{path}/reviews")
        except NotFoundError as error:
            fetched.skips.append(Skip(piece.scope, f"Pull request {piece.scope}#{number} is gone: {error}"))
            continue
        head = answer.decode(_PullRequest)
        total = head.commits if isinstance(head.commits, int) else len(commits)
        fetched.expected["commit"] += total
        fetched.expected["review"] += len(reviews)
        if total > MOST_COMMITS and len(commits) < total:
            sentence = f"Pull request {piece.scope}#{number} has {total} commits; over REST GitHub gives "
            fetched.skips.append(Skip(piece.scope, f"{sentence}{len(commits)} of them. The rest needs GraphQL."))
        body = {"pull_request": msgspec.Raw(answer.body), "commits": commits, "reviews": reviews}
        home = head.base.repo.full_name if head.base and head.base.repo else piece.scope
        record = RawRecord("pull_request", str(head.id), msgspec.json.encode(body), home)
        record.request, record.updated_at = f"GET {answer.url}", parse_time(head.updated_at)
        fetched.records.append(record)
    return fetched


def rest_comments(client: Client, piece: Slice, context: Context) -> Fetched:
    """One page of the repository's review comments, or issue comments without those of plain issues.

    A sweep reads them all: no other list tells which ones were deleted.
    """
    since = None if context.with_sweep else window(context, piece.scope).since
    entity = _COMMENTS[piece.kind]
    path = list_path(piece.scope, entity)
    bound = {"since": f"{since:%Y-%m-%dT%H:%M:%SZ}"} if since else {}
    answer = client.page(piece.args.get("url", path), **ENTITIES[entity].parameters, **bound)
    fetched = Fetched(follow_ups=next_page(piece, answer))
    for payload in map(bytes, answer.decode(list[msgspec.Raw])):
        head = index.glance(payload, _Comment) or _Comment()
        number = _NUMBER.search(head.html_url)
        owner = pull_request_id(client, piece.scope, int(number[1]), context) if number else ""
        if owner:
            name = f"{owner}:{index.external_id(head.id, payload)}"
            record = RawRecord(entity, name, payload, piece.scope, f"GET {answer.url}")
            record.updated_at = parse_time(head.updated_at)
            fetched.records.append(record)
    fetched.expected = {ENTITIES[entity].total: len(fetched.records)}
    if context.with_sweep:
        fetched.listed.append(Listed(entity, piece.scope, [record.external_id for record in fetched.records]))
        fetched.follow_ups = fetched.follow_ups or [Slice("missing", {"entity": entity}, piece.scope)]
    return fetched


def pull_request_id(client: Client, scope: str, number: int, context: Context) -> str:
    """The id of a pull request, "" when it is gone: from a list read once, else asked for one by one."""
    known = context.memo(f"github-numbers:{scope}", lambda: numbers_of(client, scope, context))
    if number not in known:
        try:
            answer = client.http.get(f"{list_path(scope, 'pull_request')}/{number}")
            known[number] = str(answer.decode(_PullRequest).id)
        except NotFoundError:
            known[number] = ""
    return known[number]


def numbers_of(client: Client, scope: str, context: Context) -> dict[int, str]:
    """The ids of the pull requests of this run's range, in a sweep of all, by number."""
    known: dict[int, str] = {}
    wanted, url = window(context, scope), list_path(scope, "pull_request")
    while url:
        answer = client.page(url, **ENTITIES["pull_request"].parameters)
        heads = answer.decode(list[_PullRequest])
        known |= {head.number: str(head.id) for head in heads}
        is_past = heads and not context.with_sweep and wanted.is_before(parse_time(heads[-1].updated_at))
        url = "" if is_past else answer.link("next")
    return known
