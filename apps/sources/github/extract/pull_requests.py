"""What is in the pull requests? The slices of the second step, over GraphQL.

A first query lists the newest ids of several repositories, which is cheap for GitHub. Then the pull requests follow
with their children, some by id and side by side. A sweep also asks for the fingerprints of the stored ones. If GitHub
gives up on a query, the rest of the run asks for less at once. The module ``children`` reads further pages of long
lists.
"""

from collections.abc import Sequence

from apps.sources.base import Context, Fetched, Listed, Slice, SourceRecord
from apps.sources.errors import SourceError
from apps.sources.github.client import Client, GraphQLAnswer, skips_of
from apps.sources.github.extract import fingerprints, index, queries
from apps.sources.github.extract.args import ChildPage, IdsArgs, ListArgs, Named
from apps.sources.github.extract.children import count, next_of_list, next_of_threads, page_slices, skip_if_working
from apps.sources.github.extract.sizes import Size, ask, ask_page, size_of
from apps.sources.github.extract.stored import match_scopes, stored_repositories
from apps.sources.github.extract.window import time_window
from apps.sources.text import in_pieces, parse_time

Ids = Sequence[Named]


def start(context: Context) -> list[Slice]:
    """The newest pull requests of each repository, and in a sweep the stored ones."""
    repositories, others = match_scopes(stored_repositories(context), context.connection.scopes)
    names = {found.name for found in repositories}
    stored = fingerprints.stored_pull_requests(context, names) if context.with_sweep else []
    return [
        *fingerprints.index_slices([(found.node_id, found.name) for found in repositories], stored),
        *(Slice("pull_requests", {}, name) for name in others),
    ]


def pull_requests(client: Client, slice_: Slice, context: Context) -> Fetched:
    """One page of ids of one repository, newest change first. It ends at the first id older than the range."""
    args = slice_.read(ListArgs)
    scope, page = ask_page(client, slice_, queries.PULL_REQUESTS, lambda repository: repository.pull_requests)
    fetched = Fetched()
    ids = take_index(fetched, page, scope, context, args.after, args.first, slice_.announced)
    fetched.follow_ups += detail_slices(ids, detail_size(context, scope).items, scope)
    if context.with_sweep and args.after is None:
        fetched.follow_ups += fingerprints.index_slices([], fingerprints.stored_pull_requests(context, {scope}))
    return fetched


def take_index(
    fetched: Fetched,
    page: index.IndexPageNode,
    scope: str,
    context: Context,
    after: str | None = None,
    first: int = queries.MAX_LISTED_ITEMS,
    announced: int | None = None,
) -> list[tuple[str, str]]:
    """The wanted pull requests of a page of ids; announces them, and adds the slice of the next page.

    The first page of a list that is wanted as a whole announces all of it; later ones know how many are ``announced``.
    A sweep finds changed pull requests by their fingerprints, so it takes only new ones from this list.
    """
    window, is_swept = time_window(context, scope), context.with_sweep and not context.is_full
    dated = [(item.id, item.created_at if is_swept else item.updated_at) for item in page.items]
    found = [(node_id, scope) for node_id, stamp in dated if window.has_time(parse_time(stamp))]
    if not window.is_open:
        announce(fetched, len(found))
    elif after is None:
        announce(fetched, page.total_count)
    if context.with_sweep:
        ids = [str(item.full_database_id) for item in page.items if item.full_database_id]
        fetched.listed.append(Listed("pull_request", scope, ids))
    cursor = page.page_info.next_after(after, f"pull requests of {scope}")
    if cursor and not (page.items and window.is_after(parse_time(page.items[-1].updated_at))):
        left = max((page.total_count if announced is None else announced) - len(page.items), 0)
        args = ListArgs(after=cursor, first=first)
        fetched.follow_ups.append(Slice.of("pull_requests", args, scope, announced=left if window.is_open else None))
    return found


def announce(fetched: Fetched, number: int) -> None:
    """Add to the announced number of pull requests."""
    fetched.expected["pull_request"] = fetched.expected.get("pull_request", 0) + number


def pull_request_details(client: Client, slice_: Slice, context: Context) -> Fetched:
    """Some pull requests by id, each as a raw record. Slices for long lists of children follow."""
    args, scope = slice_.read(IdsArgs), slice_.scope
    ids = args.ids
    size = detail_size(context, scope)
    if len(ids) > size.items:
        return Fetched(follow_ups=detail_slices(ids, size.items, scope))
    inner = min(size.inner, args.inner or size.inner)

    def ask_less(error: SourceError) -> Fetched:
        try:
            items, less = size.halve(len(ids), inner, error)
        except SourceError:
            return skip_if_working(client, ids[0][1], error)
        return Fetched(follow_ups=detail_slices(ids, items, scope, less))

    answer = ask(
        client,
        queries.PULL_REQUEST_DETAILS,
        {"ids": [node_id for node_id, _ in ids], "inner": inner},
        index.NodesData,
        is_smallest=len(ids) == 1 and inner == 1,
        ask_less=ask_less,
    )
    return details(client, scope, ids, answer)


def details(client: Client, scope: str, ids: Ids, answer: GraphQLAnswer[index.NodesData]) -> Fetched:
    """The records, totals and further slices of an answer with whole pull requests."""
    fetched, pages = Fetched(), dict[str, list[ChildPage]]()
    for (node_id, name), payload in zip(ids, map(bytes, answer.data.nodes), strict=False):
        if payload == b"null":
            continue
        node = index.read_part(payload, index.RawPullRequestNode)
        external_id = str(node.full_database_id) if node else node_id
        record = SourceRecord("pull_request", external_id, payload, name)
        record.request = f"POST {client.graphql_url} PullRequestDetails {name} {node_id}"
        fetched.records.append(record)
        if node:
            record.updated_at = parse_time(node.updated_at)
            pages.setdefault(name, []).extend(take_children(fetched, node))
    for name, some in pages.items():
        fetched.follow_ups += page_slices(some, queries.MAX_CHILDREN_PER_PAGE, name)
    fetched.skips = skips_of(answer.errors, scope)
    return fetched


def take_children(fetched: Fetched, node: index.RawPullRequestNode) -> list[ChildPage]:
    """Announce the totals of the child lists of a pull request; gives the pages that must be read next."""
    pages, owner = list[ChildPage](), str(node.full_database_id)
    for kind, page in (("commits", node.commits), ("reviews", node.reviews), ("comments", node.comments)):
        if page:
            count(fetched, kind, page.total_count)
            pages += next_of_list(kind, node.id, owner, page.page_info, len(page.nodes))
    return pages + next_of_threads(fetched, node, node.review_threads, 0)


def detail_slices(ids: Ids, size: int, scope: str = "", inner: int = queries.MAX_EMBEDDED_CHILDREN) -> list[Slice]:
    """Slices of at most ``size`` announced pull requests of one repository or, without a ``scope``, of several."""
    return [
        Slice.of("pull_request_details", IdsArgs(list(some), inner), scope, announced=len(some))
        for some in in_pieces(ids, size)
    ]


def detail_size(context: Context, scope: str = "") -> Size:
    """How many pull requests are asked for at once, and how many children of each."""
    return size_of(context, f"pull requests {scope}", queries.MAX_DETAILED_PULL_REQUESTS, queries.MAX_EMBEDDED_CHILDREN)
