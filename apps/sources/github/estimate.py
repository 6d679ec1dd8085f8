"""How much would a run fetch? Totals where everything is wanted; for a range the newest of each list, and their pace.

Several repositories share a question. What comes with a pull request (commits, reviews, comments) is told by no total.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import msgspec

from apps.sources.base import Context, Estimate, Slice
from apps.sources.errors import ForbiddenError, NotFoundError
from apps.sources.github.client import PER_PAGE, Client, GraphQLUnavailable, owner_and_name
from apps.sources.github.entities import ENTITIES, list_path
from apps.sources.github.extract import repositories
from apps.sources.github.extract.window import Window, window
from apps.sources.text import parse_time, read_json

SIDE_BY_SIDE = 8
TOGETHER = 10  # repositories in one question
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
# Of which kinds GraphQL tells the totals; without GraphQL their lists over REST do.
COUNTED = ("pull_request", "release", "deployment")


class _Dated(msgspec.Struct):
    updated_at: str | None = None
    published_at: str | None = None
    created_at: str | None = None


class _Runs(msgspec.Struct):
    total_count: int = 0
    workflow_runs: list[_Dated] = []


class _Node(msgspec.Struct, rename="camel"):
    updated_at: str | None = None
    published_at: str | None = None
    created_at: str | None = None


class _List(msgspec.Struct, rename="camel"):
    total_count: int = 0
    nodes: list[_Node | None] = []


class _Repository(msgspec.Struct, rename="camel"):
    pull_requests: _List | None = None
    releases: _List | None = None
    deployments: _List | None = None

    def lists(self) -> "Lists":
        """Its lists by the entity that they hold."""
        found = {"pull_request": self.pull_requests, "release": self.releases, "deployment": self.deployments}
        return {entity: Newest(each.total_count, _stamps(each.nodes)) for entity, each in found.items() if each}


@dataclass(frozen=True)
class Newest:
    """A list as its first page tells of it: how many there are in all, and the times of the newest."""

    total: int
    stamps: Sequence[datetime]
    exact: bool = True

    def count(self, wanted: Window) -> tuple[int, bool]:
        """How many are in the window, and whether that is exact."""
        since, since_exact = self._not_older(wanted.since)
        until, until_exact = self._not_older(wanted.until) if wanted.until else (0, True)
        return max(0, since - until), since_exact and until_exact

    def _not_older(self, moment: datetime | None) -> tuple[int, bool]:
        if moment is None:
            return self.total, self.exact
        seen = sum(stamp >= moment for stamp in self.stamps)
        if seen < len(self.stamps) or self.total <= len(self.stamps):
            return seen, True
        newest, oldest = self.stamps[0], self.stamps[-1]
        # The page ends before the range does: what follows is taken to come at the same pace.
        pace = len(self.stamps) / max(1.0, (newest - oldest).total_seconds())
        return min(self.total, max(seen, round(pace * (newest - moment).total_seconds()))), False


Lists = dict[str, Newest]


def estimate(context: Context) -> list[Estimate]:
    """The repositories, and of each its pull requests, releases, deployments and workflow runs.

    One request per 10 repositories and one for each; without GraphQL four for each.
    """
    client = Client(context.http)
    names = list(dict.fromkeys(context.connection.scopes or _discovered(client, context)))
    parts = [names[i : i + TOGETHER] for i in range(0, len(names), TOGETHER)]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        try:
            answers = list(pool.map(lambda part: _together(client, context, part), parts))
            found = [lists for answer in answers for lists in answer]
        except GraphQLUnavailable:
            found = list(pool.map(lambda name: _over_rest(client, name), names))
        runs = list(pool.map(lambda name, lists: _workflow_runs(client, name) if lists else None, names, found))
    estimates: list[Estimate] = []
    for name, lists, run in zip(names, found, runs, strict=True):
        estimates.append(Estimate(name, "repository", int(lists is not None)))
        for entity, newest in {**(lists or {}), **({"workflow_run": run} if run else {})}.items():
            estimates.append(_counted(context, name, entity, newest))
    return estimates


def _counted(context: Context, name: str, entity: str, newest: Newest) -> Estimate:
    """What changes without moving in its list is found by looking back further, so its number is no exact one."""
    lag = ENTITIES[entity].lag
    wanted = window(context, name, lag)
    records, exact = newest.count(wanted)
    return Estimate(name, entity, records, exact and (wanted.is_open or not lag))


def question(number: int) -> str:
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
    is_open = all(window(context, name).is_open for name in names)
    variables: dict[str, str | int] = {"first": 1 if is_open else PER_PAGE}
    for i, name in enumerate(names):
        variables |= {f"{field}{i}": value for field, value in owner_and_name(name).items()}
    told = client.graphql(question(len(names)), variables, dict[str, msgspec.Raw])
    answers = [bytes(told.data.get(f"r{i}", b"null")) for i in range(len(names))]
    return [None if answer == b"null" else read_json(answer, _Repository).lists() for answer in answers]


def _over_rest(client: Client, name: str) -> Lists | None:
    try:
        return {entity: _newest(client, name, entity) for entity in COUNTED}
    except (NotFoundError, ForbiddenError):
        return None


def _newest(client: Client, name: str, entity: str) -> Newest:
    answer = client.page(list_path(name, entity), **ENTITIES[entity].parameters)
    stamps = _stamps(answer.decode(list[_Dated]))
    last = parse_qs(urlsplit(answer.link("last") or "").query).get("page", [""])[0]
    return Newest(int(last) * PER_PAGE if last.isdecimal() else len(stamps), stamps, exact=not last)


def _workflow_runs(client: Client, name: str) -> Newest | None:
    try:
        page = client.page(list_path(name, "workflow_run")).decode(_Runs)
    except (NotFoundError, ForbiddenError):
        return None
    return Newest(page.total_count, _stamps(page.workflow_runs))


def _stamps(items: Sequence[_Dated | _Node | None]) -> list[datetime]:
    """The newest time of each item; one without any counts as old."""
    told = [(item.updated_at, item.published_at, item.created_at) for item in items if item]
    return [max(filter(None, map(parse_time, times)), default=LONG_AGO) for times in told]


def _discovered(client: Client, context: Context) -> list[str]:
    waiting, names = [Slice("discovery")], list[str]()
    while waiting:
        piece = waiting.pop(0)
        fetcher = repositories.discovery if piece.kind == "discovery" else repositories.repositories
        fetched = fetcher(client, piece, context)
        names += [record.scope for record in fetched.records if record.scope]
        waiting += [following for following in fetched.follow_ups if following.kind == "repositories"]
    return names
