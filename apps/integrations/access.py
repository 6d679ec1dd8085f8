"""What may be asked with one token now? Its own allowance, the limits it shares with all others, and its end.

Which limit belongs to whom: the source says what shares one allowance (``Source.allowance``). Of GitHub each token has
its own points and secondary limits, of Jira all tokens of a site draw from the same buckets. That a site suffers (5xx,
time-outs, 503 with a pause) concerns everybody who asks it, whatever their token and tenant.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from apps.integrations.governor import RedisGovernor
from apps.integrations.models import Token
from apps.sources.errors import TokenExpiredError
from apps.sources.governors import Outlook
from apps.sources.limits import Limit, allowance, token_expiry
from apps.sources.text import clean

NOTE_EVERY = 30.0  # seconds between two notes of what is left


class TokenGovernor:
    """Implements :class:`apps.sources.governors.Governor` for one stored token.

    ``own`` is the limit of its allowance, ``site`` that of everybody who asks the site (the same one where the site
    has only one). What answers tell of the token (what is left, its end, that it is refused) is stored with it.
    """

    def __init__(self, token: Token, own: RedisGovernor, site: RedisGovernor) -> None:
        self._token = token
        self._own = own
        self._site = site
        self._lock = threading.Lock()
        self._next_note = 0.0

    @contextmanager
    def slot(self) -> Iterator[None]:
        """See :class:`~apps.sources.governors.Governor`. Raises :class:`TokenExpiredError` before anything is asked."""
        if self._token.is_expired:
            raise TokenExpiredError(self._token.expiry_sentence())
        if self._site is self._own:
            with self._own.slot():
                yield
        else:
            with self._own.slot(), self._site.slot():
                yield

    def observe(self, status: int, headers: Mapping[str, str]) -> None:
        """See :class:`~apps.sources.governors.Governor`."""
        self._own.observe(status, headers)
        if self._site is not self._own:
            self._site.observe(status if status == 0 or status >= 500 else 200, {})
        if status:
            self._note(status, headers)

    def limited(self, limit: Limit) -> datetime:
        """See :class:`~apps.sources.governors.Governor`."""
        return (self._site if limit.whole_site else self._own).limited(limit)

    def refused(self, sentence: str) -> None:
        """See :class:`~apps.sources.governors.Governor`: stored, until the token works again or is replaced."""
        self._store(refused_at=timezone.now(), problem=clean(sentence))

    def outlook(self) -> Outlook:
        """See :class:`~apps.sources.governors.Governor`."""
        own = self._own.outlook()
        if self._site is not self._own:
            site = self._site.outlook()
            if site.until > own.until:
                own = own._replace(until=site.until, reason=site.reason)
        return own._replace(refused=self._token.refused_at is not None, expired=self._token.is_expired)

    def _note(self, status: int, headers: Mapping[str, str]) -> None:
        works_again = status < 400 and self._token.refused_at is not None
        with self._lock:
            if time.monotonic() < self._next_note and not works_again:
                return
            self._next_note = time.monotonic() + NOTE_EVERY
        changes: dict[str, Any] = {"refused_at": None, "problem": ""} if works_again else {}
        if told := allowance(headers):
            resets_at = timezone.now() + timedelta(seconds=told.seconds)
            changes |= {"allowed": told.allowed, "remaining": told.remaining, "resets_at": resets_at}
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
