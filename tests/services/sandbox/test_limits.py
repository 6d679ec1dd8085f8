"""Does the sandbox have the same limits, refusals and headers as the providers?"""

from typing import Any

import pytest
import requests

from .conftest import GITHUB_HEADERS, Sandbox

SEARCH = "/rest/api/3/search/jql"


@pytest.mark.parametrize("version", ["2", "3"])
def test_the_old_search_is_gone(sandbox: Sandbox, version: str) -> None:
    reply = sandbox.jira(f"/rest/api/{version}/search", jql="project = PAY")
    assert reply.status_code == 410
    assert "Please migrate to the /rest/api/3/search/jql API" in reply.json()["errorMessages"][0]


def test_search_gives_ids_by_default_and_clamps_pages_silently(sandbox: Sandbox) -> None:
    ids = sandbox.jira(SEARCH, jql="project in (PAY, CHK, IDN, K8S, MOB)", maxResults=9999).json()
    assert set(ids["issues"][0]) == {"id"}
    assert len(ids["issues"]) > 100
    assert "nextPageToken" not in ids
    full = sandbox.jira(SEARCH, jql="project in (PAY, CHK, IDN, K8S, MOB)", maxResults=9999, fields="summary").json()
    assert len(full["issues"]) == 100
    assert not full["isLast"]


def test_a_token_is_bound_to_its_query(sandbox: Sandbox) -> None:
    body = {"jql": "project = PAY", "maxResults": 5}
    token = sandbox.jira(SEARCH, json=body).json()["nextPageToken"]
    assert sandbox.jira(SEARCH, json=body | {"nextPageToken": token}).status_code == 200
    assert sandbox.jira(SEARCH, json={"jql": "project = CHK", "nextPageToken": token}).status_code == 400
    assert sandbox.jira(SEARCH, json=body | {"nextPageToken": "invented"}).status_code == 400


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (SEARCH, {"jql": "ORDER BY id"}),
        (SEARCH, {"jql": "project = PAY", "expand": ["changelog"]}),
        ("/rest/api/3/issue/bulkfetch", {"issueIdsOrKeys": [str(n) for n in range(101)]}),
        ("/rest/api/3/changelog/bulkfetch", {"issueIdsOrKeys": [str(n) for n in range(1001)]}),
        ("/rest/api/3/changelog/bulkfetch", {"issueIdsOrKeys": ["1"], "fieldIds": ["status"] * 11}),
        ("/rest/api/3/changelog/bulkfetch", {"issueIdsOrKeys": ["1"], "maxResults": 10_001}),
    ],
)
def test_what_jira_refuses_is_refused_with_an_error_collection(sandbox: Sandbox, path: str, body: Any) -> None:
    reply = sandbox.jira(path, json=body)
    assert reply.status_code == 400
    assert reply.json()["errorMessages"]


def test_bulk_fetch_omits_unknown_issues_and_a_single_fetch_returns_404(sandbox: Sandbox) -> None:
    reply = sandbox.jira("/rest/api/3/issue/bulkfetch", json={"issueIdsOrKeys": ["PAY-1", "PAY-999999"]}).json()
    assert ([each["key"] for each in reply["issues"]], reply["issueErrors"]) == (["PAY-1"], [])
    assert sandbox.jira("/rest/api/3/issue/PAY-999999").status_code == 404


