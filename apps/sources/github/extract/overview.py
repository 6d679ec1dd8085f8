"""In which repositories is something new? One question for several at once; only where the answer is yes, more follows.

Of each repository it tells the newest releases and deployments, and when the workflow runs of its newest commits last
changed: GraphQL knows no list of runs, but each commit names those that it started.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

from apps.sources.base import Context, Fetched, Listed, Skip, Slice
from apps.sources.github.client import TOO_MUCH, Client, null_reasons
from apps.sources.github.extract import queries
from apps.sources.github.extract.deliveries import deployment_slices
from apps.sources.github.extract.index import Item, ItemPage, NodesAnswer
from apps.sources.github.extract.sizes import size_of
from apps.sources.github.extract.stored import at_beginning
from apps.sources.github.extract.window import Window, window
from apps.sources.text import clean, parse_time, read_json


class _Overview(msgspec.Struct, rename="camel"):
    name_with_owner: str
    pushed_at: Any = None
    updated_at: Any = None
    releases: ItemPage | None = None
    deployments: ItemPage | None = None


def slices(repositories: Sequence[tuple[str, str]], *, records: bool = False) -> list[Slice]:
    """Slices of some repositories each, given by node id and name; ``records``: their records may be old as well."""
    size = queries.OVERVIEWED
    parts = [list(repositories[i : i + size]) for i in range(0, len(repositories), size)]
    return [Slice("overview", {"repositories": part, "records": records}) for part in parts]


def everything(name: str, context: Context) -> list[Slice]:
    """Slices that look at all that may have happened in one repository.

    Of workflow runs nothing is taken for deleted: GitHub itself forgets them after some time.
    """
    swept: dict[str, Any] = {"sweep": True} if context.with_sweep else {}
    return [*(Slice(kind, swept, name) for kind in ("releases", "deployments")), Slice("workflow_runs", {}, name)]


def rest_overview(client: Client, piece: Slice, context: Context) -> Fetched:
    """Without GraphQL there are no overviews: each list is looked at."""
    names = [name for _, name in piece.args["repositories"]]
    records = [Slice("repository", {"alone": True}, name) for name in names if piece.args.get("records")]
    return Fetched(follow_ups=[*records, *(follow_up for name in names for follow_up in everything(name, context))])


def overview(client: Client, piece: Slice, context: Context) -> Fetched:
    """Look at some repositories, and go deeper where something is newer than what is known."""
    repositories, size = piece.args["repositories"], size_of(context, "overview", queries.OVERVIEWED, queries.LISTED)
    first = min(size.inner, piece.args.get("first", size.inner))
    looks_at_runs = not all(window(context, name).is_open for _, name in repositories)
    variables = {"ids": [node_id for node_id, _ in repositories], "first": first, "runs": looks_at_runs}
    try:
        told = client.graphql(queries.OVERVIEW, variables, NodesAnswer, attempts=1 if len(repositories) > 1 else None)
    except TOO_MUCH as error:
        count, first = size.halve(len(repositories), first, error)
        parts = [repositories[i : i + count] for i in range(0, len(repositories), count)]
        return Fetched(follow_ups=[Slice(piece.kind, {**piece.args, "repositories": p, "first": first}) for p in parts])
    fetched, missing, changed = Fetched(), null_reasons(told.errors, "nodes"), list[tuple[str, str]]()
    for place, (_, name) in enumerate(repositories):
        payload = bytes(told.data.nodes[place]) if place < len(told.data.nodes) else b"null"
        if payload != b"null":
            changed += look(fetched, payload, name, context, records=piece.args.get("records", False))
        elif not context.with_sweep:  # a sweep asks for the repository itself, and says what has become of it
            reason = missing[place].message if place in missing else "GitHub gave no reason"
            fetched.skips.append(Skip(name, f"{name} cannot be read: {clean(reason)[:300]}"))
    fetched.follow_ups += deployment_slices(changed)
    return fetched


def look(fetched: Fetched, payload: bytes, known_as: str, context: Context, *, records: bool) -> list[tuple[str, str]]:
    """Add the slices that one repository needs; gives the deployments that have changed, by node id and repository."""
    told, wanted = read_json(payload, _Overview), window(context, known_as)
    name = told.name_with_owner
    if name != known_as:
        fetched.renamed[known_as] = name
    if records:
        look_at_record(fetched, told, known_as, context)
    if is_new(told.releases, wanted):
        fetched.follow_ups.append(Slice("releases", {}, name))
    if runs_are_new(payload, told, wanted):
        fetched.follow_ups.append(Slice("workflow_runs", {}, name))
    if context.with_sweep:
        for entity, page in (("release", told.releases), ("deployment", told.deployments)):
            compare(fetched, entity, page, name, known_as, context)
    if wanted.is_open or goes_on(told.deployments, wanted):
        if is_new(told.deployments, wanted):
            fetched.follow_ups.append(Slice("deployments", {}, name))
        return []
    return [(item.id, name) for item in newer(told.deployments, wanted)]


def look_at_record(fetched: Fetched, told: _Overview, known_as: str, context: Context) -> None:
    """Announce a repository that no list has announced; its record is read again when it is older than this."""
    fetched.expected["repository"] = fetched.expected.get("repository", 0) + 1
    known = next((found for found in at_beginning(context).values() if found.name == known_as), None)
    seen = (told.name_with_owner, parse_time(told.updated_at), parse_time(told.pushed_at))
    if known and context.with_sweep:
        fetched.listed.append(Listed("repository", told.name_with_owner, [known.id]))
    if known is None or seen != (known.name, known.updated_at, known.pushed_at):
        fetched.follow_ups.append(Slice("repository", {"alone": True}, told.name_with_owner))


def newer(page: ItemPage | None, wanted: Window) -> list[Item]:
    """The items of a page that have changed since the range began."""
    return [item for item in page.items if not wanted.is_before(item.newest)] if page else []


def is_new(page: ItemPage | None, wanted: Window) -> bool:
    """Whether a list has something that this run wants; one that may not be seen is left to those who ask for it."""
    return page is None or bool(newer(page, wanted))


def goes_on(page: ItemPage | None, wanted: Window) -> bool:
    """Whether the page ends before the list has left the range, so that more pages are needed."""
    if page is None or not page.items or not page.page_info.has_next_page:
        return page is None
    return not wanted.is_before(parse_time(page.items[-1].created_at))


def runs_are_new(payload: bytes, told: _Overview, wanted: Window) -> bool:
    """Whether a workflow run of the newest commits has changed since the range began.

    Where the token may not see that, whether anything was pushed.
    """
    pushed_at = parse_time(told.pushed_at)
    if wanted.is_open:
        return pushed_at is not None
    found = list(suites(msgspec.json.decode(payload)))
    if None in found:
        return pushed_at is not None and not wanted.is_before(pushed_at)
    return any(stamp and not wanted.is_before(stamp) for stamp in found)


def suites(value: Any) -> Iterator[datetime | None]:
    """When the workflow runs anywhere inside ``value`` last changed; ``None`` for a list that may not be seen."""
    if isinstance(value, list):
        for item in value:
            yield from suites(item)
    if isinstance(value, dict):
        if "checkSuites" in value and value["checkSuites"] is None:
            yield None
        run = value.get("workflowRun")
        if isinstance(run, dict):
            yield parse_time(run.get("updatedAt"))
        for item in value.values():
            yield from suites(item)


def compare(fetched: Fetched, entity: str, page: ItemPage | None, name: str, known_as: str, context: Context) -> None:
    """Note the ids of a list; where stored ones may be missing, the whole list is read, or they are asked for."""
    if page is None:
        return
    ids = {str(item.database_id) for item in page.items}
    stored = set(context.unlisted(entity, known_as))
    fetched.listed.append(Listed(entity, name, sorted(ids)))
    if not stored - ids:
        return
    if not page.page_info.has_next_page:
        fetched.follow_ups.append(Slice("missing", {"entity": entity}, name))
    elif len(stored | ids) != page.total_count:
        fetched.follow_ups.append(Slice("delivery_ids", {"entity": entity}, name))
