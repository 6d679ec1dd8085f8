"""What can go wrong with a provider? One exception per thing a person would do differently about it."""

from datetime import datetime


class SourceError(Exception):
    """A failure of the provider, told in a sentence to act on. ``status`` is HTTP's, 0 without one."""

    def __init__(self, sentence: str, status: int = 0) -> None:
        super().__init__(sentence)
        self.status = status


class UnreachableError(SourceError):
    """No answer: name, certificate, connection or time-out."""


class UntrustedError(UnreachableError):
    """The certificate does not hold, or a redirect leads where it must not: another try cannot help."""


class UnauthorizedError(SourceError):
    """401: the token is wrong or expired."""


class TokenExpiredError(UnauthorizedError):
    """The token's end is known to have come: nothing is asked with it."""


class ForbiddenError(SourceError):
    """403 that is no rate limit: a missing scope, SSO, no permission."""


class NotFoundError(SourceError):
    """404 (also: no permission to see it), 410 of an item, 451."""


class EndpointRemovedError(SourceError):
    """410: the provider removed this end point."""


class ConflictError(SourceError):
    """409: for example an empty repository."""


class BadRequestError(SourceError):
    """400 or 422: the provider refuses the question."""


class InvalidAnswerError(SourceError):
    """HTML instead of JSON, broken JSON, a wrong shape, a list that repeats its own page."""


class AnswerTooLargeError(InvalidAnswerError):
    """The body is larger than the client takes: ask for less at once."""


class ServerError(SourceError):
    """5xx, again and again. On 502/504 a caller may ask for less at once."""


class RateLimitedError(SourceError):
    """The provider wants a pause until ``until`` (UTC): the step hands over instead of holding a worker."""

    def __init__(self, sentence: str, until: datetime, status: int = 429) -> None:
        super().__init__(sentence, status)
        self.until = until


def may_pass(error: SourceError) -> bool:
    """Whether the same question may be answered in a moment: the provider was away or in trouble."""
    return isinstance(error, UnreachableError | ServerError) and not isinstance(error, UntrustedError)
