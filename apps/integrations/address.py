"""May the product connect to this base URL? Not into the operator's own network, unless that is allowed."""

from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError

from apps.sources import network
from apps.sources.network import Address, is_public

HOW_TO_ALLOW = "If that is meant, an operator sets ALLOW_PRIVATE_NETWORKS=true."


def check_base_url(url: str) -> None:
    """Raise :class:`ValidationError` with a sentence for a URL the product must not connect to.

    The name is resolved, so that an inner address behind a public name, and every way to write an address
    (decimal, hexadecimal, mapped into IPv6), is seen as what it is.
    """
    host, port = parse(url)
    if settings.ALLOW_PRIVATE_NETWORKS:
        return
    if urlsplit(url).scheme != "https":
        raise ValidationError(f"The base URL must begin with https://. {HOW_TO_ALLOW}", "insecure")
    for address in resolve(host, port):
        if not is_public(address):
            raise ValidationError(
                f"{host} is {address}, an address inside a private or reserved network. {HOW_TO_ALLOW}",
                "private",
            )


def parse(url: str) -> tuple[str, int]:
    """Host and port of a base URL; :class:`ValidationError` when it is none."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise ValidationError(f"The base URL is not valid: {error}.", "invalid") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isprintable() or " " in url:
        raise ValidationError(
            "The base URL must look like https://company.atlassian.net or https://api.github.com.", "invalid"
        )
    if parts.username is not None or parts.password is not None:
        raise ValidationError(
            "The base URL must not hold a user name or password: they have their own fields.", "invalid"
        )
    if parts.query or parts.fragment:
        raise ValidationError("The base URL must end before any ? or #.", "invalid")
    return parts.hostname, port


def resolve(host: str, port: int) -> list[Address]:
    """All addresses of ``host``."""
    try:
        return network.resolve(host, port)
    except (OSError, UnicodeError) as error:
        raise ValidationError(
            f"The name {host} is not known. Check the base URL for a typing error.", "unknown"
        ) from error
