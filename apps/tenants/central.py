"""Whose token is this, if a central auth service issues tokens? The service is asked, and only a clear yes is accepted.

The request is ``POST {BACKEND_SERVICE_URL}/api/v1/auth/validate-service`` with the token as bearer token. A yes is the
status 200 with ``{"valid": true, "user": {"username": "…"}}``. The user name is that of an account in this product, and
the memberships of the account say what the user may do. A clear answer is cached for a minute, a failure is not cached.
"""

import hashlib
import logging
from typing import Annotated

import msgspec
import requests
from django.conf import settings
from django.core.cache import cache
from urllib3.exceptions import HTTPError

from apps.tenants.models import User

logger = logging.getLogger(__name__)

PATH = "/api/v1/auth/validate-service"
CACHE_SECONDS = 60
TIMEOUT = 5  # seconds
MAX_ANSWER_BYTES = 64 * 1024


class CentralAuthError(Exception):
    """The central auth service could not be reached, or its answer is not valid."""


class CentralUser(msgspec.Struct):
    """The account that the token belongs to, by its user name in this product."""

    username: Annotated[str, msgspec.Meta(min_length=1, max_length=150, pattern="^[^\\x00]*$")]


class CentralAnswer(msgspec.Struct):
    """The answer of the service."""

    valid: bool
    user: CentralUser | None = None


def user_of_central_token(token: str) -> User | None:
    """The active local user that the service names for ``token``; ``None`` if it names none or cannot be reached."""
    if not settings.BACKEND_SERVICE_URL:
        return None
    key = f"central-token:{hashlib.sha256(token.encode()).hexdigest()}"
    username = cache.get(key)
    if username is None:
        try:
            username = ask(token)
        except CentralAuthError as error:
            logger.warning("The central auth service gave no usable answer, so the token is refused: %s", error)
            return None
        cache.set(key, username, CACHE_SECONDS)
    return User.objects.filter(username=username, is_active=True).first() if username else None


def ask(token: str) -> str:
    """The user name for ``token``, or "" if the service refuses it; any other answer is a :class:`CentralAuthError`."""
    url = settings.BACKEND_SERVICE_URL.rstrip("/") + PATH
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    try:
        with requests.post(url, headers=headers, timeout=TIMEOUT, allow_redirects=False, stream=True) as answer:
            body = answer.raw.read(MAX_ANSWER_BYTES, decode_content=True)
            status = answer.status_code
    except (requests.RequestException, HTTPError, UnicodeError) as error:
        raise CentralAuthError(type(error).__name__) from None
    if status in (401, 403):
        return ""
    if status != 200:
        raise CentralAuthError(f"status {status}")
    return username_in(body)


def username_in(body: bytes) -> str:
    """The user name in the JSON of the answer, or "" for an explicit no."""
    try:
        answer = msgspec.json.decode(body, type=CentralAnswer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise CentralAuthError("the answer has an unexpected format") from None
    if not answer.valid:
        return ""
    if answer.user is None:
        raise CentralAuthError("the answer names no user")
    return answer.user.username
