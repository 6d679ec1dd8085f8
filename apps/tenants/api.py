"""How does a program log in, and a page keep what a person prefers?"""

from typing import cast

from django.forms import model_to_dict
from django.http import HttpRequest
from ninja import Router, Schema, Status
from ninja.errors import AuthenticationError, HttpError

from apps.tenants.forms import LoginForm, PreferencesForm
from apps.tenants.models import User
from apps.tenants.tokens import InvalidToken, issue_tokens, refresh_tokens, revoke_refresh_token

router = Router(tags=["log-in"])
preferences = Router(tags=["preferences"])


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


class Preferences(Schema):
    """What a person chooses about the pages; what is not given stays as it is."""

    time_zone: str | None = None
    theme: str | None = None
    refresh: int | None = None
    start_page: str | None = None
    shortcuts: bool | None = None


@preferences.get("", response=Preferences, summary="What the user prefers")
def get_preferences(request: HttpRequest) -> User:
    """The preferences of whoever asks."""
    return cast(User, request.user)


@preferences.patch("", response=Preferences, summary="Change what the user prefers")
def change_preferences(request: HttpRequest, wanted: Preferences) -> User:
    """Keep some preferences; 400 with the sentence that says which value is not possible."""
    user = cast(User, request.user)
    known = model_to_dict(user, PreferencesForm.Meta.fields)
    form = PreferencesForm(known | wanted.dict(exclude_none=True), instance=user)
    if not form.is_valid():
        raise HttpError(400, " ".join(str(sentence) for messages in form.errors.values() for sentence in messages))
    form.save()
    return user
