"""How does a notice reach a person? By e-mail, or as signed JSON to an address that the product may connect to.

A webhook is signed as https://www.standardwebhooks.com says, so receivers can check it with a ready-made library.
``X-Signature-256`` and ``X-Delivery`` are for receivers that were set up before.
"""

import base64
import binascii
import hashlib
import hmac
import smtplib
import time
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

TIMEOUT = (5, 10)  # seconds to connect, and until the answer
KEY_PREFIX = "whsec_"  # before a key that is base64
EXAMPLE = "The address must look like https://example.com/hooks/1, without a user name and a password."


class DeliveryError(Exception):
    """A notice could not be delivered; the sentence says why and contains no secret."""


def has_mail_server() -> bool:
    """Whether the operator has named a mail server."""
    return bool(settings.EMAIL_URL)


def signed_headers(message_id: str, timestamp: int, body: bytes, key: Secret) -> dict[str, str]:
    """The headers of Standard Webhooks, and the older signature of the body alone (hexadecimal)."""
    text = key.reveal()
    content = f"{message_id}.{timestamp}.".encode() + body
    signature = hmac.digest(_key_bytes(text), content, hashlib.sha256)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
        "X-Signature-256": f"sha256={hmac.new(text.encode(), body, hashlib.sha256).hexdigest()}",
    }


def _key_bytes(key: str) -> bytes:
    """The bytes that sign: of ``whsec_…`` the decoded base64, of any other key its text."""
    if key.startswith(KEY_PREFIX):
        try:
            return base64.b64decode(key.removeprefix(KEY_PREFIX), validate=True)
        except binascii.Error:
            pass
    return key.encode()


def deliver(notice: Notice) -> None:
    """Make one attempt to send a notice; raises :class:`DeliveryError`. Every attempt has the same id."""
    _DELIVERERS[NoticeChannel(notice.channel)](notice)


def _email(notice: Notice) -> None:
    body = notice.body
    message = EmailMessage(
        subject=" ".join(f"{body['job']}: {body['state']}".split()),
        body=f"The run of {body['job']} has ended: {body['state']}.\n\n{body['text']}\n\n{body['url']}\n",
        to=[notice.user.email],
        headers={"Message-ID": f"<{notice.pk}.{body['attempt']}@{urlsplit(notice.page).hostname}>"},
    )
    try:
        message.send()
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise DeliveryError(f"The mail server did not accept it: {type(error).__name__}: {error}"[:300]) from error


def _webhook(notice: Notice) -> None:
    url, body = notice.url.reveal(), msgspec.json.encode(notice.body)
    # A retried run may end again: that is another message to the same address.
    message_id = f"{notice.pk}-{notice.body['attempt']}"
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "etlproject/0.1",
        "X-Delivery": str(notice.pk),
        **signed_headers(message_id, int(time.time()), body, notice.key),
    }
    status = post(url, body, headers)
    if not 200 <= status < 300:
        raise DeliveryError(f"{urlsplit(url).hostname} answered {status}.")


def check_webhook(url: str) -> None:
    """Raise :class:`ValidationError` with a sentence unless the product may send to this address."""
    try:
        parts = urlsplit(url)
        check_base_url(parts._replace(query="", fragment="").geturl())
    except ValueError as error:
        raise ValidationError(EXAMPLE, "invalid") from error
    except ValidationError as error:
        sentence = EXAMPLE if error.code == "invalid" else error.message.replace("base URL", "address")
        raise ValidationError(sentence, error.code) from error


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """The status of one POST. The address is checked again while connecting, and no redirect is followed."""
    try:
        check_webhook(url)
    except ValidationError as error:
        raise DeliveryError(" ".join(error.messages)) from error
    with requests.Session() as session:
        session.trust_env = False  # a .netrc file must not add credentials
        if not settings.ALLOW_PRIVATE_NETWORKS:
            session.mount("https://", PublicOnlyAdapter())
        try:
            answer = session.post(url, data=body, headers=headers, timeout=TIMEOUT, allow_redirects=False, stream=True)
        except (requests.RequestException, SourceError) as error:
            # The text of the error would repeat the address, which may contain a secret.
            raise DeliveryError(f"{urlsplit(url).hostname} could not be reached ({type(error).__name__}).") from error
        answer.close()
    return answer.status_code


_DELIVERERS: dict[NoticeChannel, Callable[[Notice], None]] = {
    NoticeChannel.EMAIL: _email,
    NoticeChannel.WEBHOOK: _webhook,
}
