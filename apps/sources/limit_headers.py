"""Does the provider ask for a pause, and how long is it? Headers and messages about limits are read here."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from apps.sources.text import parse_time

MAX_PAUSE = 24 * 3600.0  # seconds, as all of these
MAX_GUESSED_PAUSE = 3600.0
FIRST_GUESS = 1.0
SECONDARY_GUESS = 60.0
MAX_TIME_TO_RESET = 7 * 24 * 3600.0
MAX_NUMBER_LENGTH = 20  # digits of a moment in seconds or milliseconds
_DATES = re.compile(r"[A-Za-z]{3},? [^,]+")  # of a header that was sent more than once
TOKEN_EXPIRY = "github-authentication-token-expiration"  # noqa: S105 - the name of a header


class Pause(NamedTuple):
    """The provider asks for a pause of ``seconds``; ``reason`` continues a sentence after "because".

    Without ``is_explicit`` the length is our own first guess. ``is_whole_site`` says that the site itself does not
    answer, so other tokens must wait, too.
    """

    seconds: float
    reason: str
    is_explicit: bool = True
    is_whole_site: bool = False


class Quota(NamedTuple):
    """How many of the ``allowed`` requests are left until the reset, which comes in ``seconds``."""

    remaining: int
    allowed: int
    seconds: float


def pause_of_refusal(status: int, headers: Mapping[str, str], message: str = "") -> Pause | None:
    """The pause that a refusal asks for; ``None`` if it asks for none (a 403 may be a missing permission)."""
    seconds = retry_after(headers)
    if status == 503:
        reason = "it is unavailable for a while"
        return None if seconds is None else pause_or_guess(seconds, FIRST_GUESS, reason, is_whole_site=True)
    lowered = message.lower()
    is_secondary = "secondary rate limit" in lowered or "abuse detection" in lowered
    is_used_up = headers.get("x-ratelimit-remaining", "").strip() == "0"
    is_limit = seconds is not None or is_used_up or is_secondary or "rate limit" in lowered
    if status != 429 and not (status == 403 and is_limit):
        return None
    if seconds is None and (is_used_up or not is_secondary):
        seconds = seconds_to_reset(headers)
    guess = SECONDARY_GUESS if is_secondary or status == 403 else FIRST_GUESS
    return pause_or_guess(seconds, guess, limit_reason(headers, is_secondary=is_secondary, is_used_up=is_used_up))


def pause_or_guess(seconds: float | None, guess: float, reason: str, *, is_whole_site: bool = False) -> Pause:
    """The pause that the provider asks for. If it gives no length or a passed time, our own guess."""
    return Pause(seconds or guess, reason, is_explicit=bool(seconds), is_whole_site=is_whole_site)


def limit_reason(headers: Mapping[str, str], *, is_secondary: bool, is_used_up: bool) -> str:
    """The reason of a pause, to continue a sentence after "because"."""
    if code := headers.get("ratelimit-reason", "").strip()[:60]:
        return f"its rate limit is reached ({code})"
    if is_secondary:
        return "its secondary rate limit is reached"
    return used_up_reason(headers) if is_used_up else "its rate limit is reached"


def used_up_reason(headers: Mapping[str, str]) -> str:
    """The reason when no request is left."""
    allowed = headers.get("x-ratelimit-limit", "").strip()
    number = f" of {int(allowed):,} requests" if allowed.isdecimal() and len(allowed) < 12 else ""
    return f"the quota{number} is used up"


def pause_when_used_up(headers: Mapping[str, str]) -> Pause | None:
    """The pause until the reset, if this answer used the last request (searches have their own quota)."""
    if headers.get("x-ratelimit-remaining", "").strip() != "0" or is_search(headers):
        return None
    seconds = seconds_to_reset(headers)
    return Pause(seconds, used_up_reason(headers)) if seconds else None


def quota_of(headers: Mapping[str, str]) -> Quota | None:
    """What is left of the quota after an answer; ``None`` if it does not say so, or means searches."""
    seconds = seconds_to_reset(headers, MAX_TIME_TO_RESET)
    try:
        remaining, allowed = int(headers["x-ratelimit-remaining"]), int(headers["x-ratelimit-limit"])
    except (KeyError, ValueError):
        return None
    if seconds is None or is_search(headers) or not 0 <= remaining <= allowed < 2**31:
        return None
    return Quota(remaining, allowed, seconds)


def is_search(headers: Mapping[str, str]) -> bool:
    """Whether the headers are about searches, which have a small quota of their own."""
    return "search" in headers.get("x-ratelimit-resource", "")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from Retry-After, which holds seconds or an HTTP date; ``None`` when absent or unreadable."""
    value = headers.get("retry-after", "").strip()
    try:
        return _bounded(float(value))
    except ValueError:
        pass
    moment = http_date(value)
    return None if moment is None else seconds_until(moment, headers)


def seconds_to_reset(headers: Mapping[str, str], longest: float = MAX_PAUSE) -> float | None:
    """Seconds until X-RateLimit-Reset (epoch seconds or ISO time) by the provider's own clock."""
    value = headers.get("x-ratelimit-reset", "").strip()
    moment = parse_time(int(value) if value.isdecimal() and len(value) < MAX_NUMBER_LENGTH else value)
    return None if moment is None else seconds_until(moment, headers, longest)


def seconds_until(moment: datetime, headers: Mapping[str, str], longest: float = MAX_PAUSE) -> float:
    """Seconds until ``moment`` by the provider's own clock: 0 for a passed moment, never more than ``longest``."""
    return _bounded((moment - _provider_now(headers)).total_seconds(), longest)


def token_expiry(headers: Mapping[str, str]) -> datetime | None:
    """When the token expires: GitHub sends ``2026-12-31 23:59:59 UTC`` or ``… -0500``; ``None`` without the header."""
    value = headers.get(TOKEN_EXPIRY, "").replace(" UTC", "+00:00")
    return parse_time(re.sub(r"\s+([+-]\d{4})\Z", r"\1", value))


def is_near_limit(headers: Mapping[str, str]) -> bool:
    """Whether little of the quota is left: Jira sends a header for that, otherwise less than a tenth is left."""
    if headers.get("x-ratelimit-nearlimit", "").lower() == "true":
        return True
    try:
        remaining, allowed = int(headers["x-ratelimit-remaining"]), int(headers["x-ratelimit-limit"])
    except (KeyError, ValueError):
        return False
    return remaining * 10 < allowed


def http_date(value: str) -> datetime | None:
    """The moment of a header such as Date, ``None`` if it is absent or unreadable."""
    try:
        moment = parsedate_to_datetime(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def earliest_date(value: str) -> datetime | None:
    """The earliest moment in a header Date: a proxy may have added its own to that of the provider."""
    moments = filter(None, map(http_date, _DATES.findall(value)))
    return min(moments, default=None)


def _provider_now(headers: Mapping[str, str]) -> datetime:
    return earliest_date(headers.get("date", "")) or datetime.now(UTC)


def _bounded(seconds: float, longest: float = MAX_PAUSE) -> float:
    if seconds != seconds:  # NaN
        raise ValueError("not a number of seconds")
    return min(max(seconds, 0.0), longest)
