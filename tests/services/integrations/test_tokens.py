"""Do the tokens of an integration share the requests, and does a run know their expiry before it sends a request?"""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from apps.core.crypto import Secret
from apps.core.redis import redis_client
from apps.dashboard import health
from apps.integrations import cli, services, shared_pause
from apps.integrations.connect import MAX_PLACES_PER_SITE, open_source
from apps.integrations.models import Integration, Token
from apps.integrations.selectors import token_warnings
from apps.sources.errors import RateLimitedError, ServerError, TokenExpiredError, UnauthorizedError, UntrustedError
from apps.tenants.models import Tenant
from tests import platform as platforms
from tests.unit.sources.scripted import Say, ScriptedServer, Seen

ONE, TWO = "ghp_token-number-one", "ghp_token-number-two"


class Hub:
    """GitHub as far as these tests ask it: each token has answers of its own."""

    def __init__(self) -> None:
        self.server = ScriptedServer()
        self.answers: dict[str, Say] = {ONE: Say({"login": "ada"}), TWO: Say({"login": "bob"})}
        self.server.on("/api/v3/user", self._answer)
        self.server.on("/api/v3/rate_limit", self._answer)
        self.server.on("/api/v3/user/repos", Say([{"full_name": "o/r", "private": True}]))
        self.url = f"{self.server.url}/api/v3"

    @property
    def asked(self) -> list[str]:
        """The tokens of the requests so far."""
        return [token_of(seen) for seen in self.server.calls("/api/v3/user")]

    def _answer(self, seen: Seen) -> Say:
        return self.answers[token_of(seen)]


def token_of(seen: Seen) -> str:
    return seen.headers["authorization"].removeprefix("Bearer ")


@pytest.fixture
def hub() -> Iterator[Hub]:
    platforms.forget_limits()
    running = Hub()
    yield running
    running.server.close()


@pytest.fixture
def integration(acme: Tenant, hub: Hub) -> Integration:
    made = services.add_integration(tenant=acme, provider="github", name="hub", base_url=hub.url, token=Secret(ONE))
    services.set_token(integration=made, label="spare", token=Secret(TWO))
    return made


def token(label: str) -> Token:
    found: Token = Token.across_tenants.get(label=label)
    return found


def end(days: float) -> datetime:
    return timezone.now() + timedelta(days=days)


def expiry(moment: datetime) -> dict[str, str]:
    return {"GitHub-Authentication-Token-Expiration": f"{moment:%Y-%m-%d %H:%M:%S} UTC"}


def quota(remaining: int) -> dict[str, str]:
    reset = str(int(timezone.now().timestamp()) + 600)
    return {"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": str(remaining), "X-RateLimit-Reset": reset}


def test_a_used_up_token_waits_alone_and_every_process_knows(integration: Integration, hub: Hub) -> None:
    hub.answers[ONE] = Say({"message": "API rate limit exceeded"}, 403, quota(0))
    for _ in range(2):  # the second client stands for another process
        _, _, http = open_source(integration)
        with http:
            assert http.get("/user").decode(dict[str, str]) == {"login": "bob"}
    assert hub.asked == [ONE, TWO, TWO]
    hub.answers[TWO] = hub.answers[ONE]
    _, _, http = open_source(integration)
    with (
        http,
        pytest.raises(RateLimitedError, match=r"until .* UTC, because the quota of 5,000 requests is used up"),
    ):
        http.get("/user")


def test_what_is_left_is_shared_and_stored(integration: Integration, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_pause, "PEEK_EVERY", 0.0)
    hub.answers[ONE] = Say({"login": "ada"}, headers=quota(70))
    hub.answers[TWO] = Say({"login": "bob"}, headers=quota(4000))
    _, _, first = open_source(integration)
    with first:
        for _ in range(4):
            first.get("/user")
    assert hub.asked == [ONE, TWO, TWO, TWO]
    assert (token("main").remaining, token("main").allowed, token("spare").remaining) == (70, 5000, 4000)
    _, _, second = open_source(integration)
    with second:
        second.get("/user")
    assert hub.asked[-1] == TWO


def test_a_503_with_a_pause_affects_all_tokens_of_the_site(integration: Integration, hub: Hub) -> None:
    hub.answers[ONE] = Say(b"", 503, {"Retry-After": "600"})
    for _ in range(2):
        _, _, http = open_source(integration)
        with http, pytest.raises(RateLimitedError, match="unavailable"):
            http.get("/user")
    assert hub.asked == [ONE]


