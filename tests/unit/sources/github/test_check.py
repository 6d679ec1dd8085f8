"""Does a connection test say in one sentence what is wrong?"""

from datetime import UTC, datetime

import pytest

from apps.sources.base import Connection, ConnectionReport
from apps.sources.github import GitHub
from apps.sources.github.client import graphql_url
from apps.sources.http import HttpOptions
from tests.unit.sources.scripted import Say, ScriptedServer

TOKEN = "ghp_secretsecretsecret"


def check(base_url: str, scopes: tuple[str, ...] = (), token: str = TOKEN) -> ConnectionReport:
    connection = Connection(base_url, token=token, scopes=scopes)
    with GitHub().http(connection, HttpOptions(attempts=1, timeout=(2, 2))) as http:
        report = GitHub().test(connection, http)
    assert token not in repr(report) or not token
    assert report.is_ok is not bool(report.problem)
    return report


def user(provider: ScriptedServer, **headers: str) -> None:
    provider.on("/user", Say({"login": "ada"}, headers={k.replace("_", "-"): v for k, v in headers.items()}))


def test_a_good_token_passes(provider: ScriptedServer) -> None:
    user(
        provider,
        X_OAuth_Scopes="repo, read:org",
        GitHub_Authentication_Token_Expiration="2027-01-31 10:20:30 -0500",
    )
    provider.on("/repos/acme/shop", Say({"full_name": "acme/shop"}))
    report = check(provider.url, ("acme/shop",))
    assert (report.is_ok, report.account, report.scopes_found) == (True, "ada", ("acme/shop",))
    assert report.expires_at == datetime(2027, 1, 31, 15, 20, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "expected"),
    [("2027-01-31 10:20:30 UTC", datetime(2027, 1, 31, 10, 20, 30, tzinfo=UTC)), ("soon", None)],
)
def test_the_report_says_when_the_token_expires(
    provider: ScriptedServer, header: str, expected: datetime | None
) -> None:
    user(provider, GitHub_Authentication_Token_Expiration=header)
    provider.on("/user/repos", Say([{"full_name": "acme/shop"}]))
    assert check(provider.url).expires_at == expected


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Say({"message": "Bad credentials"}, 401), "token"),
        (Say(b"<html>Log in</html>", 200, {"Content-Type": "text/html"}), "https://api.github.com"),
        (Say({"message": "Not Found"}, 404), "https://api.github.com"),
        (Say({"message": "Resource protected by organization SAML enforcement."}, 403), "single sign-on"),
        (Say({"message": "Resource not accessible by personal access token"}, 403), "this kind of token"),
        (Say({"message": "Resource not accessible by integration"}, 403), "not accessible by integration"),
        (
            Say(
                {"message": "API rate limit exceeded"},
                403,
                {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1900000000"},
            ),
            "pause until",
        ),
        (Say({"message": "boom"}, 500), "500"),
    ],
)
def test_the_report_says_what_is_wrong(provider: ScriptedServer, answer: Say, words: str) -> None:
    provider.on("/user", answer)
    report = check(provider.url)
    assert words in report.problem
    assert not report.is_ok


def test_a_fine_grained_token_that_lacks_permissions_is_reported(provider: ScriptedServer) -> None:
    user(provider)
    provider.on("/repos/acme/shop", Say({"full_name": "acme/shop"}))
    refused = Say({"message": "Resource not accessible by personal access token"}, 403)
    provider.on("/repos/acme/shop/pulls", Say([]))
    provider.on("/repos/acme/shop/releases", Say({"message": "Git Repository is empty."}, 409))
    provider.on("/repos/acme/shop/deployments", refused)
    provider.on("/repos/acme/shop/actions/runs", refused)
    report = check(provider.url, ("acme/shop",))
    assert "lacks read access to Deployments, Actions (acme/shop)" in report.problem
    for path in ("deployments", "actions/runs"):
        provider.on(f"/repos/acme/shop/{path}", Say([]))
    assert check(provider.url, ("acme/shop",)).is_ok


INTEGRATION = Say({"message": "Resource not accessible by integration"}, 403)


def test_the_token_of_a_github_app_needs_no_account(provider: ScriptedServer) -> None:
    provider.on("/user", INTEGRATION)
    provider.on("/repos/acme/shop", Say({"full_name": "acme/shop"}))
    report = check(provider.url, ("acme/shop",))
    assert (report.is_ok, report.account, report.scopes_found) == (True, "", ("acme/shop",))
    provider.on("/installation/repositories", Say({"total_count": 1, "repositories": [{"full_name": "acme/shop"}]}))
    assert check(provider.url).scopes_found == ("acme/shop",)


@pytest.mark.parametrize(
    ("token", "scopes", "advice"),
    [(TOKEN, "public_repo", "“repo”"), (TOKEN, None, "to the token"), ("ghs_secretsecret", None, "to the GitHub App")],
)
@pytest.mark.parametrize("path", ["releases", "pulls", "deployments", "actions/runs"])
def test_each_list_of_a_run_is_tried_and_the_advice_fits_the_token(
    provider: ScriptedServer, token: str, scopes: str | None, advice: str, path: str
) -> None:
    user(provider, **({"X_OAuth_Scopes": scopes} if scopes else {}))
    provider.on("/repos/acme/shop", Say({"full_name": "acme/shop"}))
    provider.on(f"/repos/acme/shop/{path}", Say({"message": "Resource not accessible"}, 403))
    problem = check(provider.url, ("acme/shop",), token).problem
    assert "(acme/shop)" in problem
    assert advice in problem


def test_a_host_that_does_not_answer_is_named() -> None:
    assert "127.0.0.1:1" in check("http://127.0.0.1:1").problem


def test_a_missing_token_is_reported() -> None:
    assert "token is missing" in check("http://127.0.0.1:1", token="").problem


def test_a_named_repository_that_is_not_visible_is_reported(provider: ScriptedServer) -> None:
    user(provider, X_OAuth_Scopes="read:user")
    provider.on("/repos/acme/shop", Say({"full_name": "acme/shop"}))
    report = check(provider.url, ("acme/shop", "acme/secret", "nonsense"))
    assert "acme/secret (not found, or no access)" in report.problem
    assert "“repo”" in report.problem
    assert report.scopes_found == ("acme/shop",)


def test_a_token_of_too_narrow_scope_is_reported(provider: ScriptedServer) -> None:
    user(provider, X_OAuth_Scopes="")
    provider.on("/user/repos", Say([{"full_name": "acme/open"}]))
    assert "“repo”" in check(provider.url).problem
    provider.on("/user/repos", Say([]))
    assert "no repository at all" in check(provider.url).problem


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("https://api.github.com", "https://api.github.com/graphql"),
        ("https://git.example.org/api/v3", "https://git.example.org/api/graphql"),
        ("http://127.0.0.1:8/github", "http://127.0.0.1:8/github/graphql"),
    ],
)
def test_graphql_is_asked_beside_rest(base_url: str, expected: str) -> None:
    assert graphql_url(base_url) == expected


@pytest.mark.parametrize("base_url", ["https://github.com", "https://github.com/", "https://api.github.com/"])
def test_the_public_site_is_asked_at_its_api(base_url: str) -> None:
    with GitHub().http(Connection(base_url)) as http:
        assert http.base_url == "https://api.github.com"
