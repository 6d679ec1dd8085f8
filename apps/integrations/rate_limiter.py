"""May a request be sent with this token? This depends on the token's limits, the site's limits and the expiry date.

These rate limiters are shared by all workers through Redis. The protocol and the limiter of one process are in
``apps/sources/rate_limiter.py``. The source says which tokens share one quota (``Source.quota_key``): on GitHub each
token has its own points and secondary limits, on Jira all tokens of a site share the same limits. When a site has
trouble (5xx, time-outs, 503 with a pause), all requests to it slow down, whatever their token and tenant.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from redis import Redis

from apps.integrations.models import Token
from apps.integrations.shared_pause import RedisOutage, SharedPause
from apps.integrations.shared_places import SharedPlaces
from apps.sources.errors import TokenExpiredError
from apps.sources.limit_headers import Pause, is_near_limit, pause_when_used_up, quota_of, token_expiry
from apps.sources.rate_limiter import Availability
from apps.sources.text import clean

NOTE_EVERY = 30.0  # seconds between two updates of a token's row


class RedisRateLimiter:
    """The limit called ``name``, which all workers share through Redis: at most ``max_places`` requests, one pause.

    ``max_wait`` is the longest pause (seconds) that a request waits; a longer one raises
    :class:`~apps.sources.errors.RateLimitedError`. Thread-safe.
    """

    def __init__(self, redis_client: Redis, name: str, *, max_places: int = 32, max_wait: float = 5.0) -> None:
        self.name = name
        self._max_wait = max_wait
        keys = [f"rate_limit:{{{name}}}:{part}" for part in ("leases", "held", "wants", "state")]
        outage = RedisOutage()
        self._pause = SharedPause(redis_client, keys[-1], outage)
        self._places = SharedPlaces(redis_client, keys, self._pause, outage, max_places)

    def place(self) -> AbstractContextManager[None]:
        """See :class:`~apps.sources.rate_limiter.RateLimiter`."""
        return self._places.take(self._max_wait)

    def observe(self, status: int, headers: Mapping[str, str]) -> None:
        """See :class:`~apps.sources.rate_limiter.RateLimiter`."""
        self._places.note(is_distress=status == 0 or status == 429 or status >= 500 or is_near_limit(headers))
        if quota := quota_of(headers):
            self._pause.note(quota)
        pause = pause_when_used_up(headers) if 0 < status < 400 else None
        if pause:
            self._pause.announce(pause)

    def pause(self, pause: Pause) -> datetime:
        """See :class:`~apps.sources.rate_limiter.RateLimiter`. A pause is a sign of distress, whatever the status."""
        self._places.note(is_distress=True)
        return self._pause.announce(pause)

    def availability(self) -> Availability:
        """See :class:`~apps.sources.rate_limiter.RateLimiter`."""
        return self._pause.availability()


class TokenRateLimiter:
    """Implements :class:`apps.sources.rate_limiter.RateLimiter` for one stored token.

    ``own`` is the limit of its quota, ``site`` the limit of all requests to the site. They are the same object if the
    site has only one limit. The token's row stores what answers say about it: quota, expiry date, refusal.
    """

    def __init__(self, token: Token, own: RedisRateLimiter, site: RedisRateLimiter) -> None:
        self._token = token
        self._own = own
        self._site = site
        self._lock = threading.Lock()
        self._next_note = 0.0

    @contextmanager
    def place(self) -> Iterator[None]:
        """See the protocol. Raises :class:`TokenExpiredError` before a request is sent."""
        if self._token.is_expired:
            raise TokenExpiredError(self._token.expiry_sentence())
        if self._site is self._own:
            with self._own.place():
                yield
        else:
            with self._own.place(), self._site.place():
                yield

    def observe(self, status: int, headers: Mapping[str, str]) -> None:
        """See the protocol."""
        self._own.observe(status, headers)
        if self._site is not self._own:
            self._site.observe(status if status == 0 or status >= 500 else 200, {})
        if status:
            self._note(status, headers)

    def pause(self, pause: Pause) -> datetime:
        """See the protocol."""
        return (self._site if pause.is_whole_site else self._own).pause(pause)

    def refuse(self, message: str) -> None:
        """See the protocol. The refusal is stored until the token works again or is replaced."""
        self._store(refused_at=timezone.now(), problem=clean(message))

    def availability(self) -> Availability:
        """See the protocol."""
        own = self._own.availability()
        if self._site is not self._own:
            site = self._site.availability()
            if site.until > own.until:
                own = own._replace(until=site.until, reason=site.reason)
        return own._replace(is_refused=self._token.refused_at is not None, is_expired=self._token.is_expired)

    def _note(self, status: int, headers: Mapping[str, str]) -> None:
        works_again = status < 400 and self._token.refused_at is not None
        with self._lock:
            if time.monotonic() < self._next_note and not works_again:
                return
            self._next_note = time.monotonic() + NOTE_EVERY
        changes: dict[str, Any] = {"refused_at": None, "problem": ""} if works_again else {}
        if quota := quota_of(headers):
            resets_at = timezone.now() + timedelta(seconds=quota.seconds)
            changes |= {"allowed": quota.allowed, "remaining": quota.remaining, "resets_at": resets_at}
        expires_at = token_expiry(headers)
        if expires_at and expires_at != self._token.expires_at:
            changes["expires_at"] = expires_at
        if changes:
            self._store(**changes)

    def _store(self, **changes: Any) -> None:
        for field, value in changes.items():
            setattr(self._token, field, value)
        if self._token.pk:
            Token.across_tenants.filter(pk=self._token.pk).update(**changes)
