"""In which repositories is something new? One query looks at several. Only changed lists are read.

For each repository the answer has the newest releases and deployments. GraphQL has no list of workflow runs, so the
first page of their list is always read over REST.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from apps.sources.base import Context, Fetched, Listed, Slice
from apps.sources.errors import SourceError
from apps.sources.github.client import Client
from apps.sources.github.entities import ENTITIES
from apps.sources.github.extract import queries
from apps.sources.github.extract.args import (
    EntityArgs,
    ListArgs,
    Named,
    NumberedId,
    OverviewArgs,
    RepositoryArgs,
)
from apps.sources.github.extract.deliveries import deployment_slices, number_in
from apps.sources.github.extract.gaps import Gap, gaps_below, pair
from apps.sources.github.extract.index import IndexPageNode, NodesData, read_part, with_ids
from apps.sources.github.extract.sizes import ask, size_of
from apps.sources.github.extract.stored import named_at_start
from apps.sources.github.extract.unresolved import take_null_repository
from apps.sources.github.extract.window import TimeWindow, window_since
from apps.sources.reading import read_answer
from apps.sources.text import in_pieces, parse_time

NO_LIST = msgspec.Raw(b"null")


class _OverviewNode(msgspec.Struct, rename="camel"):
    name_with_owner: str
    id: str = ""
    pushed_at: Any = None
    updated_at: Any = None
    is_archived: bool | None = None
    releases: msgspec.Raw = NO_LIST
    deployments: msgspec.Raw = NO_LIST


def overview_slices(repositories: Sequence[tuple[str, str]], *, with_records: bool = False) -> list[Slice]:
    """Slices of some repositories each, by node id and name; ``with_records``: their records may be old as well."""
    return [
        Slice.of("overview", OverviewArgs(list(some), with_records))
        for some in in_pieces(repositories, queries.MAX_OVERVIEW_REPOSITORIES)
    ]


def every_list(name: str, context: Context) -> list[Slice]:
    """The slices that read all lists of deliveries of one repository.

    A missing workflow run is not treated as deleted: GitHub drops old runs itself.
    """
    args = ListArgs(with_sweep=context.with_sweep)
    return [*(Slice.of(kind, args, name) for kind in ("releases", "deployments")), Slice("workflow_runs", {}, name)]


def rest_overview(client: Client, slice_: Slice, context: Context) -> Fetched:
    """Without GraphQL there are no overviews, so every list is read."""
    args = slice_.read(OverviewArgs)
    names = [name for _, name in args.repositories]
    records = [Slice.of("repository", RepositoryArgs(is_alone=True), name) for name in names if args.with_records]
    return Fetched(follow_ups=[*records, *(follow_up for name in names for follow_up in every_list(name, context))])


def overview(client: Client, slice_: Slice, context: Context) -> Fetched:
    """Look at some repositories, and read each list that has something newer than the stored records."""
    args = slice_.read(OverviewArgs)
    repositories = args.repositories
    size = size_of(context, "overview", queries.MAX_OVERVIEW_REPOSITORIES, queries.MAX_LISTED_ITEMS)
    first = min(size.inner, args.first or size.inner)

    def ask_less(error: SourceError) -> Fetched:
        half, less = size.halve(len(repositories), first, error)
        pieces = in_pieces(repositories, half)
        return Fetched(follow_ups=[slice_.replace_args(repositories=some, first=less) for some in pieces])

    answer = ask(
        client,
        queries.OVERVIEW,
        {"ids": [node_id for node_id, _ in repositories], "first": first},
        NodesData,
        is_smallest=len(repositories) <= 1,
        ask_less=ask_less,
    )
    fetched, gaps, changed = Fetched(), gaps_below(answer.errors, "nodes"), list[NumberedId]()
    nodes = [bytes(node) for node in answer.data.nodes]
    for one, payload, place in pair(repositories, nodes, is_repository):
        if payload != b"null":
            changed += take_repository(fetched, payload, one[1], gaps.get(place, []), args, context)
        else:
            again = Slice.of("overview", OverviewArgs([one], args.with_records, since=since_of(args, one[1], context)))
            take_null_repository(fetched, one[1], gaps.get(place, []), msgspec.structs.replace(again, scope=one[1]))
    fetched.follow_ups += deployment_slices(changed)
    return fetched


def since_of(args: OverviewArgs, name: str, context: Context) -> datetime | None:
    """The beginning of the range of one repository."""
    return window_since(context, name, args.since).since


def is_repository(one: Named, payload: bytes) -> bool:
    """Whether a payload is the repository that was asked for."""
    node = read_part(payload, _OverviewNode)
    return node is not None and node.id == one[0]


def take_repository(
    fetched: Fetched, payload: bytes, stored_name: str, gaps: list[Gap], args: OverviewArgs, context: Context
) -> list[NumberedId]:
    """Add the slices that one repository needs; gives its deployments that have changed."""
    node, window = read_answer(payload, _OverviewNode), window_since(context, stored_name, args.since)
    name = node.name_with_owner
    if name != stored_name:
        fetched.renamed[stored_name] = name
    if args.with_records:
        take_record(fetched, node, stored_name, context)
    lists = ListArgs(with_sweep=context.with_sweep, since=args.since)
    if may_have_runs(node, stored_name, gaps, context):
        fetched.follow_ups.append(Slice.of("workflow_runs", ListArgs(since=args.since), name))
    releases = page_of(node.releases, "releases", gaps)
    deployments = page_of(node.deployments, "deployments", gaps)
    for entity, page in (("release", releases), ("deployment", deployments)):
        must_read_list = page is None or needs_next_page(entity, page, window, context)
        if entity == "release" or window.is_open:
            must_read_list = must_read_list or has_news(page, window)
        if page is not None and context.with_sweep and not must_read_list:
            must_read_list = not has_same_ids(fetched, entity, page, name, stored_name, context)
        if must_read_list:
            fetched.follow_ups.append(Slice.of(f"{entity}s", lists, name))
            deployments = deployments if entity == "release" else None
    if deployments is None:
        return []
    unstored = set(unstored_in(deployments, context))
    wanted = [
        item for item in deployments.items if not window.is_after(item.newest) or str(item.database_id) in unstored
    ]
    wanted = with_ids(wanted, f"the deployments of {name}")
    return [NumberedId(item.id, name, number_in(item.database_id)) for item in wanted]


def may_have_runs(node: _OverviewNode, stored_name: str, gaps: list[Gap], context: Context) -> bool:
    """Whether there may be new workflow runs: none where nothing was ever pushed, or that was archived before."""
    stored = named_at_start(stored_name, context)
    was_archived = stored is not None and stored.is_archived
    is_empty = node.pushed_at is None and not any(gap.path[:1] == ("pushedAt",) for gap in gaps)
    return not is_empty and not (was_archived and node.is_archived and not context.is_full)


def page_of(payload: msgspec.Raw, name: str, gaps: list[Gap]) -> IndexPageNode | None:
    """A list in the answer, ``None`` if a part of it did not come: then the whole list is read."""
    page = read_part(bytes(payload), IndexPageNode)
    return None if page is None or None in page.nodes or any(gap.path[:1] == (name,) for gap in gaps) else page


def take_record(fetched: Fetched, node: _OverviewNode, stored_name: str, context: Context) -> None:
    """Announce a repository that no list has announced. Its record is read again if it is older than this."""
    fetched.expected["repository"] = fetched.expected.get("repository", 0) + 1
    stored = named_at_start(stored_name, context)
    if stored and context.with_sweep:
        fetched.listed.append(Listed("repository", node.name_with_owner, [stored.id]))
    present = (node.name_with_owner, parse_time(node.updated_at), parse_time(node.pushed_at))
    if stored is None or present != (stored.name, stored.updated_at, stored.pushed_at):
        fetched.follow_ups.append(Slice.of("repository", RepositoryArgs(is_alone=True), node.name_with_owner))


def has_news(page: IndexPageNode | None, window: TimeWindow) -> bool:
    """Whether a page has something that this run wants."""
    return page is not None and any(not window.is_after(item.newest) for item in page.items)


def needs_next_page(entity: str, page: IndexPageNode, window: TimeWindow, context: Context) -> bool:
    """Whether something of the range may lie behind the page; a sweep looks at all that may have changed.

    A list that ends before it has given all that it announces is read as well.
    """
    if not page.page_info.has_next_page:
        return page.lacks(0) > 0
    if not page.items or (entity == "release" and context.with_sweep):
        return True
    range_ = window.reaches_back(ENTITIES[entity].lag) if context.with_sweep else window
    return not range_.is_after(parse_time(page.items[-1].created_at))


def unstored_in(page: IndexPageNode, context: Context) -> list[str]:
    """The ids of a page without a stored record; only a sweep looks for them."""
    return context.unstored("deployment", [str(item.database_id) for item in page.items]) if context.with_sweep else []


def has_same_ids(
    fetched: Fetched, entity: str, page: IndexPageNode, name: str, stored_name: str, context: Context
) -> bool:
    """Note the ids of a page, and say whether the whole list seems to have the same ids as the store.

    Stored ones that a complete list lacks are asked for.
    """
    ids = {str(item.database_id) for item in page.items}
    stored = set(context.unlisted(entity, stored_name))
    if page.page_info.has_next_page and len(stored | ids) != page.total_count:
        return False
    fetched.listed.append(Listed(entity, name, sorted(ids)))
    if stored - ids and not page.page_info.has_next_page:
        fetched.follow_ups.append(Slice.of("missing", EntityArgs(entity), name))
    is_stored_otherwise = entity == "deployment"  # each of them is asked for by its id
    return is_stored_otherwise or not context.unstored(entity, sorted(ids))
