"""Does the client pause when a provider asks for it, and raise an error for a long pause?"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import permutations

import pytest

from apps.sources.errors import (
    ForbiddenError,
    RateLimitedError,
)
from apps.sources.limit_headers import (
    Pause,
    earliest_date,
    is_near_limit,
    pause_of_refusal,
    pause_when_used_up,
    quota_of,
    retry_after,
    seconds_to_reset,
    token_expiry,
)
from apps.sources.rate_limiter import Availability, pause_sentence
from apps.sources.retry_policy import backoff
from tests.unit.sources.conftest import Client
from tests.unit.sources.scripted import Say, ScriptedServer


def test_short_pauses_are_slept_through(provider: ScriptedServer, client: Client) -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=1), usegmt=True)
    provider.on(
        "/x",
        Say(b"", 429, {"Retry-After": "0.1"}),
        Say(b"", 503, {"Retry-After": soon}),
        Say(b"", 429, {"Retry-After": "0.2"}),
        Say({"ok": 1}),
    )
    assert client().get("/x").decode(dict[str, int]) == {"ok": 1}
    assert len(provider.seen) == 4


@pytest.mark.parametrize(
    ("status", "headers", "message", "seconds"),
    [
        (429, {"Retry-After": "120"}, "", 120),
        (503, {"Retry-After": "90"}, "", 90),
        (429, {"X-RateLimit-Reset": "{iso}", "RateLimit-Reason": "jira-burst-based"}, "", 600),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "{epoch}"}, "API rate limit exceeded", 600),
        (403, {"Retry-After": "75"}, "You have exceeded a secondary rate limit.", 75),
        (403, {"X-RateLimit-Remaining": "4000"}, "You have exceeded a secondary rate limit.", 60),
    ],
)
def test_a_long_pause_is_raised_and_not_slept_through(
    provider: ScriptedServer,
    client: Client,
    status: int,
    headers: dict[str, str],
    message: str,
    seconds: int,
) -> None:
    end = datetime.now(UTC) + timedelta(seconds=600)
    filled = {k: v.format(iso=end.isoformat(), epoch=int(end.timestamp())) for k, v in headers.items()}
    provider.on("/x", Say({"message": message}, status, filled), Say({}))
    http = client()
    with pytest.raises(RateLimitedError, match="pause until") as caught:
        http.get("/x")
    waited = (caught.value.until - datetime.now(UTC)).total_seconds()
    assert seconds - 3 <= waited <= seconds * 1.1 + 3
    with pytest.raises(RateLimitedError, match="pause until"):
        http.get("/x")
    assert len(provider.seen) == 1, "while a pause lasts, nothing is asked"


def test_a_403_without_a_limit_is_no_pause(provider: ScriptedServer, client: Client) -> None:
    headers = {"X-RateLimit-Remaining": "4999", "X-RateLimit-Reset": "4102444800"}
    provider.on("/x", Say({"message": "Resource protected by organization SAML enforcement."}, 403, headers))
    with pytest.raises(ForbiddenError, match="SAML"):
        client().get("/x")


def test_the_last_allowed_answer_starts_the_pause(provider: ScriptedServer, client: Client) -> None:
    reset = str(int((datetime.now(UTC) + timedelta(hours=1)).timestamp()))
    provider.on("/x", Say({}, 200, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}))
    http = client()
    http.get("/x")
    with pytest.raises(RateLimitedError, match="used up"):
        http.get("/x")


def test_guessed_pauses_grow_while_they_do_not_help(provider: ScriptedServer, client: Client) -> None:
    provider.on("/x", Say(b"", 429))
    with pytest.raises(RateLimitedError):
        client(max_wait=0.5, attempts=9).get("/x")
    assert len(provider.seen) == 1


def test_unreadable_limit_headers_do_no_harm() -> None:
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({"retry-after": "nan"}) is None
    assert retry_after({"retry-after": "-5"}) == 0
    assert retry_after({"retry-after": "9" * 30}) == 24 * 3600
    assert seconds_to_reset({"x-ratelimit-reset": "x"}) is None
    assert seconds_to_reset({"x-ratelimit-reset": "9" * 40}) is None
    assert seconds_to_reset({"x-ratelimit-reset": "9" * 5000}) is None
    assert retry_after({"retry-after": "inf"}) == 24 * 3600
    assert retry_after({"retry-after": "Fri, 31 Dec 9999 23:59:59 -0500"}) is None
    assert retry_after({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}) == 24 * 3600
    assert seconds_to_reset({"x-ratelimit-reset": "60"}) == 0, "long ago"
    assert pause_of_refusal(429, {"retry-after": "soon"}) == Pause(1.0, "its rate limit is reached", is_explicit=False)


@pytest.mark.parametrize("passed", ["0", "-3", "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT"])
def test_a_pause_that_is_over_already_is_guessed_instead(passed: str) -> None:
    """Otherwise a provider that always says 0 would be asked without a pause."""
    for status in (429, 503):
        pause = pause_of_refusal(status, {"retry-after": passed})
        assert pause
        assert (pause.seconds, pause.is_explicit) == (1.0, False)


def test_a_503_affects_the_whole_site_and_a_used_up_quota_only_its_token() -> None:
    unavailable = pause_of_refusal(503, {"retry-after": "7"})
    assert unavailable
    assert (unavailable.seconds, unavailable.is_whole_site) == (7, True)
    reset = str(int(datetime.now(UTC).timestamp()) + 100)
    used = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset}
    used_up = pause_when_used_up(used)
    assert used_up
    assert (used_up.reason, used_up.is_whole_site) == ("the quota of 5,000 requests is used up", False)
    assert pause_when_used_up({**used, "x-ratelimit-resource": "search"}) is None


def test_what_is_left_is_read_where_it_makes_sense() -> None:
    reset = str(int(datetime.now(UTC).timestamp()) + 100)
    headers = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "17", "x-ratelimit-reset": reset}
    found = quota_of(headers)
    assert found
    assert (found.remaining, found.allowed, round(found.seconds, -1)) == (17, 5000, 100)
    for odd in ("x", "-1", "5001", "9" * 40):
        assert quota_of({**headers, "x-ratelimit-remaining": odd}) is None
    assert quota_of({**headers, "x-ratelimit-resource": "code_search"}) is None
    assert quota_of({}) is None


def test_the_end_of_a_pause_is_shown_with_its_zone_and_never_too_early() -> None:
    now = datetime.now(UTC).replace(second=30, microsecond=0)
    said = pause_sentence(now, "its rate limit is reached", "api.github.com")
    shown = f"{now + timedelta(minutes=1):%H:%M} UTC, because its rate limit is reached."
    assert said.startswith("api.github.com asks for a pause until ")
    assert said.endswith(shown)
    far = now + timedelta(days=3)
    assert f"until {far:%d %b}, " in pause_sentence(far, "x")


def test_a_tokens_end_is_read_with_its_zone() -> None:
    name = "github-authentication-token-expiration"
    assert token_expiry({name: "2027-01-31 10:20:30 -0500"}) == datetime(2027, 1, 31, 15, 20, 30, tzinfo=UTC)
    assert token_expiry({name: "soon"}) is None
    assert token_expiry({}) is None


def test_the_reset_is_read_by_the_providers_own_clock() -> None:
    theirs = datetime(2001, 1, 1, tzinfo=UTC)
    headers = {
        "date": format_datetime(theirs, usegmt=True),
        "x-ratelimit-reset": str(int(theirs.timestamp()) + 40),
    }
    assert seconds_to_reset(headers) == 40


def test_of_two_dates_the_earliest_counts() -> None:
    """A proxy adds its own Date; HTTP libraries join both with a comma."""
    dates = [datetime(2026, 12, 1, hour, 40, tzinfo=UTC) for hour in (13, 12, 14)]
    written = [format_datetime(date, usegmt=True) for date in dates]
    for first, second in permutations(range(3), 2):
        assert earliest_date(f"{written[first]}, {written[second]}") == min(dates[first], dates[second])
    assert earliest_date(written[0]) == dates[0]
    assert [earliest_date(odd) for odd in ("", "now", "Tue, 99 Dec 2026 13:40:00 GMT", ", ,")] == [None] * 4


def test_near_limit() -> None:
    assert is_near_limit({"x-ratelimit-nearlimit": "true"})
    assert is_near_limit({"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "499"})
    assert not is_near_limit({"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "500"})
    assert not is_near_limit({})


def test_backoff_has_jitter_and_a_limit() -> None:
    waits = [backoff(attempt) for attempt in range(30)]
    assert all(0 <= wait <= 30 for wait in waits)
    assert len(set(waits)) == 30


class Recorder:
    """A rate limiter that notes its calls."""

    def __init__(self) -> None:
        self.calls: list[object] = []

    def place(self) -> AbstractContextManager[None]:
        self.calls.append("place")
        return nullcontext()

    def observe(self, status: int, headers: Mapping[str, str]) -> None:
        self.calls.append(status)

    def pause(self, pause: Pause) -> datetime:
        self.calls.append(pause.reason)
        return datetime.now(UTC)

    def refuse(self, message: str) -> None:
        self.calls.append(message)

    def availability(self) -> Availability:
        return Availability()


def test_the_rate_limiter_learns_of_every_answer(provider: ScriptedServer, client: Client) -> None:
    provider.on("/x", Say({"a": 1}, cut=3), Say(b"", 429), Say(b"", 500), Say({}))
    recorder = Recorder()
    client(rate_limiter=recorder).get("/x")
    assert recorder.calls == ["place", 0, "place", 429, "its rate limit is reached", "place", 500, "place", 200]
