"""In which repositories is something new? One query looks at several. Only changed lists are read.

For each repository the answer has the newest releases and deployments, and the time when the workflow runs of its
newest commits last changed. GraphQL has no list of runs, but each commit names the runs that it started.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

from apps.sources.base import Context, Fetched, Listed, Skip, Slice
from apps.sources.errors import SourceError
from apps.sources.github.client import Client, null_reasons
from apps.sources.github.extract import queries
from apps.sources.github.extract.args import EntityArgs, ListArgs, OverviewArgs, RepositoryArgs
from apps.sources.github.extract.deliveries import deployment_slices
from apps.sources.github.extract.index import IndexNode, IndexPageNode, NodesData
from apps.sources.github.extract.sizes import ask, size_of
from apps.sources.github.extract.stored import repositories_at_start
from apps.sources.github.extract.window import TimeWindow, time_window
from apps.sources.reading import read_answer
from apps.sources.text import in_pieces, parse_time


class _OverviewNode(msgspec.Struct, rename="camel"):
    name_with_owner: str
    pushed_at: Any = None
    updated_at: Any = None
    releases: IndexPageNode | None = None
    deployments: IndexPageNode | None = None


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
    with_runs = not all(time_window(context, name).is_open for _, name in repositories)

    def ask_less(error: SourceError) -> Fetched:
        half, less = size.halve(len(repositories), first, error)
        pieces = in_pieces(repositories, half)
        return Fetched(follow_ups=[slice_.replace_args(repositories=some, first=less) for some in pieces])

    answer = ask(
        client,
        queries.OVERVIEW,
        {"ids": [node_id for node_id, _ in repositories], "first": first, "runs": with_runs},
        NodesData,
        is_smallest=len(repositories) <= 1,
        ask_less=ask_less,
    )
    fetched, reasons, changed = Fetched(), null_reasons(answer.errors, "nodes"), list[tuple[str, str]]()
    for place, (_, name) in enumerate(repositories):
        payload = bytes(answer.data.nodes[place]) if place < len(answer.data.nodes) else b"null"
        if payload != b"null":
            changed += take_repository(fetched, payload, name, context, with_records=args.with_records)
        elif not context.with_sweep:  # a sweep asks for the repository itself, and reports the result
            reason = reasons[place].sentence if place in reasons else "GitHub gave no reason"
            fetched.skips.append(Skip(name, f"{name} cannot be read: {reason}"))
    fetched.follow_ups += deployment_slices(changed)
    return fetched


def take_repository(
    fetched: Fetched, payload: bytes, stored_name: str, context: Context, *, with_records: bool
) -> list[tuple[str, str]]:
    """Add the slices that one repository needs; gives its deployments that have changed, by node id and repository."""
    node, window = read_answer(payload, _OverviewNode), time_window(context, stored_name)
    name = node.name_with_owner
    if name != stored_name:
        fetched.renamed[stored_name] = name
    if with_records:
        take_record(fetched, node, stored_name, context)
    if has_news(node.releases, window):
        fetched.follow_ups.append(Slice("releases", {}, name))
    if has_new_runs(payload, node, window):
        fetched.follow_ups.append(Slice("workflow_runs", {}, name))
    if context.with_sweep:
        for entity, page in (("release", node.releases), ("deployment", node.deployments)):
            take_ids(fetched, entity, page, name, stored_name, context)
    if window.is_open or needs_next_page(node.deployments, window):
        if has_news(node.deployments, window):
            fetched.follow_ups.append(Slice("deployments", {}, name))
        return []
    return [(item.id, name) for item in changed_items(node.deployments, window)]


def take_record(fetched: Fetched, node: _OverviewNode, stored_name: str, context: Context) -> None:
    """Announce a repository that no list has announced. Its record is read again if it is older than this."""
    fetched.expected["repository"] = fetched.expected.get("repository", 0) + 1
    stored = next((found for found in repositories_at_start(context).values() if found.name == stored_name), None)
    if stored and context.with_sweep:
        fetched.listed.append(Listed("repository", node.name_with_owner, [stored.id]))
    present = (node.name_with_owner, parse_time(node.updated_at), parse_time(node.pushed_at))
    if stored is None or present != (stored.name, stored.updated_at, stored.pushed_at):
        fetched.follow_ups.append(Slice.of("repository", RepositoryArgs(is_alone=True), node.name_with_owner))


def changed_items(page: IndexPageNode | None, window: TimeWindow) -> list[IndexNode]:
    """The items of a page that have changed since the range began."""
    return [item for item in page.items if not window.is_after(item.newest)] if page else []


def has_news(page: IndexPageNode | None, window: TimeWindow) -> bool:
    """Whether a list has something that this run wants. A list that the token may not see here is read."""
    return page is None or bool(changed_items(page, window))


def needs_next_page(page: IndexPageNode | None, window: TimeWindow) -> bool:
    """Whether the page ends before the list has left the range."""
    if page is None or not page.items or not page.page_info.has_next_page:
        return page is None
    return not window.is_after(parse_time(page.items[-1].created_at))


def has_new_runs(payload: bytes, node: _OverviewNode, window: TimeWindow) -> bool:
    """Whether a workflow run of the newest commits has changed since the range began.

    If the token may not see the runs, the answer is whether anything was pushed.
    """
    pushed_at = parse_time(node.pushed_at)
    if window.is_open:
        return pushed_at is not None
    stamps = list(run_stamps(msgspec.json.decode(payload)))
    if None in stamps:
        return pushed_at is not None and not window.is_after(pushed_at)
    return any(stamp and not window.is_after(stamp) for stamp in stamps)


def run_stamps(value: Any) -> Iterator[datetime | None]:
    """When the workflow runs anywhere inside ``value`` last changed; ``None`` for a list that may not be seen."""
    if isinstance(value, list):
        for item in value:
            yield from run_stamps(item)
    if isinstance(value, dict):
        if "checkSuites" in value and value["checkSuites"] is None:
            yield None
        run = value.get("workflowRun")
        if isinstance(run, dict):
            yield parse_time(run.get("updatedAt"))
        for item in value.values():
            yield from run_stamps(item)


def take_ids(
    fetched: Fetched, entity: str, page: IndexPageNode | None, name: str, stored_name: str, context: Context
) -> None:
    """Note the ids of a list. If it may lack stored ones, read the rest of it, or ask for them."""
    if page is None:
        return
    ids = {str(item.database_id) for item in page.items}
    stored = set(context.unlisted(entity, stored_name))
    fetched.listed.append(Listed(entity, name, sorted(ids)))
    if not stored - ids:
        return
    if not page.page_info.has_next_page:
        fetched.follow_ups.append(Slice.of("missing", EntityArgs(entity), name))
    elif len(stored | ids) != page.total_count:
        fetched.follow_ups.append(Slice.of("delivery_ids", EntityArgs(entity), name))
