"""What can go wrong with a provider? Each exception needs another reaction of a person."""

from datetime import datetime


class SourceError(Exception):
    """A failure of the provider, with a sentence that a person can act on. ``status`` is that of HTTP, 0 for none."""

    def __init__(self, sentence: str, status: int = 0) -> None:
        super().__init__(sentence)
        self.status = status


class UnreachableError(SourceError):
    """No answer: unknown name, bad certificate, no connection or time-out."""


class UntrustedError(UnreachableError):
    """The certificate is not valid, or a redirect leads to a forbidden place: another try cannot help."""


class UnauthorizedError(SourceError):
    """401: the token is wrong or expired."""


class TokenExpiredError(UnauthorizedError):
    """The token is known to have expired, so no request is sent with it."""


class ForbiddenError(SourceError):
    """403 that is no rate limit: a missing scope or permission, or SSO."""


class NotFoundError(SourceError):
    """404 (also when the account may not see it), 410 of an object, 451."""


class EndpointRemovedError(SourceError):
    """410: the provider has removed this endpoint."""


class ConflictError(SourceError):
    """409: for example an empty repository."""


class BadRequestError(SourceError):
    """400 or 422: the provider refuses the request."""


class InvalidAnswerError(SourceError):
    """HTML instead of JSON, broken JSON, a wrong shape, a list that repeats its own page."""


class AnswerTooLargeError(InvalidAnswerError):
    """The body is larger than the client accepts. A smaller request may work."""


class ServerError(SourceError):
    """5xx. After 502 or 504 a smaller request may work."""


class RateLimitedError(SourceError):
    """The provider asks for a pause until ``until`` (UTC): the step frees its worker meanwhile.

    ``reason`` continues a sentence after "because", for code that shows the time separately. It can be empty.
    """

    def __init__(self, sentence: str, until: datetime, status: int = 429, reason: str = "") -> None:
        super().__init__(sentence, status)
        self.until, self.reason = until, reason


# About the credentials or the connection as a whole: whoever skips one refused object lets these through.
OF_THE_CONNECTION = (UnauthorizedError, UntrustedError)
# These and a pause that the provider asks for concern all requests: no smaller request can help.
OF_ALL_REQUESTS = (*OF_THE_CONNECTION, RateLimitedError)


def is_temporary(error: SourceError) -> bool:
    """Whether the same request may work in a moment: the provider did not answer or had a fault."""
    return isinstance(error, UnreachableError | ServerError) and not isinstance(error, UntrustedError)
