"""Does a connection work, and if not, what is wrong?"""

from apps.sources.base import Connection, ConnectionReport
from apps.sources.errors import (
    EndpointRemovedError,
    ForbiddenError,
    InvalidAnswerError,
    NotFoundError,
    SourceError,
)
from apps.sources.http import Http
from apps.sources.jira.client import JiraAccountPayload, JiraClient, ProjectNamePayload, read_items
from apps.sources.jira.extract.paging import walk
from apps.sources.jira.extract.site import refuse_data_center


def check(connection: Connection, http: Http) -> ConnectionReport:
    """Test what a run needs first: the site, the account and its projects."""
    client = JiraClient(http)
    try:
        refuse_data_center(client)
        account = client.myself()
        projects = [project for project, _ in read_items(walk(client.projects), ProjectNamePayload, "a project")]
    except (InvalidAnswerError, NotFoundError, EndpointRemovedError) as error:
        return _failed(f"There is no Jira Cloud site at this address. {error}")
    except ForbiddenError as error:
        return _failed(f"The account has no access to this Jira site. {error}")
    except SourceError as error:
        return _failed(str(error))
    return _report(connection, account, projects)


def _report(
    connection: Connection, account: JiraAccountPayload, projects: list[ProjectNamePayload]
) -> ConnectionReport:
    name = account.display_name or account.email_address or account.account_id
    visible = {name for project in projects for name in project.names}
    missing = [scope for scope in connection.scopes if scope.upper() not in visible]
    problem = ""
    if not projects:
        problem = f"{name} sees no project. Give the account the permission Browse projects."
    elif missing:
        problem = f"{name} does not see {', '.join(missing)}. Check the keys and the permission Browse projects."
    return ConnectionReport(not problem, name, problem, tuple(project.key for project in projects))


def _failed(problem: str) -> ConnectionReport:
    return ConnectionReport(is_ok=False, problem=problem)
