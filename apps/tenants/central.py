"""Whose token is this, if a central auth service issues them? It is asked; only a clear yes lets anybody in.

The question is ``POST {BACKEND_SERVICE_URL}/api/v1/auth/validate-service`` with the token as bearer. A yes is
the answer 200 with ``{"valid": true, "user": {"username": "…"}}``; the name is that of an account here, which
also says what the user may do. A clear answer is remembered for a minute, a failure is not.
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
REMEMBERED = 60
TIMEOUT = 5
MOST_BYTES = 64 * 1024


class NoAnswer(Exception):
    """The central service could not be asked, or its answer makes no sense."""


class CentralUser(msgspec.Struct):
    """The account the token belongs to, by its name here."""

    username: Annotated[str, msgspec.Meta(min_length=1, max_length=150, pattern="^[^\\x00]*$")]


class CentralAnswer(msgspec.Struct):
    """The service's answer."""

    valid: bool
    user: CentralUser | None = None


def user_of_central_token(token: str) -> User | None:
    """The active local user the service names for ``token``; ``None`` otherwise, also when it is away."""
    if not settings.BACKEND_SERVICE_URL:
        return None
    key = f"central-token:{hashlib.sha256(token.encode()).hexdigest()}"
    username = cache.get(key)
    if username is None:
        try:
            username = ask(token)
        except NoAnswer as error:
            logger.warning("The central auth service gave no usable answer, the token is refused: %s", error)
            return None
        cache.set(key, username, REMEMBERED)
    return User.objects.filter(username=username, is_active=True).first() if username else None


def ask(token: str) -> str:
    """The user name for ``token``, "" when the service refuses it; :class:`NoAnswer` for anything else."""
    url = settings.BACKEND_SERVICE_URL.rstrip("/") + PATH
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    try:
        with requests.post(url, headers=headers, timeout=TIMEOUT, allow_redirects=False, stream=True) as answer:
            body = answer.raw.read(MOST_BYTES, decode_content=True)
            status = answer.status_code
    except (requests.RequestException, HTTPError, UnicodeError) as error:
        raise NoAnswer(type(error).__name__) from None
    if status in (401, 403):
        return ""
    if status != 200:
        raise NoAnswer(f"status {status}")
    return username_in(body)


def username_in(body: bytes) -> str:
    """The user name in the answer's JSON, "" for an explicit no."""
    try:
        answer = msgspec.json.decode(body, type=CentralAnswer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NoAnswer("not the JSON that was agreed") from None
    if not answer.valid:
        return ""
    if answer.user is None:
        raise NoAnswer("no user")
    return answer.user.username
