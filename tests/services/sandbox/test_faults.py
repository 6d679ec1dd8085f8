"""Does every scripted fault happen as described, and the given number of times?"""

import subprocess
import sys
import time
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from tests import processes

from .conftest import Sandbox

MYSELF = "/rest/api/3/myself"
SEARCH = {"jql": "project = PAY ORDER BY id", "fields": ["summary", "created", "status"], "maxResults": 10}
PULLS = '{ repository(owner: "meridian-labs", name: "payments-api") { pullRequests(first: 3) { pageInfo { endCursor hasNextPage } nodes { number body createdAt } } } }'  # noqa: E501


def script(sandbox: Sandbox, match: str, action: dict[str, Any], **more: Any) -> None:
    """Replace all rules with one rule."""
    sandbox.control("faults", json=[{"match": match, "action": action, **more}])


@pytest.fixture(autouse=True)
def no_faults_left(sandbox: Sandbox) -> Any:
    """End all faults after each test."""
    yield
    sandbox.control("faults", json=[])


def test_skip_and_times_count_the_requests_that_match(sandbox: Sandbox) -> None:
    script(sandbox, "GET /myself$", {"type": "status", "status": 500}, skip=1, times=2)
    assert [sandbox.jira(MYSELF).status_code for _ in range(5)] == [200, 500, 500, 200, 200]
    assert sandbox.control("faults")[0]["seen"] == 5


def test_429_carries_retry_after_in_seconds_or_as_a_date(sandbox: Sandbox) -> None:
    script(sandbox, "* /myself", {"type": "status", "status": 429, "retry_after": 3})
    reply = sandbox.jira(MYSELF)
    assert (reply.status_code, reply.headers["Retry-After"], reply.headers["RateLimit-Reason"]) == (
        429,
        "3",
        "jira-burst-based",
    )
    script(sandbox, "* /myself", {"type": "status", "status": 429, "retry_after": 3, "retry_after_date": True})
    assert abs(parsedate_to_datetime(sandbox.jira(MYSELF).headers["Retry-After"]).timestamp() - time.time() - 3) < 2


def test_statuses_have_the_words_of_their_provider(sandbox: Sandbox) -> None:
    script(sandbox, "GET /user$", {"type": "status", "status": 403, "secondary": True})
    assert "secondary rate limit" in sandbox.github("/user").json()["message"]
    script(sandbox, "GET /user$", {"type": "status", "status": 502})
    reply = sandbox.github("/user")
    assert reply.headers["Content-Type"].startswith("text/html")
    script(sandbox, "GET .", {"type": "status", "status": 418, "body": {"tea": 1}, "headers": {"X-Pot": "2"}})
    reply = sandbox.jira(MYSELF)
    assert (reply.status_code, reply.json(), reply.headers["X-Pot"]) == (418, {"tea": 1}, "2")


def test_a_reset_breaks_the_connection_in_the_middle(sandbox: Sandbox) -> None:
    script(sandbox, "GET /field$", {"type": "reset"}, times=1)
    with pytest.raises(requests.RequestException):
        requests.get(f"{sandbox.base}/jira/rest/api/3/field", auth=("x", "sandbox-token"), timeout=10)
    assert sandbox.jira("/rest/api/3/field").status_code == 200


def test_truncated_json_comes_with_status_200(sandbox: Sandbox) -> None:
    script(sandbox, "GET /field$", {"type": "truncate"}, times=1)
    reply = sandbox.jira("/rest/api/3/field")
    assert reply.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        reply.json()


def test_a_delay_delays(sandbox: Sandbox) -> None:
    script(sandbox, "GET /myself", {"type": "delay", "ms": 300}, times=1)
    begin = time.monotonic()
    assert sandbox.jira(MYSELF).status_code == 200
    assert time.monotonic() - begin >= 0.3


def test_a_repeated_token_leads_to_the_same_page(sandbox: Sandbox) -> None:
    token = sandbox.jira("/rest/api/3/search/jql", json=SEARCH).json()["nextPageToken"]
    script(sandbox, "POST /search/jql", {"type": "repeat_token"})
    page = sandbox.jira("/rest/api/3/search/jql", json=SEARCH | {"nextPageToken": token}).json()
    assert page["nextPageToken"] == token
    script(sandbox, "POST /graphql", {"type": "repeat_token"})
    info = sandbox.graphql(PULLS)["data"]["repository"]["pullRequests"]["pageInfo"]
    assert info["hasNextPage"]


def test_an_empty_page_still_has_a_token(sandbox: Sandbox) -> None:
    script(sandbox, "POST /search/jql", {"type": "empty_page"})
    page = sandbox.jira("/rest/api/3/search/jql", json=SEARCH).json()
    assert page["issues"] == []
    assert page["nextPageToken"]
    assert page["isLast"] is False


def test_graphql_errors_come_with_null_or_partial_data(sandbox: Sandbox) -> None:
    script(sandbox, "POST /graphql", {"type": "graphql_errors"})
    answer = sandbox.graphql(PULLS)
    assert answer["data"] is None
    assert "Something went wrong" in answer["errors"][0]["message"]
    script(sandbox, "POST /graphql", {"type": "graphql_errors", "partial": True, "message": "half"})
    answer = sandbox.graphql(PULLS)
    assert answer["data"]["repository"]
    assert answer["errors"][0]["message"] == "half"


def test_one_record_grows_and_the_others_stay(sandbox: Sandbox) -> None:
    key = sandbox.jira("/rest/api/3/search/jql", json=SEARCH | {"fields": ["key"]}).json()["issues"][2]["key"]
    body = {"issueIdsOrKeys": [key, "CHK-1"], "fields": ["description"]}
    script(sandbox, "POST /bulkfetch", {"type": "inflate", "bytes": 3_000_000, "record": key})
    reply = sandbox.jira("/rest/api/3/issue/bulkfetch", json=body)
    sizes = {i["key"]: len(str(i)) for i in reply.json()["issues"]}
    assert sizes[key] > 3_000_000 > 20_000 > sizes["CHK-1"]


def test_one_record_gets_values_of_wrong_types(sandbox: Sandbox) -> None:
    script(sandbox, "POST /search/jql", {"type": "corrupt"})
    issues = sandbox.jira("/rest/api/3/search/jql", json=SEARCH).json()["issues"]
    assert isinstance(issues[0]["fields"]["created"], list)
    assert isinstance(issues[1]["fields"]["created"], str)
    script(sandbox, "POST /graphql", {"type": "corrupt", "record": "2"})
    pulls = sandbox.graphql(PULLS)["data"]["repository"]["pullRequests"]["nodes"]
    assert [isinstance(p["createdAt"], str) for p in pulls] == [True, False, True]


def test_the_command_refuses_a_bad_fault_file(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    path.write_text('[{"match": "nonsense", "action": {"type": "reset"}}]')
    command = [sys.executable, "manage.py", "sandbox", "--issues", "20", "--prs", "20", "--faults", str(path)]
    done = subprocess.run(command, cwd=processes.ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "Rule 0: match must be" in done.stderr
