"""Does a connection test say in one sentence what is wrong?"""

from collections.abc import Callable

import pytest

from apps.sources.base import Connection, ConnectionReport
from apps.sources.http import HttpOptions
from apps.sources.jira import Jira
from apps.sources.jira.client import site_url
from tests.unit.sources.jira.samples import ADA, FIELDS, issue
from tests.unit.sources.scripted import Say, ScriptedServer

SERVER, MYSELF, SEARCH = "/rest/api/3/serverInfo", "/rest/api/3/myself", "/rest/api/3/project/search"
PROJECTS = Say({"values": [{"id": "100", "key": "PAY"}], "isLast": True})
HTML = Say(b"<!doctype html><title>Log in</title>", 200, {"Content-Type": "text/html"})
Check = Callable[..., ConnectionReport]
API = "/rest/api/3"
BOARD, FIELD = "/rest/agile/1.0/board", f"{API}/field"
# What a run reads besides, and the scope that a token with chosen scopes needs for it.
ENDPOINTS = {
    FIELD: Say(FIELDS),
    f"{API}/issuetype": Say([{"id": "7"}]),
    f"{API}/status": Say([{"id": "3"}]),
    f"{API}/users/search": Say([ADA]),
    BOARD: Say({"values": []}),
    f"{API}/search/jql": Say({"issues": [{"id": "1"}]}),
    f"{API}/issue/bulkfetch": Say({"issues": [issue(1)]}),
    f"{API}/changelog/bulkfetch": Say({"issueChangeLogs": []}),
    f"{API}/issue/1/comment": Say({"comments": []}),
    "/rest/dev-status/latest/issue/summary": Say({"summary": {}}),
}
NEEDED = {f"{API}/search/jql", f"{API}/issue/bulkfetch"}


@pytest.fixture
def check(provider: ScriptedServer) -> Check:
    provider.on(SERVER, Say({"deploymentType": "Cloud"}))
    provider.on(MYSELF, Say({"accountId": "1", "displayName": "Ada"}))
    provider.on(SEARCH, PROJECTS)
    for path, answer in ENDPOINTS.items():
        provider.on(path, answer)

    def run(*scopes: str, url: str = provider.url) -> ConnectionReport:
        connection = Connection(url, "ada@example.org", "secret-token", scopes)
        with Jira().http(connection, HttpOptions(attempts=1)) as http:
            return Jira().test(connection, http)

    return run


def test_all_is_well(check: Check) -> None:
    assert check("pay") == ConnectionReport(is_ok=True, account="Ada", scopes_found=("PAY",))


@pytest.mark.parametrize(
    ("path", "answer", "sentence"),
    [
        (MYSELF, HTML, "no Jira Cloud site at this address"),
        (MYSELF, Say({}, 404), "no Jira Cloud site at this address"),
        (SERVER, Say({"deploymentType": "Server"}), "not Jira Cloud"),
        (MYSELF, Say({}, 500), "failed to answer"),
        (MYSELF, Say({}, 401), "does not accept the user name and token"),
        (MYSELF, Say({}, 403), "no access to this Jira site"),
        (MYSELF, Say({}, 429, {"Retry-After": "500"}), "asks for a pause until"),
        (SEARCH, Say({"values": [], "isLast": True}), "sees no project"),
        (SEARCH, Say([]), "no Jira Cloud site at this address"),
    ],
)
def test_what_is_wrong(provider: ScriptedServer, check: Check, path: str, answer: Say, sentence: str) -> None:
    provider.on(path, answer)
    report = check()
    assert not report.is_ok
    assert sentence in report.problem
    assert "secret-token" not in report.problem


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 422, 500])
@pytest.mark.parametrize("path", ENDPOINTS)
def test_each_endpoint_that_a_run_uses_is_tried(provider: ScriptedServer, check: Check, path: str, status: int) -> None:
    provider.on(path, Say({"message": "Unauthorized; scope does not match"}, status))
    report = check()
    assert report.is_ok == (path not in NEEDED)
    sentences = [report.problem] if path in NEEDED else list(report.warnings)
    assert len(sentences) == 1
    assert sentences[0].startswith("The token cannot read ")
    assert ("needs read:" in sentences[0]) == (status in (401, 403))
    assert len(provider.seen) < 20


def test_a_site_without_jira_software_needs_no_boards(provider: ScriptedServer, check: Check) -> None:
    provider.on(FIELD, Say([field for field in FIELDS if field["name"] != "Sprint"]))
    provider.on(BOARD, Say({"message": "no"}, 404))
    assert check().warnings == ()


def test_a_token_that_may_not_read_its_account_is_known(provider: ScriptedServer, check: Check) -> None:
    provider.on(MYSELF, Say({"message": "Unauthorized; scope does not match"}, 401))
    assert check("PAY").is_ok


def test_projects_that_are_not_visible(check: Check) -> None:
    report = check("PAY", "NOPE", "GONE")
    assert (report.is_ok, report.scopes_found) == (False, ("PAY",))
    assert "does not see NOPE, GONE" in report.problem


def test_an_unknown_host(check: Check) -> None:
    assert "nowhere.invalid is not known" in check(url="https://nowhere.invalid").problem


@pytest.mark.parametrize(
    ("given", "site"),
    [
        ("https://x.atlassian.net/", "https://x.atlassian.net"),
        ("https://x.atlassian.net/rest/api/3", "https://x.atlassian.net"),
        ("https://x.atlassian.net/browse/PAY-1", "https://x.atlassian.net"),
        ("https://x.atlassian.net/jira/software/projects/PAY/boards/1", "https://x.atlassian.net"),
        ("http://127.0.0.1:8000/jira", "http://127.0.0.1:8000/jira"),
    ],
)
def test_the_site_of_an_address_that_somebody_pasted(given: str, site: str) -> None:
    assert site_url(given) == site


def test_without_a_user_name_the_token_is_a_bearer(provider: ScriptedServer, check: Check) -> None:
    connection = Connection(provider.url, "", "secret-token")
    with Jira().http(connection, HttpOptions(headers={"X-Atlassian-Token": "no-check"})) as http:
        Jira().test(connection, http)
    assert provider.seen[0].headers["authorization"] == "Bearer secret-token"
    assert provider.seen[0].headers["x-atlassian-token"] == "no-check"
