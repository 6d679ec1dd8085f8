"""What does a refusal mean? HTTP status and body as an error with a sentence a person can act on."""

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
from apps.sources.text import as_dict, as_list, one_line, read_json

MAX_MESSAGE_LENGTH = 300
_REMOVED = re.compile(r"has been removed|migrate to|deprecated|no longer (available|supported)", re.IGNORECASE)
_TITLE = re.compile(rb"<title[^>]*>([^<]{1,200})", re.IGNORECASE)

HINTS: dict[int, tuple[type[SourceError], str]] = {
    400: (BadRequestError, "refuses the question"),
    401: (
        UnauthorizedError,
        "does not accept the credentials. Check the user name and the token; it may have expired",
    ),
    403: (ForbiddenError, "does not permit this. Give the token's account the missing permission or scope"),
    404: (NotFoundError, "does not exist, or the token's account may not see it"),
    409: (ConflictError, "cannot answer in its present state"),
    410: (NotFoundError, "is gone"),
    422: (BadRequestError, "refuses the question"),
    451: (NotFoundError, "is blocked for legal reasons"),
}


def problem_of(status: int, where: str, message: str) -> SourceError:
    """The error for ``status`` (>= 400) of the end point ``where``; ``message`` is what the provider said."""
    said = f" It says: {message}" if message else ""
    if status == 410 and _REMOVED.search(message):
        return EndpointRemovedError(
            f"The provider removed the end point {where} (410); this version cannot use it.{said}", status
        )
    if status >= 500 or status == 408:
        return ServerError(f"{where} failed on the provider's side ({status}); try again later.{said}", status)
    error, hint = HINTS.get(status, (BadRequestError, "refuses the question"))
    return error(f"{where} {hint} ({status}).{said}", status)


def told_by(body: bytes) -> str:
    """What the provider says in an error body, in one short line; "" for nothing readable."""
    try:
        answer = read_json(body[: 64 * 1024], object)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        title = _TITLE.search(body[: 64 * 1024])
        return one_line(title[1].decode(errors="replace"), MAX_MESSAGE_LENGTH) if title else ""
    fields = as_dict(answer)
    parts = [fields.get("message"), fields.get("errorMessage"), *as_list(fields.get("errorMessages"))]
    errors = fields.get("errors")
    parts += [f"{field}: {text}" for field, text in as_dict(errors).items()]
    parts += [as_dict(error).get("message", error) for error in as_list(errors)]
    said = " ".join(part for part in parts if isinstance(part, str) and part)
    return one_line(said, MAX_MESSAGE_LENGTH)
