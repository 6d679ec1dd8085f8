"""Whose bearer token is this? We issue short-lived access tokens, and long-lived refresh tokens that renew them."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import jwt
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from apps.tenants.models import RevokedToken, User

ALGORITHM = "HS256"
ISSUER = "etlproject"
AUDIENCE = "etlproject-api"
ACCESS_LIFETIME = timedelta(minutes=30)
REFRESH_LIFETIME = timedelta(days=14)
REQUIRED = ["iss", "aud", "sub", "exp", "iat", "jti", "use", "pwd"]


class InvalidTokenError(Exception):
    """The token is not accepted. The text says what the caller can do."""


class TokenPair(NamedTuple):
    """``access`` is sent with every call, ``refresh`` can be exchanged once for a new pair; ``expires_in``: seconds."""

    access: str
    refresh: str
    expires_in: int


def issue_tokens(user: User) -> TokenPair:
    """A new pair. Both tokens end early if the user's password changes or the user is deactivated."""
    seconds = int(ACCESS_LIFETIME.total_seconds())
    return TokenPair(_sign(user, "access", ACCESS_LIFETIME), _sign(user, "refresh", REFRESH_LIFETIME), seconds)


def user_of_access_token(token: str) -> User:
    """The user of an access token; :class:`InvalidTokenError` if it is not a valid access token."""
    return _user_of(_read(token, "access"))


@transaction.atomic
def refresh_tokens(token: str) -> TokenPair:
    """Exchange a refresh token for a new pair. A refresh token can be used once."""
    return issue_tokens(_revoke(token))


@transaction.atomic
def revoke_refresh_token(token: str) -> None:
    """Log out: the refresh token is no longer accepted."""
    _revoke(token)


def _revoke(token: str) -> User:
    claims = _read(token, "refresh")
    user = _user_of(claims)
    now = timezone.now()
    RevokedToken.objects.filter(expires_at__lt=now).delete()
    expires_at = datetime.fromtimestamp(claims["exp"], UTC)
    _, is_new = RevokedToken.objects.get_or_create(jti=uuid.UUID(claims["jti"]), defaults={"expires_at": expires_at})
    if not is_new:
        raise InvalidTokenError("This refresh token was already used. Log in again.")
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
        raise InvalidTokenError("The token has expired. Refresh it, or log in again.") from error
    except jwt.InvalidTokenError as error:
        raise InvalidTokenError("The token is not valid. Log in again.") from error
    if claims["use"] != use:
        raise InvalidTokenError(f"This is not an {use} token." if use == "access" else "This is not a refresh token.")
    return claims


def _user_of(claims: dict[str, Any]) -> User:
    user = User.objects.filter(pk=int(claims["sub"]), is_active=True).first()
    if user is None or not constant_time_compare(claims["pwd"], _password_mark(user)):
        raise InvalidTokenError("The account of this token was changed or deactivated. Log in again.")
    return user


def _signing_key() -> bytes:
    """A separate key for tokens, derived from ``SECRET_KEY``."""
    return salted_hmac("apps.tenants.tokens", "signing key", algorithm="sha256").digest()


def _password_mark(user: User) -> str:
    """A hash that changes with the password and does not reveal it."""
    return salted_hmac("apps.tenants.tokens.password", user.password, algorithm="sha256").hexdigest()[:16]
