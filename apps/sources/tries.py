"""A call has failed: is it tried again, with which token, and after which pause?"""

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from apps.sources import clock
from apps.sources.errors import (
    AnswerTooLargeError,
    InvalidAnswerError,
    RateLimitedError,
    SourceError,
    TokenExpiredError,
    UnauthorizedError,
    may_pass,
)
from apps.sources.governors import Governor, pause_sentence
from apps.sources.limits import backoff

MOST_PAUSES = 5  # per call


class Governed(Protocol):
    """A client with its token's limits."""

    governor: Governor


C = TypeVar("C", bound=Governed)


class Tries(Generic[C]):
    """The tries of one call: ``allowed`` of them, pauses of at most ``patience`` seconds in between."""

    def __init__(self, clients: Sequence[C], allowed: int, patience: float) -> None:
        self._clients = clients
        self._allowed = allowed
        self._patience = patience
        self._changes = len(clients) - 1
        self._doubted: set[int] = set()
        self._failed = 0
        self._paused = 0

    def best(self) -> C:
        """The client to ask with: the one with most left of those that need not wait."""
        if len(self._clients) == 1:
            return self._clients[0]
        return min(self._clients, key=lambda client: client.governor.outlook().rank())

    def pause_after(self, error: SourceError, client: C) -> float | None:
        """Seconds to wait before another try; ``None`` where another try makes no sense (here and now)."""
        if isinstance(error, UnauthorizedError):
            return self._after_refusal(error, client)
        if isinstance(error, RateLimitedError):
            return self._after_limit(error)
        self._failed += 1
        if self._failed >= self._allowed:
            return None
        is_odd = isinstance(error, InvalidAnswerError) and not isinstance(error, AnswerTooLargeError)
        if not (is_odd or may_pass(error)):
            return None
        return backoff(self._failed - 1)

    def verdict(self, error: SourceError) -> SourceError:
        """What to tell when the call has failed for good: a token that only has to wait is no reason to give up."""
        if len(self._clients) == 1 or not isinstance(error, RateLimitedError | UnauthorizedError):
            return error
        outlook = self.best().governor.outlook()
        if outlook.expired or outlook.refused or outlook.until <= clock.now():
            return error
        sentence = f"{pause_sentence(outlook.until, outlook.reason)} None of the {len(self._clients)} tokens is free."
        return RateLimitedError(sentence, outlook.until)

    def _after_limit(self, error: RateLimitedError) -> float | None:
        """Another token may be free at once; a short pause is slept through here, and is no failed try."""
        if self._may_change():
            return 0.0
        self._paused += 1
        seconds = (error.until - clock.now()).total_seconds()
        return max(seconds, 0.0) if seconds <= self._patience and self._paused < MOST_PAUSES else None

    def _after_refusal(self, error: UnauthorizedError, client: C) -> float | None:
        """One odd 401 happens in incidents: the token is set aside only when the second try is refused as well."""
        if isinstance(error, TokenExpiredError):
            return None
        if id(client) not in self._doubted:
            self._doubted.add(id(client))
            return backoff(0)
        client.governor.refused(str(error))
        return 0.0 if self._may_change() else None

    def _may_change(self) -> bool:
        self._changes -= 1
        return self._changes >= 0 and self.best().governor.outlook().is_free