def test_a_site_with_faults_slows_everybody_and_a_limited_token_only_itself(integration: Integration, hub: Hub) -> None:
    site = f"rate_limit:{{github/127.0.0.1:{hub.server.port}}}:state"
    hub.answers[ONE] = Say({"message": "You have exceeded a secondary rate limit."}, 403, {"Retry-After": "600"})
    _, _, http = open_source(integration)
    with http:
        http.get("/user")
        http.get("/user")
        assert float(redis_client().hget(site, "limit") or 0) == MAX_PLACES_PER_SITE
        hub.answers[TWO] = Say(b"", 502)
        with pytest.raises(ServerError):
            http.get("/user", attempts=1)
        hub.answers[TWO] = Say({"login": "bob"})
        http.get("/user")
    assert float(redis_client().hget(site, "limit") or 0) == MAX_PLACES_PER_SITE / 2


def test_a_refused_token_is_remembered_until_it_is_replaced(integration: Integration, hub: Hub) -> None:
    hub.answers[ONE] = Say({"message": f"Bad credentials {ONE}"}, 401)
    for _ in range(2):
        _, _, http = open_source(integration)
        with http:
            http.get("/user")
    assert hub.asked == [ONE, ONE, TWO, TWO]
    refused = token("main")
    assert refused.refused_at
    assert "Bad credentials" in refused.problem
    assert ONE not in refused.problem
    [warning] = token_warnings(integration.tenant)
    assert (warning.label, warning.expires_at) == ("main", None)
    assert "“main” of hub is refused" in warning.sentence
    services.set_token(integration=integration, label="main", token=Secret(ONE))
    assert token_warnings(integration.tenant) == []


def test_a_lone_refused_token_is_tried_again_and_forgiven_when_it_works(integration: Integration, hub: Hub) -> None:
    token("spare").delete()
    hub.answers[ONE] = Say({"message": "Bad credentials"}, 401)
    _, _, http = open_source(integration)
    with http, pytest.raises(UnauthorizedError):
        http.get("/user")
    hub.answers[ONE] = Say({"login": "ada"})
    _, _, http = open_source(integration)
    with http:
        http.get("/user")
    assert (token("main").refused_at, token("main").problem) == (None, "")


def test_an_expired_token_asks_nothing(integration: Integration, hub: Hub) -> None:
    Token.across_tenants.update(expires_at=end(-1))
    _, _, http = open_source(integration)
    with http, pytest.raises(TokenExpiredError, match=r"The token “main” of hub expired on .* UTC\. Create a new one"):
        http.get("/user")
    assert hub.asked == []
    assert "expired on" in services.test_connection(integration).problem
    Token.across_tenants.filter(label="spare").update(expires_at=None)
    _, _, http = open_source(integration)
    with http:
        http.get("/user")
    assert hub.asked == [TWO]


def test_the_expiry_in_an_answer_is_stored_without_a_request_of_its_own(integration: Integration, hub: Hub) -> None:
    soon = end(5).replace(microsecond=0)
    hub.answers[ONE] = Say({"login": "ada"}, headers=expiry(soon))
    _, _, http = open_source(integration)
    with http:
        http.get("/user")
    assert token("main").expires_at == soon
    assert len(hub.asked) == 1
    [warning] = token_warnings(integration.tenant)
    assert (warning.label, warning.expires_at, warning.is_over) == ("main", soon, False)
    assert "expires on" in warning.sentence


def test_warnings_are_for_active_tokens_of_this_tenant_and_the_most_urgent_comes_first(
    integration: Integration, globex: Tenant, hub: Hub
) -> None:
    services.add_integration(
        tenant=globex, provider="github", name="theirs", base_url=hub.url, token=Secret(ONE), expires_at=end(1)
    )
    Token.across_tenants.filter(label="spare").update(expires_at=end(-2))
    Token.across_tenants.filter(integration=integration, label="main").update(expires_at=end(13))
    far = services.set_token(integration=integration, label="far", token=Secret(TWO), expires_at=end(15))
    assert [(each.label, each.is_over) for each in token_warnings(integration.tenant)] == [
        ("spare", True),
        ("main", False),
    ]
    check = next(each for each in health.checks(integration.tenant) if each.key == "integrations")
    assert (check.state, "“spare” of hub expired" in check.sentence) == ("warning", True)
    Token.across_tenants.exclude(pk=far.pk).update(is_active=False)
    assert token_warnings(integration.tenant) == []


def test_a_test_tries_every_token_and_says_which_does_not_work(integration: Integration, hub: Hub) -> None:
    hub.answers[TWO] = Say({"message": "Bad credentials"}, 401)
    report = services.test_connection(integration)
    assert (report.is_ok, report.account) == (False, "ada")
    assert report.problem.startswith("Token “spare”: ")
    assert (token("main").account, token("main").problem) == ("ada", "")
    assert token("spare").problem
    hub.answers[TWO] = Say({"login": "bob"})
    assert services.test_connection(integration).is_ok
    assert token("spare").account == "bob"


