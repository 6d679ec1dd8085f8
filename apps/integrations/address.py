"""May the product connect to this base URL? Not to the operator's own network, unless the settings allow that."""

from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError

from apps.sources import network
from apps.sources.network import Address, is_public

HOW_TO_ALLOW = "If you want that, set ALLOW_PRIVATE_NETWORKS=true."


def check_base_url(url: str) -> None:
    """Raise :class:`ValidationError` with a sentence for a URL that the product must not connect to.

    The name is resolved first. So this also refuses a private address behind a public name, and every way to write an
    address (decimal, hexadecimal, mapped into IPv6).
    """
    host, port = parse(url)
    if settings.ALLOW_PRIVATE_NETWORKS:
        return
    if urlsplit(url).scheme != "https":
        raise ValidationError(f"The base URL must begin with https://. {HOW_TO_ALLOW}", "insecure")
    for address in resolve(host, port):
        if not is_public(address):
            raise ValidationError(
                f"{host} is {address}, an address in a private or reserved network. {HOW_TO_ALLOW}",
                "private",
            )


def parse(url: str) -> tuple[str, int]:
    """Host and port of a base URL; :class:`ValidationError` when it is not valid."""
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
            "The base URL must not contain a user name or password: they have their own fields.", "invalid"
        )
    if parts.query or parts.fragment:
        raise ValidationError("The base URL must not contain a query or fragment: end it before any ? or #.", "invalid")
    return parts.hostname, port


def resolve(host: str, port: int) -> list[Address]:
    """All addresses of ``host``."""
    try:
        return network.resolve(host, port)
    except (OSError, UnicodeError) as error:
        raise ValidationError(
            f"The name {host} is not known. Check the base URL for a typing error.", "unknown"
        ) from error
