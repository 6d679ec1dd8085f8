"""What is in the pull requests? The slices of the second step, over GraphQL.

A first query lists the newest ids of several repositories, which is cheap for GitHub. Then the pull requests follow
with their children, some by id and side by side. A sweep also asks for the fingerprints of the stored ones. If GitHub
gives up on a query, the rest of the run asks for less at once. The module ``children`` reads further pages of long
lists.
"""

from collections import Counter
from collections.abc import Sequence

import msgspec

from apps.sources.base import Context, Fetched, Listed, Slice, SourceRecord
from apps.sources.errors import SourceError
from apps.sources.github.client import Client, GraphQLAnswer
from apps.sources.github.entities import CHILD_LISTS
from apps.sources.github.extract import fingerprints, index, queries
from apps.sources.github.extract.args import ChildPage, IdsArgs, ListArgs, NumberedId
from apps.sources.github.extract.children import count, next_of_list, next_of_threads, page_slices
from apps.sources.github.extract.deliveries import lacking
from apps.sources.github.extract.gaps import (
    Gap,
    gaps_below,
    null_items,
    null_lists,
    pair,
    read_with_gaps,
    without_place,
)
from apps.sources.github.extract.sizes import Size, ask, ask_page, size_of
from apps.sources.github.extract.stored import chosen_repositories
from apps.sources.github.extract.unresolved import hole_of, take_null
from apps.sources.github.extract.window import list_window
from apps.sources.github.kept import keep
from apps.sources.text import in_pieces, parse_time

Ids = Sequence[NumberedId]
WHOLE_LISTS = ("labels", "assignees", *CHILD_LISTS)  # even an empty one is never null


def start(context: Context) -> list[Slice]:
    """The newest pull requests of each repository, and in a sweep the stored ones."""
    repositories, others = chosen_repositories(context)
    names = {found.name for found in repositories}
    stored = fingerprints.stored_pull_requests(context, names) if context.with_sweep else []
    counted = Counter(entry[2] for entry in stored)
    numbers = {name: counted[name] for name in names} if context.with_sweep else {}
    newest = [(found.node_id, found.name) for found in repositories]
    return [
        *fingerprints.index_slices(newest, stored, numbers=numbers),
        *(Slice("pull_requests", {}, name) for name in others),
    ]


def pull_requests(client: Client, slice_: Slice, context: Context) -> Fetched:
    """One page of ids of one repository, newest change first. It ends at the first id older than the range.

    A slice with a sweep lists all ids.
    """
    args = slice_.read(ListArgs)
    scope, page, _ = ask_page(client, slice_, queries.PULL_REQUESTS, lambda repository: repository.pull_requests)
    fetched, slice_ = Fetched(), msgspec.structs.replace(slice_, scope=scope)
    ids = take_index(fetched, page, slice_, context)
    fetched.follow_ups += detail_slices(ids, detail_size(context, scope).items, scope)
    if (context.with_sweep or args.with_sweep) and args.after is None:
        fetched.follow_ups += fingerprints.index_slices([], fingerprints.stored_pull_requests(context, {scope}))
    return fetched


def take_index(
    fetched: Fetched, page: index.IndexPageNode, slice_: Slice, context: Context, stored: int | None = None
) -> list[NumberedId]:
    """The wanted pull requests of a page of ids; announces them, and adds the slice of the next page.

    The first page of a list that is wanted as a whole announces all of it; later ones know how many are announced.

    A sweep finds changed pull requests by their fingerprints, so it takes only those that are not stored. If the total
    is not that of the ``stored`` ones and these, older ones are missing: then it reads on to the end of the list.
    """
    args, scope, window = slice_.read(ListArgs), slice_.scope, list_window(context, slice_)
    is_swept = args.with_sweep or (context.with_sweep and not context.is_full)
    names = [str(item.full_database_id) for item in page.items if item.full_database_id]
    wanted = [item for item in page.items if window.has_time(parse_time(item.updated_at))]
    if is_swept:
        unstored = set(context.unstored("pull_request", names))
        wanted = [item for item in page.items if str(item.full_database_id) in unstored]
    wanted = index.with_ids(wanted, f"the pull requests of {scope}")
    if is_swept or not window.is_open:
        announce(fetched, len(wanted))
    elif args.after is None:
        announce(fetched, page.total_count)
    if context.with_sweep or args.with_sweep:
        fetched.listed.append(Listed("pull_request", scope, names))
    must_list_all = args.with_sweep or (is_swept and stored is not None and stored + len(wanted) != page.total_count)
    cursor = page.page_info.next_after(args.after, f"pull requests of {scope}")
    is_past = bool(page.items and window.is_after(parse_time(page.items[-1].updated_at)))
    if cursor and (must_list_all or not is_past):
        changes = {"after": cursor, "first": args.first, "seen": args.seen + len(page.nodes), "sweep": must_list_all}
        left = max((page.total_count if slice_.announced is None else slice_.announced) - len(page.items), 0)
        announced = left if window.is_open and not is_swept else None
        fetched.follow_ups.append(msgspec.structs.replace(slice_.replace_args(**changes), announced=announced))
    if missing := page.lacks(args.seen):
        lacking(fetched, slice_, missing, context)
    return [NumberedId(item.id, scope, item.number or 0) for item in wanted]


