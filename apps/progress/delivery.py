"""How does a notice reach somebody? By e-mail, or as signed JSON to an address that the product may connect to."""

import hashlib
import hmac
import smtplib
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec
import requests
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage

from apps.core.crypto import Secret
from apps.integrations.address import check_base_url
from apps.progress.choices import NoticeChannel
from apps.progress.models import Notice
from apps.sources.errors import SourceError
from apps.sources.network import PublicOnlyAdapter

SIGNATURE = "X-Signature-256"
TIMEOUT = (5, 10)  # seconds to connect, and until the answer
EXAMPLE = "The address must look like https://example.com/hooks/1, without a user name and a password."


class DeliveryFailed(Exception):
    """It could not be delivered; the sentence says why and names no secret."""


def email_is_offered() -> bool:
    """Whether the operator has named a mail server."""
    return bool(settings.EMAIL_URL)


def signature_of(body: bytes, key: Secret) -> str:
    """``sha256=`` and the HMAC of the body in hexadecimal: whoever knows the key can check who sent it."""
    return "sha256=" + hmac.new(key.reveal().encode(), body, hashlib.sha256).hexdigest()


def deliver(notice: Notice) -> None:
    """Send it once; raises :class:`DeliveryFailed`. The id is the same for every try, so a repeat can be known."""
    _DELIVERERS[NoticeChannel(notice.channel)](notice)


def _email(notice: Notice) -> None:
    told = notice.told
    message = EmailMessage(
        subject=" ".join(f"{told['job']}: {told['state']}".split()),
        body=f"The run of {told['job']} has ended: {told['state']}.\n\n{told['text']}\n\n{told['url']}\n",
        to=[notice.user.email],
        headers={"Message-ID": f"<{notice.pk}.{told['attempt']}@{urlsplit(notice.page).hostname}>"},
    )
    try:
        message.send()
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise DeliveryFailed(f"The mail server did not take it: {type(error).__name__}: {error}"[:300]) from error


def _webhook(notice: Notice) -> None:
    url, body = notice.url.reveal(), msgspec.json.encode(notice.told)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "etlproject/0.1",
        "X-Delivery": str(notice.pk),
        SIGNATURE: signature_of(body, notice.key),
    }
    status = post(url, body, headers)
    if not 200 <= status < 300:
        raise DeliveryFailed(f"{urlsplit(url).hostname} answered {status}.")


def check_webhook(url: str) -> None:
    """Raise :class:`ValidationError` with a sentence for an address that nothing may be sent to."""
    try:
        parts = urlsplit(url)
        check_base_url(parts._replace(query="", fragment="").geturl())
    except ValueError as error:
        raise ValidationError(EXAMPLE, "invalid") from error
    except ValidationError as error:
        told = EXAMPLE if error.code == "invalid" else error.message.replace("base URL", "address")
        raise ValidationError(told, error.code) from error


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """The status of one POST: only to an address that is allowed as the connection is made, and no redirect."""
    try:
        check_webhook(url)
    except ValidationError as error:
        raise DeliveryFailed(" ".join(error.messages)) from error
    with requests.Session() as session:
        session.trust_env = False  # a .netrc must not add credentials
        if not settings.ALLOW_PRIVATE_NETWORKS:
            session.mount("https://", PublicOnlyAdapter())
        try:
            answer = session.post(url, data=body, headers=headers, timeout=TIMEOUT, allow_redirects=False, stream=True)
        except (requests.RequestException, SourceError) as error:
            # Its text would repeat the address, which may hold a secret.
            raise DeliveryFailed(f"{urlsplit(url).hostname} could not be reached ({type(error).__name__}).") from error
        answer.close()
    return answer.status_code


_DELIVERERS: dict[NoticeChannel, Callable[[Notice], None]] = {
    NoticeChannel.EMAIL: _email,
    NoticeChannel.WEBHOOK: _webhook,
}
