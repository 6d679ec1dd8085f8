"""How are children read that did not fit into the answer with their pull request? By further pages of several lists.

A record of such a page is named ``pull request:list:offset``. If GitHub gives up on a query, the query is split. A
single list is asked for in smaller pages.
"""

from collections.abc import Sequence

import msgspec

from apps.sources.base import Context, Fetched, Slice, SourceRecord
from apps.sources.errors import SourceError
from apps.sources.github.client import Client
from apps.sources.github.entities import CHILD_LISTS, ENTITIES
from apps.sources.github.extract import index, queries
from apps.sources.github.extract.anew import details_again
from apps.sources.github.extract.args import ChildPage, ChildPagesArgs, IdsArgs
from apps.sources.github.extract.gaps import (
    NULL,
    Gap,
    gaps_of,
    hole,
    null_items,
    null_lists,
    read_with_gaps,
    without_place,
)
from apps.sources.github.extract.sizes import ask, halved
from apps.sources.github.kept import TOTAL, keep
from apps.sources.text import in_pieces, parse_time

PAGE_NAMES = {
    "commits": "The commits",
    "reviews": "The reviews",
    "comments": "The comments",
    "reviewThreads": "The review threads",
    queries.THREAD_COMMENTS: "The comments of a review thread",
}
# The entity that each kind of page is stored as: a page of a list, or of the comments of one review thread.
PAGES = {**CHILD_LISTS, queries.THREAD_COMMENTS: CHILD_LISTS["reviewThreads"]}


def pull_request_pages(client: Client, slice_: Slice, context: Context) -> Fetched:
    """Further pages of several lists of children at once."""
    args, scope = slice_.read(ChildPagesArgs), slice_.scope
    asked, first, begun = args.pages, args.first, args.begun
    variables: dict[str, object] = {"first": first}
    for i, page in enumerate(asked):
        variables |= {f"id{i}": page.id, f"after{i}": page.after}

    def ask_less(error: SourceError) -> Fetched:
        half, less = halved(len(asked), first, error)
        pieces = (asked[:half], asked[half:])
        return Fetched(follow_ups=[new for some in pieces for new in page_slices(some, less, scope, begun)])

    answer = ask(
        client,
        queries.pages([page.kind for page in asked]),
        variables,
        dict[str, msgspec.Raw],
        is_smallest=len(asked) == 1 and first == 1,
        ask_less=ask_less,
    )
    fetched, further, unplaced = Fetched(), list[ChildPage](), without_place(answer.errors)
    for i, page in enumerate(asked):
        payload, gaps = bytes(answer.data.get(f"page{i}", b"null")), gaps_of(answer.errors, f"page{i}")
        gaps += [Gap((), unplaced)] if unplaced else []
        if payload == b"null":
            gaps = gaps or [Gap()]
        else:
            further += take_page(client, fetched, page, payload, scope, gaps)
        if gaps:
            fetched.skips += [hole(scope, f"{PAGE_NAMES[page.kind]} of {name_of(again, scope)}", gaps, again)
                              for again in details_again([page], scope, context)]  # fmt: skip
            keep_stored(fetched, page, gaps, context)
    fetched.follow_ups = page_slices(further, first, scope, begun)
    return fetched


def name_of(details: Slice, scope: str) -> str:
    """The name of the only pull request of a slice."""
    return f"pull request {scope}#{details.read(IdsArgs).ids[0].number}"


def keep_stored(fetched: Fetched, page: ChildPage, gaps: list[Gap], context: Context) -> None:
    """What did not come of a page that was just taken keeps its stored value."""
    record = fetched.records[-1] if fetched.records else None
    if record and record.external_id == record_name(page):
        found = (context.find(record.entity, record.external_id), context.find("pull_request", page.pull_request))
        paths = [gap.path for gap in gaps if gap.path]
        record.payload = keep(record.payload, paths, [stored.payload for stored in found if stored])


def record_name(page: ChildPage) -> str:
    """The external id of the record of a page."""
    list_name = page.id if page.kind == queries.THREAD_COMMENTS else page.kind
    return f"{page.pull_request}:{list_name}:{page.offset}"


