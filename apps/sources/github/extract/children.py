"""How are children read that did not fit into the answer with their pull request? By further pages of several lists.

A record of such a page is named ``pull request:list:offset``. If GitHub gives up on a query, the query is split. A
single list is asked for in smaller pages.
"""

from collections.abc import Sequence

import msgspec

from apps.sources.base import Context, Fetched, Skip, Slice, SourceRecord
from apps.sources.errors import SourceError
from apps.sources.github.client import Client, skips_of
from apps.sources.github.entities import CHILD_LISTS, ENTITIES
from apps.sources.github.extract import index, queries
from apps.sources.github.extract.args import ChildPage, ChildPagesArgs
from apps.sources.github.extract.sizes import ask, halved
from apps.sources.text import in_pieces, parse_time

# The entity that each kind of page is stored as: a page of a list, or of the comments of one review thread.
PAGES = {**CHILD_LISTS, queries.THREAD_COMMENTS: CHILD_LISTS["reviewThreads"]}


def pull_request_pages(client: Client, slice_: Slice, context: Context) -> Fetched:
    """Further pages of several lists of children at once."""
    args, scope = slice_.read(ChildPagesArgs), slice_.scope
    asked, first = args.pages, args.first
    variables: dict[str, object] = {"first": first}
    for i, page in enumerate(asked):
        variables |= {f"id{i}": page.id, f"after{i}": page.after}

    def ask_less(error: SourceError) -> Fetched:
        try:
            half, less = halved(len(asked), first, error)
        except SourceError:
            return skip_if_working(client, scope, error)
        return Fetched(follow_ups=page_slices(asked[:half], less, scope) + page_slices(asked[half:], less, scope))

    answer = ask(
        client,
        queries.pages([page.kind for page in asked]),
        variables,
        dict[str, msgspec.Raw],
        is_smallest=len(asked) == 1 and first == 1,
        ask_less=ask_less,
    )
    fetched, further = Fetched(), list[ChildPage]()
    for i, page in enumerate(asked):
        payload = bytes(answer.data.get(f"page{i}", b"null"))
        if payload != b"null":
            further += take_page(client, fetched, page, payload, scope)
    fetched.follow_ups = page_slices(further, first, scope)
    fetched.skips = skips_of(answer.errors, scope)
    return fetched


def take_page(client: Client, fetched: Fetched, page: ChildPage, payload: bytes, scope: str) -> list[ChildPage]:
    """Take the record of a further page; gives the pages that must be read after it."""
    kind = page.kind
    list_name = page.id if kind == queries.THREAD_COMMENTS else kind
    record = SourceRecord(PAGES[kind], f"{page.pull_request}:{list_name}:{page.offset}", payload, scope)
    record.request = f"POST {client.graphql_url} Pages {scope} {page.id} {kind} {page.after}"
    fetched.records.append(record)
    if kind == queries.THREAD_COMMENTS:
        thread = index.read_part(payload, index.ThreadOfPullRequestNode)
        return next_of_page(page, thread.comments) if thread else []
    node = index.read_part(payload, index.RawPullRequestNode)
    if node is None:
        return []
    record.updated_at = parse_time(node.updated_at)
    if kind == "reviewThreads":
        return next_of_threads(fetched, node, node.review_threads, page.offset, page.after)
    lists = {"commits": node.commits, "reviews": node.reviews, "comments": node.comments}
    return next_of_page(page, lists[kind])


def next_of_page(page: ChildPage, found: index.RawPageNode | None) -> list[ChildPage]:
    """The next page after ``page``, or nothing at the end."""
    if found is None:
        return []
    offset = page.offset + len(found.nodes)
    return next_of_list(page.kind, page.id, page.pull_request, found.page_info, offset, page.after)


def next_of_list(
    kind: str, node_id: str, pull_request: str, info: index.CursorNode, offset: int, after: str | None = None
) -> list[ChildPage]:
    """The next page of a list of children, or nothing at its end."""
    cursor = info.next_after(after, f"{kind} of pull request {pull_request}")
    if cursor is None:
        return []
    return [ChildPage(kind, node_id, pull_request, cursor, offset)]


def next_of_threads(
    fetched: Fetched,
    node: index.RawPullRequestNode,
    threads: index.RawThreadPageNode | None,
    offset: int,
    after: str | None = None,
) -> list[ChildPage]:
    """The next page of threads, and of the comments of each thread; announces the comments of all of them."""
    if threads is None:
        return []
    owner = str(node.full_database_id)
    pages = next_of_list("reviewThreads", node.id, owner, threads.page_info, offset + len(threads.nodes), after)
    for thread in threads.nodes:
        if thread and thread.comments:
            count(fetched, queries.THREAD_COMMENTS, thread.comments.total_count)
            read = len(thread.comments.nodes)
            pages += next_of_list(queries.THREAD_COMMENTS, thread.id, owner, thread.comments.page_info, read)
    return pages


def count(fetched: Fetched, kind: str, total: int) -> None:
    """Add to the announced total of a kind of children."""
    name = ENTITIES[PAGES[kind]].total
    fetched.expected[name] = fetched.expected.get(name, 0) + total


def page_slices(pages: Sequence[ChildPage], first: int, scope: str) -> list[Slice]:
    """Slices of further pages, several lists each, ``first`` children a page."""
    return [
        Slice.of("pull_request_pages", ChildPagesArgs(list(some), first), scope)
        for some in in_pieces(pages, queries.MAX_PAGES_PER_QUERY)
    ]


def skip_if_working(client: Client, scope: str, error: SourceError) -> Fetched:
    """Even the smallest query failed. If GitHub answers other queries, this is a skip, else a failure."""
    client.graphql(queries.WORKING, {}, dict[str, msgspec.Raw])
    return Fetched(skips=[Skip(scope, f"GitHub cannot deliver one pull request of {scope}: {error}")])
