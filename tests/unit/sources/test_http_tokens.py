"""Do several tokens share the requests, and does a call continue if one token waits or is refused?"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.sources.errors import RateLimitedError, UnauthorizedError
from apps.sources.http import Http, HttpOptions
from apps.sources.limit_headers import Pause
from tests.unit.sources.conftest import Client
from tests.unit.sources.scripted import Say, ScriptedServer, Seen


def quota(remaining: int, seconds: int = 600, **more: str) -> dict[str, str]:
    reset = str(int(datetime.now(UTC).timestamp()) + seconds)
    return {"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": str(remaining), "X-RateLimit-Reset": reset, **more}


class Hub:
    """A provider that answers each token by its own script; it repeats the last answer."""

    def __init__(self, provider: ScriptedServer, **answers: list[Say]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.provider = provider
        provider.on("/x", self._answer)

    def _answer(self, seen: Seen) -> Say:
        token = seen.headers["authorization"].removeprefix("Bearer ")
        self.asked.append(token)
        script = self.answers[token]
        return script.pop(0) if len(script) > 1 else script[0]

    def client(self, **options: Any) -> Http:
        """A client with all tokens, in order."""
        clients: list[Http] = []
        for token in reversed(self.answers):
            headers = {"Authorization": f"Bearer {token}"}
            clients.insert(0, Http(self.provider.url, HttpOptions(headers=headers, others=clients[:], **options)))
        return clients[0]


@pytest.fixture
def hub(provider: ScriptedServer, client: Client) -> Any:
    return lambda **answers: Hub(provider, **answers)


def test_each_request_uses_the_token_that_has_most_left(hub: Any) -> None:
    site = hub(one=[Say({}, headers=quota(40))], two=[Say({}, headers=quota(90)), Say({}, headers=quota(30))])
    with site.client() as http:
        for _ in range(4):
            http.get("/x")
        assert site.asked == ["one", "two", "two", "one"]
        assert http.requests == 4


@pytest.mark.parametrize(
    "refusal",
    [
        Say({"message": "API rate limit exceeded"}, 403, quota(0)),
        Say({"message": "You have exceeded a secondary rate limit."}, 403, quota(4000)),
        Say({"message": "slow down"}, 429, {"Retry-After": "500"}),
    ],
    ids=["used up", "secondary", "429"],
)
def test_a_token_that_has_to_wait_is_not_used_and_the_other_goes_on(hub: Any, refusal: Say) -> None:
    site = hub(one=[refusal], two=[Say({"ok": 1})])
    with site.client(attempts=1) as http:
        for _ in range(3):
            assert http.get("/x").decode(dict[str, int]) == {"ok": 1}
    assert site.asked == ["one", "two", "two", "two"]


def test_when_all_tokens_wait_the_earliest_end_counts(hub: Any) -> None:
    site = hub(one=[Say(b"", 429, {"Retry-After": "900"})], two=[Say(b"", 429, {"Retry-After": "300"})])
    with site.client() as http:
        for _ in range(2):
            with pytest.raises(
                RateLimitedError, match=r"until .* UTC, because .* None of the 2 tokens is free"
            ) as caught:
                http.get("/x")
            assert timedelta(seconds=290) < caught.value.until - datetime.now(UTC) < timedelta(seconds=340)
    assert site.asked == ["one", "two"]


def test_a_single_odd_401_is_asked_once_more_and_changes_nothing(hub: Any) -> None:
    site = hub(one=[Say(b"", 401), Say({"ok": 1})])
    with site.client(attempts=1) as http:
        assert http.get("/x").decode(dict[str, int]) == {"ok": 1}
        assert not http.rate_limiter.availability().is_refused


def test_a_refused_token_is_not_used_and_the_other_goes_on(hub: Any) -> None:
    site = hub(one=[Say({"message": "Bad credentials"}, 401)], two=[Say({"ok": 1})])
    with site.client() as http:
        for _ in range(2):
            assert http.get("/x").decode(dict[str, int]) == {"ok": 1}
    assert site.asked == ["one", "one", "two", "two"]


def test_a_call_is_refused_only_when_every_token_is(hub: Any) -> None:
    refused = [Say({"message": "Bad credentials"}, 401)]
    site = hub(one=refused, two=list(refused))
    with site.client() as http, pytest.raises(UnauthorizedError, match="Bad credentials"):
        http.get("/x")
    assert site.asked == ["one", "one", "two", "two"]


def test_a_token_that_only_waits_is_no_reason_to_fail_for_the_refused_one(hub: Any) -> None:
    site = hub(one=[Say(b"", 429, {"Retry-After": "600"})], two=[Say(b"", 401)])
    with site.client() as http, pytest.raises(RateLimitedError, match="pause until"):
        http.get("/x")


def test_a_refused_token_that_works_again_is_used_again(hub: Any) -> None:
    site = hub(one=[Say(b"", 401), Say(b"", 401), Say({"ok": 1})])
    with site.client() as http:
        with pytest.raises(UnauthorizedError):
            http.get("/x")
        assert http.rate_limiter.availability().is_refused
        http.get("/x")
        assert not http.rate_limiter.availability().is_refused


def test_a_pause_inside_a_good_answer_counts_like_any_other(hub: Any) -> None:
    site = hub(one=[Say({"errors": 1})], two=[Say({"ok": 1})])
    with site.client() as http:
        answer = http.post("/x", {}, find_pause=lambda answer: Pause(600, "x") if b"errors" in answer.body else None)
    assert answer.decode(dict[str, int]) == {"ok": 1}
    assert site.asked == ["one", "two"]


def test_no_token_ever_shows_in_an_error(hub: Any) -> None:
    site = hub(secret_one=[Say({"message": "secret_one?"}, 401)], secret_two=[Say({"message": "secret_two?"}, 401)])
    with site.client() as http, pytest.raises(UnauthorizedError) as caught:
        http.get("/x")
    assert "secret_" not in str(caught.value)
