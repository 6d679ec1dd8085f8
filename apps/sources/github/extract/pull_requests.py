"""What is in the pull requests? The slices of the second step, over GraphQL.

First the newest ids of several repositories at once and cheap for GitHub, then the pull requests with their children,
some by id and side by side. A sweep also looks at what tells whether the stored ones have changed. Where GitHub gives
up on a question, less is asked for, and that stays so for this run. The module ``children`` follows the lists that go
on.
"""

from collections.abc import Sequence
from typing import Any

from apps.sources.base import Context, Fetched, Listed, RawRecord, Slice
from apps.sources.errors import UntrustedError
from apps.sources.github.client import TOO_MUCH, Client, Told, ask_less, attempts_for, hole, holes, owner_and_name
from apps.sources.github.extract import fingerprints, index, queries
from apps.sources.github.extract.children import (
    count,
    further,
    further_threads,
    in_bundles,
    skip_if_working,
)
from apps.sources.github.extract.sizes import size_of
from apps.sources.github.extract.stored import named, stored_repositories
from apps.sources.github.extract.window import window
from apps.sources.text import parse_time

Wanted = Sequence[tuple[str, str]]  # node id and repository of each pull request


def start(context: Context) -> list[Slice]:
    """The newest pull requests of each repository; a sweep's look at those that are stored."""
    repositories, others = named(stored_repositories(context), context.connection.scopes)
    names = {found.name for found in repositories}
    stored = fingerprints.stored_pull_requests(context, names) if context.with_sweep else []
    return [
        *fingerprints.slices([(found.node_id, found.name) for found in repositories], stored),
        *(Slice("pull_requests", {}, name) for name in others),
    ]


def pull_requests(client: Client, piece: Slice, context: Context) -> Fetched:
    """One page of ids of one repository, newest change first; it ends at the first one older than the range."""
    after, first = piece.args.get("after"), piece.args.get("first", queries.LISTED)
    variables = {**owner_and_name(piece.scope), "first": first, "after": after}
    try:
        told = client.graphql(queries.PULL_REQUESTS, variables, index.RepositoryAnswer, attempts_for(first))
    except TOO_MUCH as error:
        return ask_less(piece, first, error)
    if told.data.repository is None or told.data.repository.pull_requests is None:
        raise hole(told.errors, piece.scope)
    scope, fetched = told.data.repository.name_with_owner, Fetched()
    ids = take_list(fetched, told.data.repository.pull_requests, scope, context, after, first)
    fetched.follow_ups += in_pieces(ids, detailed(context), scope)
    if context.with_sweep and after is None:
        fetched.follow_ups += fingerprints.slices([], fingerprints.stored_pull_requests(context, {scope}))
    return fetched


def take_list(
    fetched: Fetched, page: index.ItemPage, scope: str, context: Context, after: str | None = None, first: int = 100
) -> list[tuple[str, str]]:
    """The wanted pull requests of a page of ids; announces them, and adds the slice of the next page.

    Those that a sweep looks at itself are not wanted twice: of this list it wants what is new.
    """
    wanted, is_swept = window(context, scope), context.with_sweep and not context.is_full
    told = [(item.id, item.created_at if is_swept else item.updated_at) for item in page.items]
    found = [(node_id, scope) for node_id, stamp in told if wanted.wants(parse_time(stamp))]
    if not wanted.is_open:
        announce(fetched, len(found))
    elif after is None:
        announce(fetched, page.total_count)
    if context.with_sweep:
        ids = [str(item.full_database_id) for item in page.items if item.full_database_id]
        fetched.listed.append(Listed("pull_request", scope, ids))
    cursor = page.page_info.next_after(after, f"pull requests of {scope}")
    if cursor and not (page.items and wanted.is_before(parse_time(page.items[-1].updated_at))):
        fetched.follow_ups.append(Slice("pull_requests", {"after": cursor, "first": first}, scope))
    return found


def announce(fetched: Fetched, number: int) -> None:
    """Add to the announced number of pull requests."""
    fetched.expected["pull_request"] = fetched.expected.get("pull_request", 0) + number


def pull_request_details(client: Client, piece: Slice, context: Context) -> Fetched:
    """Some pull requests by id, each a raw record as it came, and slices for children that go on."""
    wanted, scope = piece.args["ids"], piece.scope
    size = size_of(context, f"pull requests {scope}", queries.DETAILED, queries.EMBEDDED)
    if len(wanted) > size.items:
        return Fetched(follow_ups=in_pieces(wanted, size.items, scope))
    inner = min(size.inner, piece.args.get("inner", size.inner))
    smallest = len(wanted) == 1 and inner == 1
    try:
        told = client.graphql(
            queries.PULL_REQUEST_DETAILS,
            {"ids": [node_id for node_id, _ in wanted], "inner": inner},
            index.NodesAnswer,
            attempts=None if smallest else 1,
        )
    except TOO_MUCH as error:
        if smallest or isinstance(error, UntrustedError):
            return skip_if_working(client, wanted[0][1], error)
        items, inner = size.halve(len(wanted), inner, error)
        return Fetched(follow_ups=in_pieces(wanted, items, scope, inner))
    return details(client, scope, wanted, told)


def details(client: Client, scope: str, wanted: Wanted, told: Told[index.NodesAnswer]) -> Fetched:
    """The records, totals and further slices of an answer with whole pull requests."""
    fetched, pages = Fetched(), dict[str, list[dict[str, Any]]]()
    for (node_id, home), payload in zip(wanted, map(bytes, told.data.nodes), strict=False):
        if payload == b"null":
            continue
        head = index.glance(payload, index.PullRequest)
        external_id = str(head.full_database_id) if head else node_id
        record = RawRecord("pull_request", external_id, payload, home)
        record.request = f"POST {client.graphql_url} PullRequestDetails {home} {node_id}"
        fetched.records.append(record)
        if head:
            record.updated_at = parse_time(head.updated_at)
            pages.setdefault(home, []).extend(take_children(fetched, head))
    fetched.follow_ups = [piece for home, some in pages.items() for piece in in_bundles(some, queries.PAGED, home)]
    fetched.skips = holes(told.errors, scope)
    return fetched


def take_children(fetched: Fetched, head: index.PullRequest) -> list[dict[str, Any]]:
    """Announce the totals of the lists of a pull request; gives what has to be read of them after this."""
    pages, owner = list[dict[str, Any]](), str(head.full_database_id)
    for kind, page in (("commits", head.commits), ("reviews", head.reviews), ("comments", head.comments)):
        if page:
            count(fetched, kind, page.total_count)
            pages += further(kind, head.id, owner, page.page_info, len(page.nodes))
    return pages + further_threads(fetched, head, head.review_threads, 0)


def in_pieces(wanted: Wanted, size: int, scope: str = "", inner: int = queries.EMBEDDED) -> list[Slice]:
    """Slices of at most ``size`` pull requests of one repository or, without a ``scope``, of several."""
    parts = [list(wanted[i : i + size]) for i in range(0, len(wanted), size)]
    return [Slice("pull_request_details", {"ids": part, "inner": inner}, scope) for part in parts]


def detailed(context: Context, scope: str = "") -> int:
    """How many pull requests are asked for at once."""
    return size_of(context, f"pull requests {scope}", queries.DETAILED, queries.EMBEDDED).items


def rest_pull_request_heads(client: Client, piece: Slice, context: Context) -> Fetched:
    """Without GraphQL each repository is looked at by itself."""
    return Fetched(follow_ups=[Slice("rest_pull_requests", {}, name) for name in piece.scopes])
