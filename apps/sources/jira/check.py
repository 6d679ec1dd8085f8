"""Does a connection work, what is wrong if not, and what could a run not read?"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import msgspec

from apps.sources.base import Connection, ConnectionReport
from apps.sources.errors import (
    EndpointRemovedError,
    ForbiddenError,
    InvalidAnswerError,
    NotFoundError,
    SourceError,
)
from apps.sources.http import Http
from apps.sources.jira.client import (
    AGILE,
    API,
    IssueIdsPayload,
    JiraAccountPayload,
    JiraClient,
    JiraPagePayload,
    ProjectNamePayload,
    read_items,
)
from apps.sources.jira.extract.deletions import prove_token
from apps.sources.jira.extract.issues import query
from apps.sources.jira.extract.paging import walk
from apps.sources.jira.extract.site import refuse_data_center
from apps.sources.jira.fields import SPRINT

MAX_PROJECTS = 20  # that the test searches for an issue

T = TypeVar("T")


class _Trial:
    """Tries what a run reads, and keeps a sentence for everything that is refused."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.warnings: list[str] = []

    def read(self, what: str, scope: str, ask: Callable[[], T], *, is_needed: bool = False) -> T | None:
        """The answer, ``None`` for a refusal; ``is_needed``: without it a run loads no issue."""
        try:
            return ask()
        except SourceError as error:
            advice = f" A token with chosen scopes needs {scope}." if isinstance(error, ForbiddenError) else ""
            sentences = self.problems if is_needed else self.warnings
            sentences.append(f"The token cannot read {what}.{advice} {error}")
            return None


def check(connection: Connection, http: Http) -> ConnectionReport:
    """Test what a run needs first: the site, the account and its projects. Then try every other endpoint once."""
    client = JiraClient(http)
    try:
        refuse_data_center(client)
        account = _account(client)
        projects = [project for project, _ in read_items(walk(client.projects), ProjectNamePayload, "a project")]
    except (InvalidAnswerError, NotFoundError, EndpointRemovedError) as error:
        return _failed(f"There is no Jira Cloud site at this address. {error}")
    except ForbiddenError as error:
        return _failed(f"The account has no access to this Jira site. {error}")
    except SourceError as error:
        return _failed(str(error))
    report = _report(connection, account, projects)
    return _try_endpoints(client, report, projects) if report.is_ok else report


def _account(client: JiraClient) -> JiraAccountPayload:
    """The account behind the token; a token may lack the scope for it."""
    try:
        return client.myself()
    except ForbiddenError:
        prove_token(client)
        return JiraAccountPayload()


def _report(
    connection: Connection, account: JiraAccountPayload, projects: list[ProjectNamePayload]
) -> ConnectionReport:
    name = account.display_name or account.email_address or account.account_id
    visible = {name for project in projects for name in project.names}
    missing = [scope for scope in connection.scopes if scope.upper() not in visible]
    problem, who = "", name or "The account"
    if not projects:
        problem = f"{who} sees no project. Give the account the permission Browse projects."
    elif missing:
        problem = f"{who} does not see {', '.join(missing)}. Check the keys and the permission Browse projects."
    return ConnectionReport(not problem, name, problem, tuple(project.key for project in projects))


def _try_endpoints(
    client: JiraClient, report: ConnectionReport, projects: list[ProjectNamePayload]
) -> ConnectionReport:
    """Try everything else that a run reads, with one small request each."""
    trial = _Trial()
    fields = trial.read("fields", "read:field:jira", lambda: client.everything("field"))
    trial.read("issue types", "read:issue-type:jira", lambda: client.everything("issuetype"))
    trial.read("statuses", "read:status:jira", lambda: client.everything("status"))
    trial.read("the user directory", "read:user:jira", lambda: _first(client, f"{API}/users/search", list[msgspec.Raw]))
    if fields is None or any(SPRINT.encode() in bytes(field) for field in fields):
        boards = "read:board-scope:jira-software and read:sprint:jira-software"
        trial.read("boards and sprints", boards, lambda: _first(client, f"{AGILE}/board", JiraPagePayload))
    lists = "read:issue-details:jira and read:jql:jira"
    issue = trial.read("lists of issues", lists, lambda: _some_issue(client, projects), is_needed=True)
    if issue:
        trial.read("whole issues", "read:issue-details:jira", lambda: client.issues([issue]), is_needed=True)
        trial.read("changelogs", "read:issue.changelog:jira", lambda: client.changelogs([issue], None))
        trial.read("comments", "read:comment:jira", lambda: client.comments(issue, 0))
        trial.read("development panels", "read:dev-info:jira", lambda: client.dev_summary(issue))
    problem = " ".join(trial.problems)
    return replace(report, is_ok=not problem, problem=problem, warnings=tuple(trial.warnings))


def _first(client: JiraClient, path: str, shape: type[T]) -> T:
    """The first object of a list."""
    return client.get(path, shape, {"maxResults": 1})


def _some_issue(client: JiraClient, projects: list[ProjectNamePayload]) -> str:
    """The id of an issue of the first projects, "" if they have none."""
    jql = query([project.key for project in projects[:MAX_PROJECTS]], None, None)
    body = {"jql": jql, "fields": ["id"], "maxResults": 1}
    issues = client.post(f"{API}/search/jql", IssueIdsPayload, body).issues
    return str(issues[0].id) if issues else ""


def _failed(problem: str) -> ConnectionReport:
    return ConnectionReport(is_ok=False, problem=problem)
