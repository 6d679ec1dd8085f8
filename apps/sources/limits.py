"""Does the provider ask for a pause, and for how long? What headers and messages say about limits."""

import random
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from apps.sources.text import parse_time

LONGEST_PAUSE = 24 * 3600.0
LONGEST_GUESS = 3600.0
SECONDARY_PAUSE = 60.0
FIRST_PAUSE = 1.0
FURTHEST_RESET = 7 * 24 * 3600.0
LONGEST_NUMBER = 20  # digits of a moment in seconds or milliseconds
TOKEN_EXPIRY = "github-authentication-token-expiration"  # noqa: S105 - the name of a header


class Limit(NamedTuple):
    """A pause of ``seconds`` is asked for, ``reason`` goes on after "because".

    ``told`` is false where that length is our own first guess; ``whole_site`` says that the site itself is away: other
    tokens need not try.
    """

    seconds: float
    reason: str
    told: bool = True
    whole_site: bool = False


class Allowance(NamedTuple):
    """What is left of the requests that are allowed until the reset, which comes in ``seconds``."""

    remaining: int
    allowed: int
    seconds: float


def limit_of(status: int, headers: Mapping[str, str], message: str = "") -> Limit | None:
    """The pause that a refusal asks for, ``None`` when it is none (a 403 may just be a missing right)."""
    told = retry_after(headers)
    if status == 503:
        return None if told is None else pause_of(told, FIRST_PAUSE, "it is unavailable for a while", whole_site=True)
    lowered = message.lower()
    secondary = "secondary rate limit" in lowered or "abuse detection" in lowered
    exhausted = headers.get("x-ratelimit-remaining", "").strip() == "0"
    hinted = told is not None or exhausted or secondary or "rate limit" in lowered
    if status != 429 and not (status == 403 and hinted):
        return None
    if told is None and (exhausted or not secondary):
        told = seconds_to_reset(headers)
    guess = SECONDARY_PAUSE if secondary or status == 403 else FIRST_PAUSE
    return pause_of(told, guess, reason_of(headers, secondary=secondary, exhausted=exhausted))


def pause_of(told: float | None, guess: float, reason: str, *, whole_site: bool = False) -> Limit:
    """The pause as the provider tells it; our own guess without a word, or where the moment has passed already."""
    return Limit(told or guess, reason, told=bool(told), whole_site=whole_site)


def reason_of(headers: Mapping[str, str], *, secondary: bool, exhausted: bool) -> str:
    """Why a pause is asked for, as it goes on after "because"."""
    if code := headers.get("ratelimit-reason", "").strip()[:60]:
        return f"its rate limit is reached ({code})"
    if secondary:
        return "its secondary rate limit is reached"
    return used_up(headers) if exhausted else "its rate limit is reached"


def used_up(headers: Mapping[str, str]) -> str:
    """The reason when nothing is left."""
    allowed = headers.get("x-ratelimit-limit", "").strip()
    number = f" of {int(allowed):,} requests" if allowed.isdecimal() and len(allowed) < 12 else ""
    return f"the allowance{number} is used up"


def allowance_used_up(headers: Mapping[str, str]) -> Limit | None:
    """The pause until the reset when an answer was the last one allowed (searches have their own count)."""
    if headers.get("x-ratelimit-remaining", "").strip() != "0" or is_search(headers):
        return None
    seconds = seconds_to_reset(headers)
    return Limit(seconds, used_up(headers)) if seconds else None


def allowance(headers: Mapping[str, str]) -> Allowance | None:
    """What the headers of an answer say is left; ``None`` where they say nothing (or speak of searches)."""
    seconds = seconds_to_reset(headers, FURTHEST_RESET)
    try:
        remaining, allowed = int(headers["x-ratelimit-remaining"]), int(headers["x-ratelimit-limit"])
    except (KeyError, ValueError):
        return None
    if seconds is None or is_search(headers) or not 0 <= remaining <= allowed < 2**31:
        return None
    return Allowance(remaining, allowed, seconds)


def is_search(headers: Mapping[str, str]) -> bool:
    """Whether the limit headers speak of searches, which have a small allowance of their own."""
    return "search" in headers.get("x-ratelimit-resource", "")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from Retry-After, which holds seconds or an HTTP date; ``None`` when absent or unreadable."""
    value = headers.get("retry-after", "").strip()
    try:
        return _bounded(float(value))
    except ValueError:
        pass
    moment = _http_date(value)
    return None if moment is None else seconds_until(moment, headers)


def seconds_to_reset(headers: Mapping[str, str], furthest: float = LONGEST_PAUSE) -> float | None:
    """Seconds until X-RateLimit-Reset (epoch seconds or ISO time) by the provider's own clock."""
    value = headers.get("x-ratelimit-reset", "").strip()
    moment = parse_time(int(value) if value.isdecimal() and len(value) < LONGEST_NUMBER else value)
    return None if moment is None else seconds_until(moment, headers, furthest)


def seconds_until(moment: datetime, headers: Mapping[str, str], furthest: float = LONGEST_PAUSE) -> float:
    """Seconds until ``moment`` by the provider's own clock: 0 for one that has passed, never more than ``furthest``."""
    return _bounded((moment - _provider_now(headers)).total_seconds(), furthest)


def token_expiry(headers: Mapping[str, str]) -> datetime | None:
    """When the token ends: GitHub tells ``2026-12-31 23:59:59 UTC`` or ``… -0500``; ``None`` without a word of it."""
    told = headers.get(TOKEN_EXPIRY, "").replace(" UTC", "+00:00")
    return parse_time(re.sub(r"\s+([+-]\d{4})\Z", r"\1", told))


def near_limit(headers: Mapping[str, str]) -> bool:
    """Whether little of the allowance is left: Jira says so itself, else less than a tenth remains."""
    if headers.get("x-ratelimit-nearlimit", "").lower() == "true":
        return True
    try:
        remaining, allowed = int(headers["x-ratelimit-remaining"]), int(headers["x-ratelimit-limit"])
    except (KeyError, ValueError):
        return False
    return remaining * 10 < allowed


def backoff(attempt: int, base: float = 0.5, longest: float = 30.0) -> float:
    """Seconds before try ``attempt`` + 1 (from 0): exponential with full jitter."""
    return random.uniform(0, min(longest, base * 2**attempt))  # noqa: S311 - jitter, no secret


def _http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _provider_now(headers: Mapping[str, str]) -> datetime:
    return _http_date(headers.get("date", "")) or datetime.now(UTC)


def _bounded(seconds: float, longest: float = LONGEST_PAUSE) -> float:
    if seconds != seconds:  # NaN
        raise ValueError("not a number of seconds")
    return min(max(seconds, 0.0), longest)
