"""What is in a repository's pull requests? The slices of the second step, over GraphQL.

First the ids, newest change first, 100 a page and cheap for GitHub; then the pull requests with their
children, some by id and side by side. Where GitHub gives up on a question, less is asked for, and that
stays so for this repository and run. The module ``children`` follows the lists that go on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apps.sources.base import Context, Fetched, RawRecord, Slice
from apps.sources.errors import Untrusted
from apps.sources.github import heads, queries
from apps.sources.github.children import (
    count,
    further,
    further_threads,
    in_bundles,
    skip_if_working,
)
from apps.sources.github.client import TOO_MUCH, Client, Told, ask_less, attempts_for, hole, holes, owner_and_name
from apps.sources.github.window import window
from apps.sources.text import parse_time


@dataclass
class Size:
    """How much GitHub could answer so far: pull requests a question, children each."""

    pulls: int = queries.DETAILED
    inner: int = queries.EMBEDDED

    def lower(self, pulls: int, inner: int) -> None:
        """Never more than this again; threads that failed with the same size lower it once."""
        self.pulls, self.inner = min(self.pulls, pulls), min(self.inner, inner)


def pull_requests(client: Client, piece: Slice, context: Context) -> Fetched:
    """One page of ids, newest change first; it ends at the first one older than the range."""
    after, first = piece.args.get("after"), piece.args.get("first", queries.LISTED)
    variables = {**owner_and_name(piece.scope), "first": first, "after": after}
    try:
        told = client.graphql(queries.PULL_REQUESTS, variables, heads.RepositoryAnswer, attempts_for(first))
    except TOO_MUCH as error:
        return ask_less(piece, first, error)
    if told.data.repository is None or told.data.repository.pull_requests is None:
        raise hole(told.errors, piece.scope)
    scope, page = told.data.repository.name_with_owner, told.data.repository.pull_requests
    wanted, nodes = window(context, scope), [node for node in page.nodes if node]
    ids = [node.id for node in nodes if wanted.wants(parse_time(node.updated_at))]
    fetched = Fetched()
    if not wanted.is_open:
        fetched.expected = {"pull_request": len(ids)}
    elif after is None:
        fetched.expected = {"pull_request": page.total_count}
    cursor = page.page_info.next_after(after, f"pull requests of {scope}")
    if cursor and not (nodes and wanted.is_before(parse_time(nodes[-1].updated_at))):
        fetched.follow_ups.append(Slice(piece.kind, {"after": cursor, "first": first}, scope))
    fetched.follow_ups += in_pieces(ids, size_of(context, scope).pulls, scope)
    return fetched


def pull_request_details(client: Client, piece: Slice, context: Context) -> Fetched:
    """Some pull requests by id, each a raw record as it came, and slices for children that go on."""
    size, ids, scope = size_of(context, piece.scope), piece.args["ids"], piece.scope
    if len(ids) > size.pulls:
        return Fetched(follow_ups=in_pieces(ids, size.pulls, scope))
    inner = min(size.inner, piece.args.get("inner", size.inner))
    smallest = len(ids) == 1 and inner == 1
    try:
        told = client.graphql(
            queries.PULL_REQUEST_DETAILS,
            {"ids": ids, "inner": inner},
            heads.NodesAnswer,
            attempts=None if smallest else 1,
        )
    except TOO_MUCH as error:
        if smallest or isinstance(error, Untrusted):
            return skip_if_working(client, scope, error)
        if len(ids) > 1:
            size.lower(len(ids) // 2, inner)
            return Fetched(follow_ups=in_pieces(ids, len(ids) // 2, scope))
        size.lower(1, inner // 2)
        return Fetched(follow_ups=[Slice(piece.kind, {"ids": ids, "inner": inner // 2}, scope)])
    return details(client, scope, ids, told)


def details(client: Client, scope: str, ids: Sequence[str], told: Told[heads.NodesAnswer]) -> Fetched:
    """The records, totals and further slices of an answer with whole pull requests."""
    fetched, pages = Fetched(), list[dict[str, Any]]()
    for node_id, payload in zip(ids, map(bytes, told.data.nodes), strict=False):
        if payload == b"null":
            continue
        head = heads.glance(payload, heads.PullRequest)
        external_id = str(head.full_database_id) if head else node_id
        record = RawRecord("pull_request", external_id, payload, scope)
        record.request = f"POST {client.graphql_url} PullRequestDetails {scope} {node_id}"
        fetched.records.append(record)
        if head:
            record.updated_at = parse_time(head.updated_at)
            pages += take_children(fetched, head)
    fetched.follow_ups = in_bundles(pages, queries.PAGED, scope)
    fetched.skips = holes(told.errors, scope)
    return fetched


def take_children(fetched: Fetched, head: heads.PullRequest) -> list[dict[str, Any]]:
    """Announce the totals of the lists of a pull request; gives what has to be read of them after this."""
    pages, owner = list[dict[str, Any]](), str(head.full_database_id)
    for kind, page in (("commits", head.commits), ("reviews", head.reviews), ("comments", head.comments)):
        if page:
            count(fetched, kind, page.total_count)
            pages += further(kind, head.id, owner, page.page_info, len(page.nodes))
    return pages + further_threads(fetched, head, head.review_threads, 0)


def in_pieces(ids: Sequence[str], size: int, scope: str) -> list[Slice]:
    """Slices of at most ``size`` pull requests."""
    return [Slice("pull_request_details", {"ids": list(ids[i : i + size])}, scope) for i in range(0, len(ids), size)]


def size_of(context: Context, scope: str) -> Size:
    """The size that this run has come to for a repository."""
    return context.memo(f"github-size:{scope}", Size)
