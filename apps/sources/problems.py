"""What does a refusal mean? HTTP status and body become an error with a sentence that a person can act on."""

import re

import msgspec

from apps.sources.errors import (
    BadRequestError,
    ConflictError,
    EndpointRemovedError,
    ForbiddenError,
    NotFoundError,
    ServerError,
    SourceError,
    UnauthorizedError,
)
from apps.sources.reading import read_json
from apps.sources.text import as_dict, as_list, one_line

MAX_MESSAGE_LENGTH = 300
MAX_BODY_BYTES = 64 * 1024  # of an error body; the rest is not read
_REMOVED = re.compile(r"has been removed|migrate to|deprecated|no longer (available|supported)", re.IGNORECASE)
_SCOPE = re.compile(r"\bscopes?\b", re.IGNORECASE)
_TITLE = re.compile(rb"<title[^>]*>([^<]{1,200})", re.IGNORECASE)

# What the provider does, and what a person can do about it.
HINTS: dict[int, tuple[type[SourceError], str, str]] = {
    400: (BadRequestError, "refuses the request", ""),
    401: (UnauthorizedError, "does not accept the {credentials}", " A token may be wrong, expired or revoked."),
    403: (ForbiddenError, "does not permit this", " Give the token's account the missing permission or scope."),
    404: (NotFoundError, "does not have this, or the token's account may not see it", ""),
    409: (ConflictError, "cannot answer in its present state", ""),
    410: (NotFoundError, "says that this is gone", ""),
    422: (BadRequestError, "refuses the request", ""),
    451: (NotFoundError, "blocks this for legal reasons", ""),
}
UNKNOWN_STATUS = HINTS[400]


def error_of(status: int, provider: str, address: str, message: str, credentials: str = "token") -> SourceError:
    """The error for ``status`` (>= 400) of the endpoint at ``address``; ``message`` is the provider's own."""
    quoted = f" {provider} says “{message}”." if message else ""
    end = f"{quoted} Address: {address}"
    if status == 410 and _REMOVED.search(message):
        return EndpointRemovedError(f"{provider} has removed an endpoint that this version needs (410).{end}", status)
    if status >= 500 or status == 408:
        return ServerError(f"{provider} failed to answer ({status}). Try again later.{end}", status)
    if status == 401 and _SCOPE.search(message):
        return ForbiddenError(f"{provider} says that the token lacks a scope for this (401).{end}", status)
    error, what, advice = HINTS.get(status, UNKNOWN_STATUS)
    return error(f"{provider} {what.format(credentials=credentials)} ({status}).{advice}{end}", status)


def message_in(body: bytes) -> str:
    """The provider's message in an error body, on one short line; "" if there is none."""
    try:
        answer = read_json(body[:MAX_BODY_BYTES], object)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        title = _TITLE.search(body[:MAX_BODY_BYTES])
        return one_line(title[1].decode(errors="replace"), MAX_MESSAGE_LENGTH) if title else ""
    fields = as_dict(answer)
    parts = [fields.get("message"), fields.get("errorMessage"), *as_list(fields.get("errorMessages"))]
    errors = fields.get("errors")
    parts += [f"{field}: {text}" for field, text in as_dict(errors).items()]
    parts += [as_dict(error).get("message", error) for error in as_list(errors)]
    text = " ".join(part for part in parts if isinstance(part, str) and part)
    return one_line(text, MAX_MESSAGE_LENGTH)
