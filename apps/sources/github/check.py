"""Do the stored credentials work, and if not, what is wrong?"""

import re
from collections.abc import Mapping
from enum import Enum

import msgspec

from apps.sources.base import Connection, ConnectionReport
from apps.sources.errors import ConflictError, ForbiddenError, InvalidAnswerError, NotFoundError, SourceError
from apps.sources.github.client import Client, repository_path
from apps.sources.limit_headers import token_expiry
from apps.sources.text import clean

SCOPES_HEADER = "x-oauth-scopes"
BY_INSTALLATION = "not accessible by integration"  # how GitHub refuses what is not for the token of a GitHub App
# What a run reads: the permission that it needs, and the list that it reads with it.
NEEDED_PERMISSIONS = {
    "Contents": "releases",
    "Pull requests": "pulls",
    "Deployments": "deployments",
    "Actions": "actions/runs",
}


class TokenKind(Enum):
    """The kinds of tokens, each with what a person does about a missing permission."""

    CLASSIC = "Give the token the scope “repo”, and authorise it for the organisation's single sign-on (SSO)."
    FINE_GRAINED = "Add these permissions to the token on GitHub."
    INSTALLATION = "Add these permissions to the GitHub App, and accept them for its installation."


class _LoginPayload(msgspec.Struct):
    login: str = ""


class _FullNamePayload(msgspec.Struct):
    full_name: str


class _GrantedRepositoriesPayload(msgspec.Struct):
    repositories: list[_FullNamePayload]


def check(connection: Connection, client: Client) -> ConnectionReport:
    """Try what a run asks for: each named repository (or the first page of all), and in one of them each list.

    The account is asked for its name only; the token of a GitHub App has none.
    """
    if not connection.token:
        return ConnectionReport(False, problem="A token is missing: create one on GitHub and enter it here.")
    account, refusal, headers = "", None, dict[str, str]()
    try:
        answer = client.http.get("/user")
        account, headers = clean(answer.decode(_LoginPayload).login), dict(answer.headers)
    except ForbiddenError as error:
        refusal = error
    except SourceError as error:
        return ConnectionReport(False, problem=advice(error, connection))
    kind = kind_of(connection.token, refusal, headers)
    try:
        found, problem = visible_repositories(connection, client, kind, headers.get(SCOPES_HEADER))
    except SourceError as error:
        found, problem = (), advice(refusal or error, connection)
    return ConnectionReport(not problem, account, problem, found, token_expiry(headers))


def kind_of(token: str, refusal: SourceError | None, headers: Mapping[str, str]) -> TokenKind:
    """The kind of a token. Only classic ones list their scopes."""
    if token.startswith("ghs_") or BY_INSTALLATION in str(refusal):
        return TokenKind.INSTALLATION
    return TokenKind.CLASSIC if SCOPES_HEADER in headers else TokenKind.FINE_GRAINED


def visible_repositories(
    connection: Connection, client: Client, kind: TokenKind, oauth_scopes: str | None
) -> tuple[tuple[str, ...], str]:
    """The repositories that the token sees, and the sentence about what is missing."""
    is_narrow = oauth_scopes is not None and "repo" not in re.split(r"[,\s]+", oauth_scopes)
    hint = " The token lacks the scope “repo”, so it sees public repositories only." if is_narrow else ""
    if not connection.scopes:
        names = first_repositories(client, kind)
        if not names:
            return (), f"The token sees no repository at all.{hint or ' Give it access to some.'}"
        return tuple(names), hint.strip() or missing_permissions(client, names[0], kind)
    found, missing = [], []
    for name in connection.scopes:
        try:
            found.append(clean(client.http.get(repository_path(name)).decode(_FullNamePayload).full_name))
        except (NotFoundError, ForbiddenError) as error:
            missing.append(f"{clean(name)} ({reason(error)})")
    if not missing:
        return tuple(found), missing_permissions(client, found[0], kind)
    remedy = hint or " Check the spelling and the token's access; organisations may require its approval."
    return tuple(found), f"The token cannot see {', '.join(missing)}.{remedy}"


def first_repositories(client: Client, kind: TokenKind) -> list[str]:
    """The names on the first page of the list of all repositories."""
    if kind is TokenKind.INSTALLATION:
        items = client.page("/installation/repositories").decode(_GrantedRepositoriesPayload).repositories
    else:
        page = client.page("/user/repos", affiliation="owner,collaborator,organization_member")
        items = page.decode(list[_FullNamePayload])
    return [clean(item.full_name) for item in items]


def missing_permissions(client: Client, repository: str, kind: TokenKind) -> str:
    """The missing permissions, found by one request per list that a run reads."""
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
    return f"The token lacks read access to {', '.join(missing)} ({repository}). {kind.value}"


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
