"""How much would a run fetch? Issues are exact if one page lists them all; otherwise Jira estimates the number."""

from concurrent.futures import ThreadPoolExecutor

from apps.sources.base import Context, Estimate, Slice
from apps.sources.jira.client import API, JiraClient, Payload, ProjectNamePayload, read_shape
from apps.sources.jira.extract.issues import query, window_of
from apps.sources.jira.extract.site import fetch_account, fetch_projects

MAX_THREADS = 8


class IssueCountPayload(Payload):
    """Jira's estimate of the number of issues."""

    count: int


def estimate(context: Context) -> list[Estimate]:
    """The projects that the site lists now, and the issues of each with their histories.

    It takes one request per 100 projects, and one or two per project.
    """
    client = JiraClient(context.http)
    keys = _keys(context)
    with ThreadPoolExecutor(MAX_THREADS) as pool:
        counted = list(pool.map(lambda key: _issues(client, context, key, keys[key]), keys))
    found = [Estimate(key, "project", 1) for key in keys]
    for key, (issues, exact) in zip(keys, counted, strict=True):
        found += [Estimate(key, entity, issues, exact) for entity in ("issue", "issue_changelog")]
    return found


def _keys(context: Context) -> dict[str, str]:
    """The keys of the projects, with the keys under which they were read before."""
    waiting, answers = list(fetch_account(Slice("account"), context).follow_ups), []
    while waiting:
        answers.append(fetch_projects(waiting.pop(0), context))
        waiting += [page for page in answers[-1].follow_ups if page.kind == "projects"]
    before = {after: key for answer in answers for key, after in answer.renamed.items()}
    projects = [read_shape(record.payload, ProjectNamePayload) for answer in answers for record in answer.records]
    wanted = [project.key for project in projects if context.connection.scopes or not project.archived]
    return {key: before.get(key, key) for key in wanted}


def _issues(client: JiraClient, context: Context, key: str, key_before: str) -> tuple[int, bool]:
    jql = query([key], *window_of(context.since(key_before), context.until()))
    page = client.issue_ids(jql, None)
    listed = len({str(issue.id) for issue in page.issues})
    if not page.has_next:
        return listed, True
    body = {"jql": jql.partition(" ORDER BY ")[0]}
    return max(client.post(f"{API}/search/approximate-count", IssueCountPayload, body).count, listed), False
