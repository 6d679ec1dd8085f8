"""Do the stored credentials work, and if not, what is wrong?"""

import re

import msgspec

from apps.sources.base import Connection, ConnectionReport
from apps.sources.errors import ConflictError, ForbiddenError, InvalidAnswerError, NotFoundError, SourceError
from apps.sources.github.client import Client, repository_path
from apps.sources.http import Answer
from apps.sources.limit_headers import token_expiry
from apps.sources.reading import read_answer
from apps.sources.text import clean

SCOPES_HEADER = "x-oauth-scopes"
# What a run reads: the permission of a fine-grained token, and a list that needs it.
NEEDED_PERMISSIONS = {
    "Contents": "commits",
    "Pull requests": "pulls",
    "Deployments": "deployments",
    "Actions": "actions/runs",
}


class _LoginPayload(msgspec.Struct):
    login: str = ""


class _FullNamePayload(msgspec.Struct):
    full_name: str


def check(connection: Connection, client: Client) -> ConnectionReport:
    """Ask for the token's account, then for each named repository (or for the first page of all)."""
    if not connection.token:
        return ConnectionReport(False, problem="A token is missing: create one on GitHub and enter it here.")
    try:
        answer = client.http.get("/user")
        account = clean(answer.decode(_LoginPayload).login)
    except SourceError as error:
        return ConnectionReport(False, problem=advice(error, connection))
    expires_at = token_expiry(answer.headers)
    try:
        found, problem = visible_repositories(connection, client, answer)
    except SourceError as error:
        found, problem = (), advice(error, connection)
    return ConnectionReport(not problem, account, problem, found, expires_at)


def visible_repositories(connection: Connection, client: Client, user: Answer) -> tuple[tuple[str, ...], str]:
    """The repositories that the token sees, and the sentence about what is missing."""
    oauth_scopes = user.headers.get(SCOPES_HEADER)
    is_narrow = oauth_scopes is not None and "repo" not in re.split(r"[,\s]+", oauth_scopes)
    hint = " The token lacks the scope “repo”, so it sees public repositories only." if is_narrow else ""
    if not connection.scopes:
        page = client.page("/user/repos", affiliation="owner,collaborator,organization_member")
        items = page.decode(list[msgspec.Raw])
        names = [clean(read_answer(bytes(item), _FullNamePayload).full_name) for item in items]
        if not names:
            return (), f"The token sees no repository at all.{hint or ' Give it access to some.'}"
        return tuple(names), hint.strip() or missing_permissions(client, names[0], oauth_scopes)
    found, missing = [], []
    for name in connection.scopes:
        try:
            found.append(clean(client.http.get(repository_path(name)).decode(_FullNamePayload).full_name))
        except (NotFoundError, ForbiddenError) as error:
            missing.append(f"{clean(name)} ({reason(error)})")
    if not missing:
        return tuple(found), missing_permissions(client, found[0], oauth_scopes)
    remedy = hint or " Check the spelling and the token's access; organisations may require its approval."
    return tuple(found), f"The token cannot see {', '.join(missing)}.{remedy}"


def missing_permissions(client: Client, repository: str, oauth_scopes: str | None) -> str:
    """The missing permissions. A fine-grained token lists no scopes, so we send one request per permission."""
    if oauth_scopes is not None:
        return ""
    missing = []
    for permission, path in NEEDED_PERMISSIONS.items():
        try:
            client.http.get(f"{repository_path(repository)}/{path}", {"per_page": 1})
        except ForbiddenError:
            missing.append(permission)
        except (NotFoundError, ConflictError):
            continue  # switched off or empty here, so nothing is known about the token
    if not missing:
        return ""
    return f"The token lacks read access to {', '.join(missing)} ({repository}). Add these permissions to it on GitHub."


def reason(error: SourceError) -> str:
    """Why one repository is not visible, in a few words."""
    message = str(error)
    if "SAML" in message or "SSO" in message:
        return "authorise the token for the organisation's single sign-on (SSO)"
    if "personal access token" in message.lower():
        return "the organisation does not accept this kind of token, or has yet to approve it"
    return "not found, or no access" if isinstance(error, NotFoundError) else "no permission"


def advice(error: SourceError, connection: Connection) -> str:
    """What to do if the first request failed."""
    if isinstance(error, NotFoundError | InvalidAnswerError) and "api" not in connection.base_url:
        return (
            f"{connection.base_url} does not answer like GitHub's API. Use https://api.github.com, "
            "or https://HOST/api/v3 for GitHub Enterprise Server."
        )
    if isinstance(error, ForbiddenError) and reason(error).startswith(("authorise", "the organisation")):
        return f"GitHub refuses the token: {reason(error)}."
    return str(error)