def test_changelog_bulkfetch_filters_by_field(sandbox: Sandbox) -> None:
    ids = [i["id"] for i in sandbox.jira(SEARCH, jql="project = PAY", maxResults=50).json()["issues"]]
    body = {"issueIdsOrKeys": ids, "fieldIds": ["resolution"]}
    logs = sandbox.jira("/rest/api/3/changelog/bulkfetch", json=body).json()["issueChangeLogs"]
    histories = [h for log in logs for h in log["changeHistories"]]
    assert histories
    assert all("resolution" in [i.get("fieldId") for i in h["items"]] for h in histories)


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic !!", "Basic YTpi"])
def test_wrong_credentials_get_the_providers_401(sandbox: Sandbox, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    jira = requests.get(f"{sandbox.base}/jira/rest/api/3/myself", headers=headers, timeout=10)
    github = requests.get(f"{sandbox.base}/github/user", headers=headers, timeout=10)
    assert (jira.status_code, github.status_code) == (401, 401)
    assert jira.json()["message"] == "Client must be authenticated to access this resource."
    assert github.json()["message"] == ("Bad credentials" if authorization else "Requires authentication")


def test_a_token_without_scopes_sees_nothing(sandbox: Sandbox) -> None:
    headers = {"Authorization": "Bearer sandbox-noscope"}

    def get(path: str) -> requests.Response:
        return requests.get(sandbox.base + path, headers=headers, timeout=10)

    assert get("/jira/rest/api/3/project/search").json()["values"] == []
    assert get("/jira/rest/api/3/issue/PAY-1").status_code == 404
    assert get("/jira/rest/api/3/search/jql?jql=project%3DPAY").status_code == 400
    assert get("/github/user").headers["X-OAuth-Scopes"] == ""
    assert get("/github/repos/meridian-labs/payments-api").status_code == 403
    query = {"query": '{ viewer { login } repository(owner: "meridian-labs", name: "payments-api") { id } }'}
    answer = requests.post(f"{sandbox.base}/github/graphql", json=query, headers=headers, timeout=10).json()
    assert answer["data"]["viewer"]
    assert answer["data"]["repository"] is None
    assert answer["errors"][0]["type"] == "FORBIDDEN"


@pytest.mark.parametrize(
    ("selection", "kind"),
    [
        ("viewer { repositories { totalCount } }", "MISSING_PAGINATION_BOUNDARIES"),
        ("viewer { repositories(first: 101) { totalCount } }", "EXCESSIVE_PAGINATION"),
        ('organization(login: "meridian-labs") { repositories(first: 100) { nodes { pullRequests(first: 100) { nodes '
         "{ commits(first: 100) { totalCount } } } } } }", "MAX_NODE_LIMIT_EXCEEDED"),
        ('repository(owner: "meridian-labs", name: "nothing") { id }', "NOT_FOUND"),
        ('viewer { repositories(first: 5, after: "junk") { totalCount } }', "INVALID_CURSOR_ARGUMENTS"),
    ],
)  # fmt: skip
def test_graphql_refuses_what_the_schema_alone_would_allow(sandbox: Sandbox, selection: str, kind: str) -> None:
    assert sandbox.graphql(f"{{ {selection} }}")["errors"][0]["type"] == kind


def test_graphql_points_run_out(fresh_sandbox: Sandbox) -> None:
    inner = "commits(first: 1) { totalCount }"
    query = ('{ rateLimit { cost remaining } organization(login: "meridian-labs") { repositories(first: 100) { nodes '
             f"{{ pullRequests(first: 100) {{ nodes {{ id {inner} }} }} }} }} }} }}")  # fmt: skip
    answers = [fresh_sandbox.graphql(query) for _ in range(51)]
    assert answers[0]["data"]["rateLimit"]["cost"] == 101
    assert answers[-1]["errors"][0]["type"] == "RATE_LIMITED"
    fresh_sandbox.control("reset-stats", json={})
    assert "errors" not in fresh_sandbox.graphql(query)


def test_each_token_has_its_own_quota_expiry_and_revocation(fresh_sandbox: Sandbox) -> None:
    def get(token: str, path: str = "/orgs/meridian-labs/repos") -> requests.Response:
        return requests.get(
            f"{fresh_sandbox.base}/github{path}", headers={"Authorization": f"Bearer {token}"}, timeout=10
        )

    one, two = "sandbox-token", "sandbox-token-2"
    fresh_sandbox.control("tokens", json={"token": one, "remaining": 1, "expires_at": "2099-01-31T10:00:00Z"})
    good, refused = get(one), get(one)
    assert (good.status_code, good.headers["X-RateLimit-Remaining"]) == (200, "0")
    assert good.headers["GitHub-Authentication-Token-Expiration"] == "2099-01-31 10:00:00 UTC"
    assert (refused.status_code, refused.headers["X-RateLimit-Remaining"]) == (403, "0")
    assert "rate limit exceeded" in refused.json()["message"]
    assert get(one, "/rate_limit").status_code == 200
    assert get(two).headers["X-RateLimit-Remaining"] == "4999"
    fresh_sandbox.control("tokens", json={"token": two, "revoked": True})
    assert get(two).status_code == 401
    assert "Known are" in fresh_sandbox.control("tokens", json={"token": "x"})["error"]
    assert "cannot be changed" in fresh_sandbox.control("tokens", json={"tokn": "x"})["error"]
    fresh_sandbox.control("reset-stats", json={})
    assert (get(one).status_code, get(two).status_code) == (200, 200)
    assert fresh_sandbox.control("tokens")[one]["served"] == 1


def test_rest_pages_link_by_id_and_answer_304_for_a_known_etag(sandbox: Sandbox) -> None:
    first = sandbox.github("/repos/meridian-labs/payments-api/pulls", state="all", per_page=5)
    assert f"{sandbox.base}/github/repositories/" in first.links["next"]["url"]
    assert "state=all" in first.links["next"]["url"]
    organisation = sandbox.github("/orgs/meridian-labs/repos", per_page=2)
    assert "/organizations/" in organisation.links["next"]["url"]
    headers = GITHUB_HEADERS | {"If-None-Match": first.headers["ETag"]}
    again = sandbox.session.get(first.url, headers=headers, timeout=10)
    assert (again.status_code, again.content) == (304, b"")


def test_a_renamed_repository_redirects_and_an_empty_one_conflicts(sandbox: Sandbox) -> None:
    url = f"{sandbox.base}/github/repos/meridian-labs/checkout-frontend/pulls?state=all"
    reply = sandbox.session.get(url, headers=GITHUB_HEADERS, allow_redirects=False, timeout=10)
    assert reply.status_code == 301
    assert reply.headers["Location"].startswith(f"{sandbox.base}/github/repositories/")
    assert reply.headers["Location"].endswith("/pulls?state=all")
    empty = sandbox.github("/repos/meridian-labs/incubator/commits")
    assert (empty.status_code, empty.json()["message"]) == (409, "Git Repository is empty.")


def test_rest_gives_250_commits_of_a_pull_request_that_has_more(sandbox: Sandbox) -> None:
    for name in sandbox.repositories():
        for pull in sandbox.every(f"/repos/{name}/pulls", state="all"):
            detail = sandbox.github(f"/repos/{name}/pulls/{pull['number']}").json()
            if detail["commits"] > 250:
                assert len(sandbox.every(f"/repos/{name}/pulls/{pull['number']}/commits")) == 250
                return
    pytest.fail("no pull request has more than 250 commits")


def test_the_newer_api_version_drops_fields_and_an_unknown_one_is_refused(sandbox: Sandbox) -> None:
    url = f"{sandbox.base}/github/repos/meridian-labs/payments-api/pulls?state=all&per_page=1"

    def get(version: str) -> requests.Response:
        headers = GITHUB_HEADERS | {"X-GitHub-Api-Version": version}
        return sandbox.session.get(url, headers=headers, timeout=10)

    assert "merge_commit_sha" in get("2022-11-28").json()[0]
    assert "merge_commit_sha" not in get("2026-03-10").json()[0]
    assert get("1999-01-01").status_code == 400
