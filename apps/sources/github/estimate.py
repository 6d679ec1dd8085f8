"""How much would a run fetch? Without a range, the totals. With a range, it is projected from the newest items.

Several repositories share a query. The number of commits, reviews and comments of pull requests is not counted.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import msgspec

from apps.sources.base import Context, Estimate, Slice
from apps.sources.errors import ForbiddenError, NotFoundError
from apps.sources.github.client import MAX_ITEMS_PER_PAGE, Client, GraphQLUnavailableError, owner_and_name
from apps.sources.github.entities import ENTITIES, list_path
from apps.sources.github.extract import repositories
from apps.sources.github.extract.index import IndexNode, IndexPayload
from apps.sources.github.extract.stored import chosen_repositories
from apps.sources.github.extract.window import TimeWindow, time_window
from apps.sources.reading import read_answer
from apps.sources.text import in_pieces

MAX_THREADS = 8
MAX_COUNTED_REPOSITORIES = 10  # in one query
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
# The kinds that GraphQL counts; without GraphQL their lists over REST do.
COUNTED = ("pull_request", "release", "deployment")


class _CountedRunsPayload(msgspec.Struct):
    total_count: int = 0
    workflow_runs: list[IndexPayload] = []


class _CountedListNode(msgspec.Struct, rename="camel"):
    total_count: int = 0
    nodes: list[IndexNode | None] = []


class _CountedRepositoryNode(msgspec.Struct, rename="camel"):
    pull_requests: _CountedListNode | None = None
    releases: _CountedListNode | None = None
    deployments: _CountedListNode | None = None

    def lists(self) -> "Lists":
        """Its lists by the entity that they hold."""
        found = {"pull_request": self.pull_requests, "release": self.releases, "deployment": self.deployments}
        return {entity: FirstPage(each.total_count, _stamps(each.nodes)) for entity, each in found.items() if each}


@dataclass(frozen=True)
class FirstPage:
    """What the first page of a list shows: the total number of items, and the times of the newest."""

    total: int
    stamps: Sequence[datetime]
    is_exact: bool = True

    def count(self, window: TimeWindow) -> tuple[int, bool]:
        """The number of items in the window, and whether it is exact."""
        since, is_since_exact = self._not_older(window.since)
        until, is_until_exact = self._not_older(window.until) if window.until else (0, True)
        return max(0, since - until), is_since_exact and is_until_exact

    def _not_older(self, moment: datetime | None) -> tuple[int, bool]:
        if moment is None:
            return self.total, self.is_exact
        found = sum(stamp >= moment for stamp in self.stamps)
        if found < len(self.stamps) or self.total <= len(self.stamps):
            return found, True
        newest, oldest = self.stamps[0], self.stamps[-1]
        # The page ends before the range. We assume the same pace for the rest.
        pace = len(self.stamps) / max(1.0, (newest - oldest).total_seconds())
        return min(self.total, max(found, round(pace * (newest - moment).total_seconds()))), False


Lists = dict[str, FirstPage]


def estimate(context: Context) -> list[Estimate]:
    """The repositories, and for each its pull requests, releases, deployments and workflow runs.

    It takes one request per 10 repositories and one for each; without GraphQL four for each.
    """
    client = Client(context.http)
    names = _chosen(context) if context.connection.scopes else list(dict.fromkeys(_discovered(client, context)))
    pieces = in_pieces(names, MAX_COUNTED_REPOSITORIES)
    with ThreadPoolExecutor(MAX_THREADS) as pool:
        try:
            answers = list(pool.map(lambda some: _together(client, context, some), pieces))
            found = [lists for answer in answers for lists in answer]
        except GraphQLUnavailableError:
            found = list(pool.map(lambda name: _over_rest(client, name), names))
        runs = list(pool.map(lambda name, lists: _workflow_runs(client, name) if lists else None, names, found))
    estimates: list[Estimate] = []
    for name, lists, run in zip(names, found, runs, strict=True):
        estimates.append(Estimate(name, "repository", int(lists is not None)))
        for entity, first_page in {**(lists or {}), **({"workflow_run": run} if run else {})}.items():
            estimates.append(_counted(context, name, entity, first_page))
    return estimates


def _counted(context: Context, name: str, entity: str, first_page: FirstPage) -> Estimate:
    """The count of one list. If items can change without moving in the list, the count of a range is not exact."""
    window = time_window(context, name)
    records, is_exact = first_page.count(window)
    return Estimate(name, entity, records, is_exact and (window.is_open or not ENTITIES[entity].lag))


def totals_query(number: int) -> str:
    """One query for the lists of ``number`` repositories, ``r0: …``, with ``$owner0``, ``$name0`` …"""
    variables = ", ".join(f"$owner{i}: String!, $name{i}: String!" for i in range(number))
    newest = "orderBy: {field: CREATED_AT, direction: DESC}"
    lists = f"""pullRequests(first: $first, orderBy: {{field: UPDATED_AT, direction: DESC}}) {{
      totalCount nodes {{ updatedAt }} }}
    releases(first: $first, {newest}) {{ totalCount nodes {{ updatedAt publishedAt createdAt }} }}
    deployments(first: $first, {newest}) {{ totalCount nodes {{ createdAt }} }}"""
    selections = "\n  ".join(
        f"r{i}: repository(owner: $owner{i}, name: $name{i}) {{\n    {lists}\n  }}" for i in range(number)
    )
    return f"query Totals($first: Int!, {variables}) {{\n  rateLimit {{ cost remaining resetAt }}\n  {selections}\n}}"


def _together(client: Client, context: Context, names: Sequence[str]) -> list[Lists | None]:
    is_open = all(time_window(context, name).is_open for name in names)
    variables: dict[str, str | int] = {"first": 1 if is_open else MAX_ITEMS_PER_PAGE}
    for i, name in enumerate(names):
        variables |= {f"{field}{i}": value for field, value in owner_and_name(name).items()}
    data = client.graphql(totals_query(len(names)), variables, dict[str, msgspec.Raw]).data
    nodes = [bytes(data.get(f"r{i}", b"null")) for i in range(len(names))]
    return [None if node == b"null" else read_answer(node, _CountedRepositoryNode).lists() for node in nodes]


def _over_rest(client: Client, name: str) -> Lists | None:
    try:
        return {entity: _first_page(client, name, entity) for entity in COUNTED}
    except (NotFoundError, ForbiddenError):
        return None


def _first_page(client: Client, name: str, entity: str) -> FirstPage:
    answer = client.page(list_path(name, entity), **ENTITIES[entity].parameters)
    stamps = _stamps(answer.decode(list[IndexPayload]))
    last = parse_qs(urlsplit(answer.link("last") or "").query).get("page", [""])[0]
    return FirstPage(int(last) * MAX_ITEMS_PER_PAGE if last.isdecimal() else len(stamps), stamps, is_exact=not last)


def _workflow_runs(client: Client, name: str) -> FirstPage | None:
    try:
        page = client.page(list_path(name, "workflow_run")).decode(_CountedRunsPayload)
    except (NotFoundError, ForbiddenError):
        return None
    return FirstPage(page.total_count, _stamps(page.workflow_runs))


def _stamps(items: Sequence[IndexPayload | IndexNode | None]) -> list[datetime]:
    """The latest time of each item. An item without a time counts as old."""
    return [item.newest or LONG_AGO for item in items if item]


def _chosen(context: Context) -> list[str]:
    stored, others = chosen_repositories(context)
    return [*(found.name for found in stored), *others]


def _discovered(client: Client, context: Context) -> list[str]:
    waiting, names = [Slice("discovery")], list[str]()
    while waiting:
        slice_ = waiting.pop(0)
        fetcher = repositories.discovery if slice_.kind == "discovery" else repositories.repositories
        fetched = fetcher(client, slice_, context)
        names += [record.scope for record in fetched.records if record.scope]
        waiting += [following for following in fetched.follow_ups if following.kind == "repositories"]
    return names
