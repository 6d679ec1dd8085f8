"""How does a program log in, and how does a page save a person's preferences?"""

from typing import cast

from django.forms import model_to_dict
from django.http import HttpRequest
from ninja import Router, Schema, Status
from ninja.errors import AuthenticationError, HttpError

from apps.tenants.forms import LoginForm, PreferencesForm
from apps.tenants.models import User
from apps.tenants.tokens import InvalidTokenError, issue_tokens, refresh_tokens, revoke_refresh_token

router = Router(tags=["log-in"])
preferences = Router(tags=["preferences"])


class Credentials(Schema):
    """User name and password."""

    username: str
    password: str


class RefreshToken(Schema):
    """The refresh token of a token pair."""

    refresh: str


class IssuedTokens(Schema):
    """Send ``access`` in the header ``Authorization: Bearer``. It is valid for ``expires_in`` seconds."""

    access: str
    refresh: str
    expires_in: int
    token_type: str = "Bearer"  # noqa: S105 - the scheme's name


@router.post("", response=IssuedTokens, auth=None, summary="Log in")
def log_in(request: HttpRequest, credentials: Credentials) -> dict[str, object]:
    """Exchange a user name and password for a token pair."""
    form = LoginForm(request, data=credentials.dict())
    if not form.is_valid():
        sentences = [str(sentence) for messages in form.errors.values() for sentence in messages]
        raise AuthenticationError(message=" ".join(sentences))
    user = form.get_user()
    assert isinstance(user, User)
    return issue_tokens(user)._asdict()


@router.post("/refresh", response=IssuedTokens, auth=None, summary="Refresh the tokens")
def refresh(request: HttpRequest, token: RefreshToken) -> dict[str, object]:
    """Exchange a refresh token for a new token pair. A refresh token can be used once."""
    try:
        return refresh_tokens(token.refresh)._asdict()
    except InvalidTokenError as error:
        raise AuthenticationError(message=str(error)) from error


@router.post("/revoke", response={204: None}, auth=None, summary="Log out")
def revoke(request: HttpRequest, token: RefreshToken) -> Status[None]:
    """Revoke a refresh token."""
    try:
        revoke_refresh_token(token.refresh)
    except InvalidTokenError as error:
        raise AuthenticationError(message=str(error)) from error
    return Status(204, None)


class Preferences(Schema):
    """A person's preferences for the pages. Fields that are not sent stay unchanged."""

    time_zone: str | None = None
    theme: str | None = None
    refresh: int | None = None
    start_page: str | None = None
    shortcuts: bool | None = None


@preferences.get("", response=Preferences, summary="Get your preferences")
def get_preferences(request: HttpRequest) -> User:
    """The preferences of the calling user."""
    return cast(User, request.user)


@preferences.patch("", response=Preferences, summary="Change your preferences")
def change_preferences(request: HttpRequest, wanted: Preferences) -> User:
    """Save the given preferences. A value that is not valid is answered with 400 and a sentence."""
    user = cast(User, request.user)
    known = model_to_dict(user, PreferencesForm.Meta.fields)
    form = PreferencesForm(known | wanted.dict(exclude_none=True), instance=user)
    if not form.is_valid():
        raise HttpError(400, " ".join(str(sentence) for messages in form.errors.values() for sentence in messages))
    form.save()
    return user