def announce(fetched: Fetched, number: int) -> None:
    """Add to the announced number of pull requests."""
    fetched.expected["pull_request"] = fetched.expected.get("pull_request", 0) + number


def pull_request_details(client: Client, slice_: Slice, context: Context) -> Fetched:
    """Some pull requests by id, each as a raw record. Slices for long lists of children follow."""
    args, scope = slice_.read(IdsArgs), slice_.scope
    ids = args.ids
    size = detail_size(context, scope)
    if len(ids) > size.items:
        return Fetched(follow_ups=smaller(slice_, size.items))
    inner = min(size.inner, args.inner or size.inner)

    def ask_less(error: SourceError) -> Fetched:
        items, less = size.halve(len(ids), inner, error)
        return Fetched(follow_ups=smaller(slice_, items, inner=less))

    answer = ask(
        client,
        queries.PULL_REQUEST_DETAILS,
        {"ids": [one.id for one in ids], "inner": inner},
        index.NodesData,
        is_smallest=len(ids) == 1 and inner == 1,
        ask_less=ask_less,
    )
    return details(client, args, answer, context)


def smaller(slice_: Slice, items: int, **changes: object) -> list[Slice]:
    """The same in slices of at most ``items`` ids."""
    return [
        msgspec.structs.replace(
            slice_.replace_args(ids=msgspec.to_builtins(some), **changes), announced=slice_.announced and len(some)
        )
        for some in in_pieces(slice_.read(IdsArgs).ids, items)
    ]


def details(client: Client, args: IdsArgs, answer: GraphQLAnswer[index.NodesData], context: Context) -> Fetched:
    """The records, totals and further slices of an answer with whole pull requests."""
    fetched, pages = Fetched(), dict[str, list[ChildPage]]()
    gaps, unplaced = gaps_below(answer.errors, "nodes"), without_place(answer.errors)
    for one, payload, place in pair(args.ids, [bytes(node) for node in answer.data.nodes], is_pull_request):
        found = [*gaps.get(place, []), *([Gap((), unplaced)] if unplaced else [])]
        node = read_with_gaps(payload, index.RawPullRequestNode, found)
        if payload == b"null" or (node is None and found):
            take_null(fetched, "pull_request", one, found)
            continue
        external_id = str(node.full_database_id) if node else one.id
        record = SourceRecord("pull_request", external_id, payload, one.repository)
        record.request = f"POST {client.graphql_url} PullRequestDetails {one.repository} {one.id}"
        fetched.records.append(record)
        if node:
            record.scope = index.name_of(node.repository) or one.repository  # a hole may have an older name
            record.updated_at = parse_time(node.updated_at)
            found += [*null_lists(payload, WHOLE_LISTS), *null_items(payload, WHOLE_LISTS)]
            pages.setdefault(record.scope, []).extend(take_children(fetched, node, found))
        if found:
            stored = context.find("pull_request", external_id)
            record.payload = keep(payload, [gap.path for gap in found if gap.path], [stored.payload] if stored else [])
            numbered = NumberedId(one.id, record.scope, node.number if node else one.number)
            fetched.skips.append(hole_of("pull_request", numbered, found))
    for name, some in pages.items():
        fetched.follow_ups += page_slices(some, queries.MAX_CHILDREN_PER_PAGE, name, args.begun)
    return fetched


def is_pull_request(one: NumberedId, payload: bytes) -> bool:
    """Whether a payload is the pull request that was asked for."""
    node = index.read_part(payload, index.RawPullRequestNode)
    return node is not None and node.id == one.id


def take_children(fetched: Fetched, node: index.RawPullRequestNode, gaps: list[Gap]) -> list[ChildPage]:
    """Announce the totals of the child lists of a pull request, and note what they lack.

    Gives the pages that must be read next.
    """
    pages, owner = list[ChildPage](), str(node.full_database_id)
    for kind, page in (("commits", node.commits), ("reviews", node.reviews), ("comments", node.comments)):
        if page:
            count(fetched, kind, page.total_count)
            pages += next_of_list(kind, node.id, owner, page, 0, gaps)
    return pages + next_of_threads(fetched, node, node.review_threads, 0, gaps)


def detail_slices(ids: Ids, size: int, scope: str = "", inner: int = queries.MAX_EMBEDDED_CHILDREN) -> list[Slice]:
    """Slices of at most ``size`` announced pull requests of one repository or, without a ``scope``, of several."""
    return [
        Slice.of("pull_request_details", IdsArgs(list(some), inner), scope, announced=len(some))
        for some in in_pieces(ids, size)
    ]


def detail_size(context: Context, scope: str = "") -> Size:
    """How many pull requests are asked for at once, and how many children of each."""
    return size_of(context, f"pull requests {scope}", queries.MAX_DETAILED_PULL_REQUESTS, queries.MAX_EMBEDDED_CHILDREN)
