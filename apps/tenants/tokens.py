"""Whose bearer token is this? Our own JSON Web Tokens: short ones to work with, long ones to get the next."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import jwt
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from apps.tenants.models import SpentToken, User

ALGORITHM = "HS256"
ISSUER = "etlproject"
AUDIENCE = "etlproject-api"
ACCESS_LIFETIME = timedelta(minutes=30)
REFRESH_LIFETIME = timedelta(days=14)
REQUIRED = ["iss", "aud", "sub", "exp", "iat", "jti", "use", "pwd"]


class InvalidToken(Exception):
    """Its text is the sentence that says what to do."""


class TokenPair(NamedTuple):
    """``access`` goes with every call, ``refresh`` buys the next pair once; ``expires_in`` is in seconds."""

    access: str
    refresh: str
    expires_in: int


def issue_tokens(user: User) -> TokenPair:
    """A new pair. Both end early when the user's password changes or the user is deactivated."""
    seconds = int(ACCESS_LIFETIME.total_seconds())
    return TokenPair(_sign(user, "access", ACCESS_LIFETIME), _sign(user, "refresh", REFRESH_LIFETIME), seconds)


def user_of_access_token(token: str) -> User:
    """Whose token it is; :class:`InvalidToken` for anything but a valid access token."""
    return _user_of(_read(token, "access"))


@transaction.atomic
def refresh_tokens(token: str) -> TokenPair:
    """Trade a refresh token for a new pair; it works once only."""
    return issue_tokens(_spend(token))


@transaction.atomic
def revoke_refresh_token(token: str) -> None:
    """Log out: the refresh token buys nothing any more."""
    _spend(token)


def _spend(token: str) -> User:
    claims = _read(token, "refresh")
    user = _user_of(claims)
    now = timezone.now()
    SpentToken.objects.filter(expires_at__lt=now).delete()
    expires_at = datetime.fromtimestamp(claims["exp"], UTC)
    _, is_new = SpentToken.objects.get_or_create(jti=uuid.UUID(claims["jti"]), defaults={"expires_at": expires_at})
    if not is_new:
        raise InvalidToken("This refresh token was used before. Log in again.")
    return user


def _sign(user: User, use: str, lifetime: timedelta) -> str:
    now = timezone.now()
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(user.pk),
        "iat": now,
        "exp": now + lifetime,
        "jti": str(uuid.uuid4()),
        "use": use,
        "pwd": _password_mark(user),
    }
    return jwt.encode(claims, _signing_key(), ALGORITHM)


def _read(token: str, use: str) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            _signing_key(),
            [ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            options={"require": REQUIRED},
        )
    except jwt.ExpiredSignatureError as error:
        raise InvalidToken("The token has expired. Refresh it, or log in again.") from error
    except jwt.InvalidTokenError as error:
        raise InvalidToken("The token is not valid here. Log in again.") from error
    if claims["use"] != use:
        raise InvalidToken(f"This is not an {use} token." if use == "access" else "This is not a refresh token.")
    return claims


def _user_of(claims: dict[str, Any]) -> User:
    user = User.objects.filter(pk=int(claims["sub"]), is_active=True).first()
    if user is None or not constant_time_compare(claims["pwd"], _password_mark(user)):
        raise InvalidToken("The account of this token was changed or deactivated. Log in again.")
    return user


def _signing_key() -> bytes:
    """A key of its own for this purpose, derived from ``SECRET_KEY``."""
    return salted_hmac("apps.tenants.tokens", "signing key", algorithm="sha256").digest()


def _password_mark(user: User) -> str:
    """Changes with the password and says nothing about it."""
    return salted_hmac("apps.tenants.tokens.password", user.password, algorithm="sha256").hexdigest()[:16]