def take_page(
    client: Client, fetched: Fetched, page: ChildPage, payload: bytes, scope: str, gaps: list[Gap]
) -> list[ChildPage]:
    """Take the record of a further page, and note what its list lacks; gives the pages that must be read after it."""
    kind = page.kind
    record = SourceRecord(PAGES[kind], record_name(page), payload, scope)
    record.request = f"POST {client.graphql_url} Pages {scope} {page.id} {kind} {page.after}"
    fetched.records.append(record)
    if kind == queries.THREAD_COMMENTS:
        thread = read_with_gaps(payload, index.ThreadOfPullRequestNode, gaps)
        if thread is None:
            return unreadable(fetched, gaps)
        gaps += [*null_lists(payload, ["comments"]), *null_items(payload, ["comments"])]
        return next_of_page(page, thread.comments, gaps)
    node = read_with_gaps(payload, index.RawPullRequestNode, gaps)
    if node is None:
        return unreadable(fetched, gaps)
    gaps += [*null_lists(payload, [kind]), *null_items(payload, [kind])]
    record.updated_at = parse_time(node.updated_at)
    if kind == "reviewThreads":
        return next_of_threads(fetched, node, node.review_threads, page.offset, gaps, page.after)
    lists = {"commits": node.commits, "reviews": node.reviews, "comments": node.comments}
    return next_of_page(page, lists[kind], gaps)


def unreadable(fetched: Fetched, gaps: list[Gap]) -> list[ChildPage]:
    """A page that does not say what it belongs to. If GitHub left that out, the page is not stored."""
    if gaps:
        fetched.records.pop()
    return []


def next_of_page(page: ChildPage, found: index.RawPageNode | None, gaps: list[Gap]) -> list[ChildPage]:
    """The next page after ``page``, or nothing at the end."""
    if found is None:
        return []
    path = ("comments",) if page.kind == queries.THREAD_COMMENTS else (page.kind,)
    return next_of_list(page.kind, page.id, page.pull_request, found, page.offset, gaps, page.after, path)


def next_of_list(
    kind: str,
    node_id: str,
    pull_request: str,
    page: index.RawPageNode | index.RawThreadPageNode,
    offset: int,
    gaps: list[Gap],
    after: str | None = None,
    path: tuple[str | int, ...] = (),
) -> list[ChildPage]:
    """The next page of a list of children, or nothing at its end; notes what the list lacks there.

    ``path`` leads to the list if its name is not ``kind``.
    """
    read, info, path = offset + len(page.nodes or []), page.page_info, path or (kind,)
    if info is None:
        gaps.append(Gap(path, "GitHub does not say whether the list goes on"))
    elif info.has_next_page and info.end_cursor and info.end_cursor != after:
        return [ChildPage(kind, node_id, pull_request, info.end_cursor, read)]
    elif info.has_next_page:
        gaps.append(Gap(path, "GitHub's list repeats its own page"))
    elif page.total_count not in (None, read):
        gaps.append(Gap((*path, TOTAL), f"GitHub announces {page.total_count:,} and gives {read:,}"))
    return []


def next_of_threads(
    fetched: Fetched,
    node: index.RawPullRequestNode,
    threads: index.RawThreadPageNode | None,
    offset: int,
    gaps: list[Gap],
    after: str | None = None,
) -> list[ChildPage]:
    """The next page of threads, and of the comments of each thread; announces the comments of all of them."""
    if threads is None:
        return []
    owner = str(node.full_database_id)
    pages = next_of_list("reviewThreads", node.id, owner, threads, offset, gaps, after)
    for place, thread in enumerate(threads.nodes or []):
        if thread and thread.comments and thread.comments.nodes is not None:
            gaps += [
                Gap(("reviewThreads", "nodes", place, "comments"))
                for comment in thread.comments.nodes
                if bytes(comment) == NULL
            ]
            count(fetched, queries.THREAD_COMMENTS, thread.comments.total_count)
            path = ("reviewThreads", "nodes", place, "comments")
            pages += next_of_list(queries.THREAD_COMMENTS, thread.id, owner, thread.comments, 0, gaps, path=path)
        elif thread:
            gaps.append(Gap(("reviewThreads", "nodes", place, "comments")))
    return pages


def count(fetched: Fetched, kind: str, total: int | None) -> None:
    """Add to the announced total of a kind of children."""
    name = ENTITIES[PAGES[kind]].total
    fetched.expected[name] = fetched.expected.get(name, 0) + (total or 0)


def page_slices(pages: Sequence[ChildPage], first: int, scope: str, begun: int = 0) -> list[Slice]:
    """Slices of further pages, several lists each, ``first`` children a page."""
    return [
        Slice.of("pull_request_pages", ChildPagesArgs(list(some), first, begun), scope)
        for some in in_pieces(pages, queries.MAX_PAGES_PER_QUERY)
    ]
