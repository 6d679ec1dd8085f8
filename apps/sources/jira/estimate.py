"""How much would a run fetch? Issues are counted by their ids: exactly where one page holds them, else by Jira."""

from concurrent.futures import ThreadPoolExecutor

from apps.sources.base import Context, Estimate, Slice
from apps.sources.jira.client import API, JiraClient, Shape, read_shape
from apps.sources.jira.extract.issues import list_slice, query
from apps.sources.jira.extract.known import KnownProject
from apps.sources.jira.extract.site import fetch_account, fetch_projects

SIDE_BY_SIDE = 8


class _Count(Shape):
    count: int


def estimate(context: Context) -> list[Estimate]:
    """The projects as the site lists them now, and of each the issues with their histories.

    One request per 100 projects, and one or two per project.
    """
    client = JiraClient(context.http)
    keys = _keys(context)
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        counted = list(pool.map(lambda key: _issues(client, context, key), keys))
    found = [Estimate(key, "project", 1) for key in keys]
    for key, (issues, exact) in zip(keys, counted, strict=True):
        found += [Estimate(key, entity, issues, exact) for entity in ("issue", "issue_changelog")]
    return found


def _keys(context: Context) -> list[str]:
    pieces = fetch_account(Slice("account"), context).follow_ups
    records = [record for piece in pieces for record in fetch_projects(piece, context).records]
    projects = [read_shape(record.payload, KnownProject) for record in records]
    return [project.key for project in projects if context.connection.scopes or not project.archived]


def _issues(client: JiraClient, context: Context, key: str) -> tuple[int, bool]:
    window = list_slice([key], context.since(key), context.until()).args["window"]
    jql = query([key], *window)
    page = client.issue_ids(jql, None)
    listed = len({str(issue.id) for issue in page.issues})
    if not page.goes_on:
        return listed, True
    asked = {"jql": jql.partition(" ORDER BY ")[0]}
    return max(client.post(f"{API}/search/approximate-count", _Count, asked).count, listed), False
