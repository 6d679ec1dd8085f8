"""Which children of a pull request did not fit into its own answer? Further pages of several lists at once.

A record of such a page is named ``pull request:list:offset``. Where GitHub gives up on a question, it is
split; a single list is asked for in smaller pages.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from apps.sources.base import Context, Fetched, RawRecord, Skip, Slice
from apps.sources.errors import SourceError, UntrustedError
from apps.sources.github.client import TOO_MUCH, Client, holes
from apps.sources.github.entities import CHILD_LISTS, ENTITIES
from apps.sources.github.extract import index, queries
from apps.sources.text import parse_time

# The entity that each kind of page is stored as: a page of a list, or of the comments of one review thread.
PAGES = {**CHILD_LISTS, queries.THREAD: CHILD_LISTS["reviewThreads"]}


def pull_request_pages(client: Client, piece: Slice, context: Context) -> Fetched:
    """Further pages of several lists of children at once."""
    wanted, first, scope = piece.args["pages"], piece.args["first"], piece.scope
    variables: dict[str, Any] = {"first": first}
    for i, page in enumerate(wanted):
        variables |= {f"id{i}": page["id"], f"after{i}": page["after"]}
    smallest = len(wanted) == 1 and first == 1
    try:
        told = client.graphql(
            queries.pages([page["kind"] for page in wanted]),
            variables,
            dict[str, msgspec.Raw],
            attempts=None if smallest else 1,
        )
    except TOO_MUCH as error:
        if smallest or isinstance(error, UntrustedError):
            return skip_if_working(client, scope, error)
        half = len(wanted) // 2
        if half:
            return Fetched(
                follow_ups=[
                    *in_bundles(wanted[:half], first, scope),
                    *in_bundles(wanted[half:], first, scope),
                ]
            )
        return Fetched(follow_ups=in_bundles(wanted, first // 2, scope))
    fetched, pages = Fetched(), list[dict[str, Any]]()
    for i, page in enumerate(wanted):
        payload = bytes(told.data.get(f"page{i}", b"null"))
        if payload != b"null":
            pages += take_page(client, fetched, page, payload, scope)
    fetched.follow_ups = in_bundles(pages, first, scope)
    fetched.skips = holes(told.errors, scope)
    return fetched


def take_page(
    client: Client, fetched: Fetched, page: dict[str, Any], payload: bytes, scope: str
) -> list[dict[str, Any]]:
    """Take the record of a further page; gives what has to be read after it."""
    kind = page["kind"]
    list_name = page["id"] if kind == queries.THREAD else kind
    record = RawRecord(PAGES[kind], f"{page['pr']}:{list_name}:{page['offset']}", payload, scope)
    record.request = f"POST {client.graphql_url} Pages {scope} {page['id']} {kind} {page['after']}"
    fetched.records.append(record)
    if kind == queries.THREAD:
        thread = index.glance(payload, index.ThreadNode)
        return after_page(page, thread.comments) if thread else []
    head = index.glance(payload, index.PullRequest)
    if head is None:
        return []
    record.updated_at = parse_time(head.updated_at)
    if kind == "reviewThreads":
        return further_threads(fetched, head, head.review_threads, page["offset"], page["after"])
    lists = {"commits": head.commits, "reviews": head.reviews, "comments": head.comments}
    return after_page(page, lists[kind])


def after_page(page: dict[str, Any], found: index.Page | None) -> list[dict[str, Any]]:
    """What is needed to ask for the page after ``page``, nothing at the end."""
    if found is None:
        return []
    offset = page["offset"] + len(found.nodes)
    return further(page["kind"], page["id"], page["pr"], found.page_info, offset, page["after"])


def further(
    kind: str, node: str, pull_request: str, info: index.PageInfo, offset: int, after: str | None = None
) -> list[dict[str, Any]]:
    """What is needed to ask for the next page of a list of children, nothing at its end."""
    cursor = info.next_after(after, f"{kind} of pull request {pull_request}")
    if cursor is None:
        return []
    return [{"kind": kind, "id": node, "pr": pull_request, "after": cursor, "offset": offset}]


def further_threads(
    fetched: Fetched,
    head: index.PullRequest,
    threads: index.ThreadPage | None,
    offset: int,
    after: str | None = None,
) -> list[dict[str, Any]]:
    """The next page of threads, and of the comments of each thread; counts the comments of all of them."""
    if threads is None:
        return []
    owner = str(head.full_database_id)
    pages = further("reviewThreads", head.id, owner, threads.page_info, offset + len(threads.nodes), after)
    for thread in threads.nodes:
        if thread and thread.comments:
            count(fetched, queries.THREAD, thread.comments.total_count)
            at = len(thread.comments.nodes)
            pages += further(queries.THREAD, thread.id, owner, thread.comments.page_info, at)
    return pages


def count(fetched: Fetched, kind: str, total: int) -> None:
    """Add to the announced total of a kind of children."""
    name = ENTITIES[PAGES[kind]].total
    fetched.expected[name] = fetched.expected.get(name, 0) + total


def in_bundles(pages: Sequence[dict[str, Any]], first: int, scope: str) -> list[Slice]:
    """Slices of further pages, several lists each, ``first`` children a page."""
    return [
        Slice("pull_request_pages", {"pages": list(pages[i : i + queries.BUNDLED]), "first": first}, scope)
        for i in range(0, len(pages), queries.BUNDLED)
    ]


def skip_if_working(client: Client, scope: str, error: SourceError) -> Fetched:
    """Even the smallest question failed: an outcome of this item if GitHub answers others, else a failure."""
    client.graphql(queries.WORKING, {}, dict[str, msgspec.Raw])
    return Fetched(skips=[Skip(scope, f"GitHub cannot deliver one pull request of {scope}: {error}")])
