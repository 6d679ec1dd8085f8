"""How does a program log in? With a password for a pair of tokens, later with its refresh token."""

from django.http import HttpRequest
from ninja import Router, Schema, Status
from ninja.errors import AuthenticationError

from apps.tenants.forms import LoginForm
from apps.tenants.models import User
from apps.tenants.tokens import InvalidToken, issue_tokens, refresh_tokens, revoke_refresh_token

router = Router(tags=["log-in"])


class Credentials(Schema):
    """What a person logs in with."""

    username: str
    password: str


class RefreshToken(Schema):
    """The longer-lived half of a pair."""

    refresh: str


class Tokens(Schema):
    """``access`` goes into ``Authorization: Bearer``; it lasts ``expires_in`` seconds."""

    access: str
    refresh: str
    expires_in: int
    token_type: str = "Bearer"  # noqa: S105 - the scheme's name


@router.post("", response=Tokens, auth=None, summary="Log in")
def log_in(request: HttpRequest, credentials: Credentials) -> dict[str, object]:
    """Trade user name and password for a pair of tokens."""
    form = LoginForm(request, data=credentials.dict())
    if not form.is_valid():
        sentences = [str(sentence) for messages in form.errors.values() for sentence in messages]
        raise AuthenticationError(message=" ".join(sentences))
    user = form.get_user()
    assert isinstance(user, User)
    return issue_tokens(user)._asdict()


@router.post("/refresh", response=Tokens, auth=None, summary="Get the next pair")
def refresh(request: HttpRequest, token: RefreshToken) -> dict[str, object]:
    """Trade a refresh token for the next pair; it works once only."""
    try:
        return refresh_tokens(token.refresh)._asdict()
    except InvalidToken as error:
        raise AuthenticationError(message=str(error)) from error


@router.post("/revoke", response={204: None}, auth=None, summary="Log out")
def revoke(request: HttpRequest, token: RefreshToken) -> Status[None]:
    """End a refresh token."""
    try:
        revoke_refresh_token(token.refresh)
    except InvalidToken as error:
        raise AuthenticationError(message=str(error)) from error
    return Status(204, None)
