"""Does a connection work, and if not, what is wrong?"""

from apps.sources.base import Connection, ConnectionReport
from apps.sources.errors import (
    EndpointRemovedError,
    ForbiddenError,
    InvalidAnswerError,
    NotFoundError,
    SourceError,
    TokenExpiredError,
    UnauthorizedError,
)
from apps.sources.http import Http
from apps.sources.jira.client import Account, Id, JiraClient, Shape, read_shape
from apps.sources.jira.extract.paging import walk
from apps.sources.jira.extract.site import refuse_data_center


class _Project(Shape):
    id: Id = ""
    key: str = ""


def check(connection: Connection, http: Http) -> ConnectionReport:
    """Try what a run needs first: the site, the account, its projects."""
    client = JiraClient(http)
    try:
        refuse_data_center(client)
        account = client.myself()
        keys = [read_shape(bytes(item), _Project) for item in walk(client.projects)]
    except (InvalidAnswerError, NotFoundError, EndpointRemovedError) as error:
        return _failed(f"This is not the address of a Jira Cloud site. {error}")
    except TokenExpiredError as error:
        return _failed(str(error))
    except UnauthorizedError as error:
        return _failed(f"Jira does not accept the e-mail and API token. {error}")
    except ForbiddenError as error:
        return _failed(f"The account has no access to this Jira site. {error}")
    except SourceError as error:
        return _failed(str(error))
    return _judge(connection, account, keys)


def _judge(connection: Connection, account: Account, projects: list[_Project]) -> ConnectionReport:
    name = account.display_name or account.email_address or account.account_id
    known = {name for project in projects for name in (project.key.upper(), str(project.id))}
    missing = [scope for scope in connection.scopes if scope.upper() not in known]
    found = tuple(project.key for project in projects)
    problem = ""
    if not projects:
        problem = f"{name} sees no project. Give the account the permission Browse projects."
    elif missing:
        problem = f"{name} does not see {', '.join(missing)}. Check the keys and the permission Browse projects."
    return ConnectionReport(not problem, name, problem, found)


def _failed(problem: str) -> ConnectionReport:
    return ConnectionReport(is_ok=False, problem=problem)
