"""A call has failed. Does it get another try, with which token, and after how many seconds?"""

import random
from collections.abc import Sequence

from apps.sources import clock
from apps.sources.errors import (
    AnswerTooLargeError,
    InvalidAnswerError,
    RateLimitedError,
    SourceError,
    TokenExpiredError,
    UnauthorizedError,
    is_temporary,
)
from apps.sources.rate_limiter import Availability, RateLimiter, pause_sentence

MAX_PAUSES = 5  # per call


class RetryPolicy:
    """The tries of one call: at most ``max_attempts``, with pauses of at most ``max_wait`` seconds in between.

    There is one rate limiter per token. A token is named by the index of its rate limiter.
    """

    def __init__(self, rate_limiters: Sequence[RateLimiter], max_attempts: int, max_wait: float) -> None:
        self._rate_limiters = rate_limiters
        self._max_attempts = max_attempts
        self._max_wait = max_wait
        self._changes_left = len(rate_limiters) - 1
        self._tokens_refused_once: set[int] = set()
        self._failures = 0
        self._pauses = 0

    def best_token(self) -> int:
        """The token for the next request: a token that need not wait, and has the most requests left."""
        if len(self._rate_limiters) == 1:
            return 0
        return min(range(len(self._rate_limiters)), key=lambda token: self._rate_limiters[token].availability().rank())

    def is_refused_again(self, error: SourceError, token: int) -> bool:
        """Whether this is the second refusal of a token, which is no temporary fault any more."""
        return isinstance(error, UnauthorizedError) and token in self._tokens_refused_once

    def retry_delay(self, error: SourceError, token: int) -> float | None:
        """Seconds to wait before another try (``None``: do not retry)."""
        if isinstance(error, UnauthorizedError):
            return self._after_refusal(error, token)
        if isinstance(error, RateLimitedError):
            return self._after_limit(error)
        self._failures += 1
        if self._failures >= self._max_attempts:
            return None
        is_suspicious = isinstance(error, InvalidAnswerError) and not isinstance(error, AnswerTooLargeError)
        if not (is_suspicious or is_temporary(error)):
            return None
        return backoff(self._failures - 1)

    def final_error(self, error: SourceError) -> SourceError:
        """The error that the call ends with. While any token only has to wait, this is a :class:`RateLimitedError`."""
        count = len(self._rate_limiters)
        if count == 1 or not isinstance(error, RateLimitedError | UnauthorizedError):
            return error
        best = self._best()
        if best.is_expired or best.is_refused or best.until <= clock.now():
            return error
        sentence = f"{pause_sentence(best.until, best.reason)} None of the {count} tokens is free."
        return RateLimitedError(sentence, best.until, reason=f"{best.reason}; none of the {count} tokens is free")

    def _best(self) -> Availability:
        return self._rate_limiters[self.best_token()].availability()

    def _after_limit(self, error: RateLimitedError) -> float | None:
        """Take another token if one is free. Else wait if the pause is short. A pause is no failed try."""
        if self._may_change_token():
            return 0.0
        self._pauses += 1
        seconds = (error.until - clock.now()).total_seconds()
        return max(seconds, 0.0) if seconds <= self._max_wait and self._pauses < MAX_PAUSES else None

    def _after_refusal(self, error: UnauthorizedError, token: int) -> float | None:
        """One 401 can be a temporary fault. The token is refused only after a second 401."""
        if isinstance(error, TokenExpiredError):
            return None
        if token not in self._tokens_refused_once:
            self._tokens_refused_once.add(token)
            return backoff(0)
        self._rate_limiters[token].refuse(str(error))
        return 0.0 if self._may_change_token() else None

    def _may_change_token(self) -> bool:
        self._changes_left -= 1
        return self._changes_left >= 0 and self._best().is_free


def backoff(failures: int, first: float = 0.5, longest: float = 30.0) -> float:
    """Seconds to wait after ``failures`` + 1 failures: exponential with full jitter."""
    return random.uniform(0, min(longest, first * 2**failures))  # noqa: S311 - jitter, no secret