def test_without_an_active_token_the_sentence_says_so(integration: Integration, hub: Hub) -> None:
    Token.across_tenants.update(is_active=False)
    with pytest.raises(UnauthorizedError, match="hub has no active token"):
        open_source(integration)
    assert "no active token" in services.test_connection(integration).problem


def test_labels_are_unique_and_a_token_of_the_same_label_is_replaced(integration: Integration) -> None:
    services.set_token(integration=integration, label=" spare ", token=Secret("ghp_new"), username=" ada ")
    spare = token("spare")
    assert (spare.secret.reveal(), spare.username, integration.tokens.count()) == ("ghp_new", "ada", 2)
    with pytest.raises(ValidationError):
        services.set_token(integration=integration, label=" ", token=Secret("ghp_new"))


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRST_TOKEN", ONE)
    monkeypatch.setenv("SECOND_TOKEN", TWO)


@pytest.mark.usefixtures("variables")
def test_tokens_from_the_terminal(acme: Tenant, hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    add = ["integration", "add", "--provider", "github", "--name", "hub", "--base-url", hub.url]
    call_command(*add, "--token-env", "FIRST_TOKEN", "--token-env", "SECOND_TOKEN")
    assert [each.label for each in Token.across_tenants.all()] == ["FIRST_TOKEN", "SECOND_TOKEN"]
    hub.answers[TWO] = Say({"message": "Bad credentials"}, 401)
    further = ["integration", "add-token", "hub", "--token-env", "SECOND_TOKEN", "--label", "third"]
    with pytest.raises(CommandError, match="Nothing was stored"):
        call_command(*further)
    assert not Token.across_tenants.filter(label="third").exists()
    call_command(*further, "--no-test", "--expires", "2027-01-31")
    assert token("third").expires_at == datetime(2027, 1, 31, 23, 59, 59, 999999, tzinfo=UTC)
    call_command("integration", "list")
    shown = capsys.readouterr().out
    assert "tokens: FIRST_TOKEN, SECOND_TOKEN, third" in shown
    assert ONE not in shown


@pytest.mark.usefixtures("variables")
def test_a_further_jira_token_takes_the_first_ones_owner(acme: Tenant) -> None:
    made = services.add_integration(
        tenant=acme,
        provider="jira",
        name="site",
        base_url="http://127.0.0.1:1",
        token=Secret(ONE),
        username="ada@example.org",
    )
    options = {"name": "site", "tenant": None, "token_env": "SECOND_TOKEN", "label": None, "expires": None}
    cli.add_token({**options, "username": None, "no_test": True})
    assert token("SECOND_TOKEN").username == "ada@example.org"
    assert made.tokens.count() == 2


def test_jira_tokens_share_the_buckets_of_their_site(acme: Tenant) -> None:
    platforms.forget_limits()
    server = ScriptedServer()
    server.on("/x", Say(b"", 429, {"Retry-After": "600", "RateLimit-Reason": "jira-burst-based"}))
    made = services.add_integration(
        tenant=acme, provider="jira", name="site", base_url=server.url, token=Secret(ONE), username="ada"
    )
    services.set_token(integration=made, label="spare", token=Secret(TWO), username="bob")
    _, _, http = open_source(made)
    with http, pytest.raises(RateLimitedError, match="jira-burst-based"):
        http.get("/x")
    assert len(server.seen) == 1, "another token would draw from the same bucket"
    server.close()


def test_a_name_that_gets_a_private_address_after_the_check_is_not_connected_to(
    acme: Tenant, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the checked address is not the one that the connection would go to."""
    inner = ScriptedServer()
    inner.on("/user", Say({"login": "inside"}))
    ask, looks = socket.getaddrinfo, []

    def rebinding(host: str, port: Any, *args: Any, **rest: Any) -> Any:
        if host != "github.example":
            return ask(host, port, *args, **rest)
        looks.append(host)
        return ask("140.82.112.5" if len(looks) <= 2 else "127.0.0.1", port, *args, **rest)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    settings.ALLOW_PRIVATE_NETWORKS = False
    made = services.add_integration(
        tenant=acme,
        provider="github",
        name="hub",
        base_url=f"https://github.example:{inner.port}",
        token=Secret(ONE),
    )
    _, _, http = open_source(made)
    with http, pytest.raises(UntrustedError, match=r"github\.example is 127\.0\.0\.1"):
        http.get("/user")
    assert len(looks) == 3
    assert inner.seen == []
    inner.close()
