"""Is the development panel read if it may show something, and does none of its failures end the run?"""

import json
from typing import Any

import pytest

from apps.sources import refusals
from apps.sources.errors import RateLimitedError, UnauthorizedError
from apps.sources.jira import Jira
from apps.sources.jira.definition import DEV_STATUS
from apps.sources.jira.extract import development, paging
from apps.sources.jira.extract.args import PanelsArgs
from apps.sources.rows import PullRequestIssueLink
from tests.unit.sources.jira.samples import issue, record
from tests.unit.sources.memory import MemoryContext, ask_again, load, pull
from tests.unit.sources.scripted import Say, ScriptedServer, Seen

SUMMARY = "/rest/dev-status/latest/issue/summary"
DETAIL = "/rest/dev-status/latest/issue/detail"
MYSELF = "/rest/api/3/myself"
FORGE = "oAuth-com.github.integration.production"
FIELD = "customfield_5"
HINT = '{pullrequest={dataType=pullrequest, state=MERGED, stateCount=2}, json={"cachedValue":{},"isStale":true}}'


def summary(total: int = 1, **applications: int) -> Say:
    instances = {name.replace("forge", FORGE): {"count": n, "name": "GitHub"} for name, n in applications.items()}
    return Say(
        {
            "errors": [],
            "summary": {"pullrequest": {"overall": {"count": total if instances else 0}, "byInstanceType": instances}},
        }
    )


def store(context: MemoryContext, *issues: dict[str, Any]) -> None:
    context.store([record("issue", each["id"], each, "PAY") for each in issues])


def links(context: MemoryContext) -> list[str]:
    rows = load(Jira(), context).get("pull_request_issue_link", {}).values()
    return sorted(row.pull_request_url for row in rows if isinstance(row, PullRequestIssueLink))


def asked(provider: ScriptedServer) -> list[str]:
    return sorted(seen.query["issueId"] for seen in provider.calls(SUMMARY))


@pytest.mark.parametrize(
    ("fields", "is_asked"),
    [
        ({FIELD: "{}"}, False),
        ({FIELD: " {} "}, False),
        ({FIELD: ""}, False),
        ({FIELD: None}, False),
        ({FIELD: {}}, False),
        ({}, True),
        ({FIELD: HINT}, True),
        ({FIELD: {"a": 1}}, True),
    ],
)
def test_the_field_is_a_hint(
    provider: ScriptedServer, context: MemoryContext, fields: dict[str, Any], is_asked: bool
) -> None:
    provider.on(SUMMARY, summary())
    given = issue(1)
    given["fields"] |= fields
    store(context, given)
    pull(Jira(), context, [DEV_STATUS])
    assert asked(provider) == (["1"] if is_asked else [])


def test_only_issues_of_this_run(provider: ScriptedServer, context: MemoryContext) -> None:
    provider.on(SUMMARY, summary())
    store(context, issue(1))
    later = context.next_run({})
    store(later, issue(1), issue(2))
    pull(Jira(), later, [DEV_STATUS])
    assert asked(provider) == ["2"]


def test_a_panel_that_was_emptied_is_read_once_more(provider: ScriptedServer, context: MemoryContext) -> None:
    provider.on(SUMMARY, summary())
    context.store([record("dev_status", "1", {"summary": {}, "details": []}, "PAY")])
    store(context, *({**issue(n), "fields": {**issue(n)["fields"], FIELD: "{}"}} for n in (1, 2)))
    pull(Jira(), context, [DEV_STATUS])
    assert asked(provider) == ["1"]


def test_every_application_with_pull_requests_is_asked_for_them(
    provider: ScriptedServer, context: MemoryContext
) -> None:
    provider.on(SUMMARY, summary(GitHub=1, forge=1, bitbucket=0))
    provider.on(DETAIL, lambda seen: Say({"detail": [{"pullRequests": [{"url": seen.query["applicationType"]}]}]}))
    store(context, issue(1))
    pulled = pull(Jira(), context, [DEV_STATUS])
    stored = next(context.current("dev_status"))
    payload = json.loads(stored.payload)
    assert [each["detail"][0]["pullRequests"][0]["url"] for each in payload["details"]] == ["GitHub", FORGE]
    assert payload["summary"]["summary"]["pullrequest"]["overall"] == {"count": 1}
    assert (stored.scope, pulled.expected) == ("PAY", {"dev_status": 1})


def test_failures_are_reported_once_and_nothing_is_fatal(provider: ScriptedServer, context: MemoryContext) -> None:
    provider.on(SUMMARY, lambda seen: Say({"message": "no"}, 404) if seen.query["issueId"] == "1" else summary())
    provider.on(MYSELF, Say({"accountId": "1"}))
    store(context, issue(1), issue(2))
    pulled = pull(Jira(), context, [DEV_STATUS])
    assert pulled.given == {"dev_status": 1}
    assert ["panel of issue 1 is not complete" in skip.reason for skip in pulled.skips] == [True]
    provider.on(SUMMARY, summary())
    again = ask_again(Jira(), context, pulled, DEV_STATUS)
    assert (again.given, again.skips) == ({"dev_status": 1}, [])


@pytest.mark.parametrize("answer", [Say({}, 403), Say(b"<html>", 200, {"Content-Type": "text/html"}), Say([1])])
def test_a_panel_that_never_works_is_given_up_soon(
    provider: ScriptedServer, context: MemoryContext, answer: Say
) -> None:
    provider.on(SUMMARY, answer)
    provider.on(MYSELF, Say({"accountId": "1"}))
    store(context, *(issue(number) for number in range(1, 121)))
    pulled = pull(Jira(), context, [DEV_STATUS], threads=1)
    assert pulled.given == {}
    assert len(set(asked(provider))) == paging.MAX_FAILED_ITEMS * refusals.MAX_REFUSALS_IN_A_ROW
    missing = [issue for skip in pulled.skips if skip.again for issue, _ in skip.again.read(PanelsArgs).issues]
    assert len(missing) == 120


def test_a_token_that_is_refused_everywhere_is_fatal(provider: ScriptedServer, context: MemoryContext) -> None:
    provider.on(SUMMARY, Say({}, 401))
    provider.on(MYSELF, Say({}, 401))
    store(context, issue(1))
    with pytest.raises(UnauthorizedError):
        pull(Jira(), context, [DEV_STATUS])


def test_a_pause_is_obeyed(provider: ScriptedServer, context: MemoryContext) -> None:
    provider.on(SUMMARY, Say({}, 429, {"Retry-After": "300"}))
    store(context, issue(1))
    with pytest.raises(RateLimitedError):
        pull(Jira(), context, [DEV_STATUS])


def test_beyond_the_budget_is_reported(
    provider: ScriptedServer, context: MemoryContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(development, "MAX_PANELS", 2)
    provider.on(SUMMARY, summary())
    store(context, *(issue(number) for number in range(1, 6)))
    pulled = pull(Jira(), context, [DEV_STATUS])
    for left in ("3 issues", "1 issue"):
        assert pulled.given == {"dev_status": 2}
        assert [f"those of {left} are left" in skip.reason for skip in pulled.skips] == [True]
        pulled = ask_again(Jira(), context, pulled, DEV_STATUS)
    assert (pulled.given, pulled.skips) == ({"dev_status": 1}, [])
    assert asked(provider) == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    "fault",
    [
        *(Say({"message": "no"}, status) for status in (400, 403, 404, 409, 410, 422, 500)),
        Say({"message": "Unauthorized; scope does not match"}, 401),
        Say(b"<html>", 502, {"Content-Type": "text/html"}),
        Say({}),
        Say({"detail": []}),
        Say({"detail": None}),
        Say({"detail": [{"pullRequests": None}]}),
    ],
    ids=lambda say: f"{say.status} {say.body}",
)
def test_what_one_application_does_not_give_stays_and_is_told(
    provider: ScriptedServer, context: MemoryContext, fault: Say
) -> None:
    url = {"GitHub": "https://x.org/1", FORGE: "https://x.org/2"}

    def detail(seen: Seen) -> Say:
        return Say({"detail": [{"pullRequests": [{"url": url[seen.query["applicationType"]], "name": "new"}]}]})

    provider.on(SUMMARY, summary(2, GitHub=1, forge=1))
    provider.on(DETAIL, detail)
    store(context, issue(1))
    pull(Jira(), context, [DEV_STATUS])
    whole = context.find("dev_status", "1")
    provider.on(DETAIL, lambda seen: fault if seen.query["applicationType"] == "GitHub" else detail(seen))
    for _ in range(2):
        pulled = pull(Jira(), context, [DEV_STATUS])
        assert links(context) == sorted(url.values()), "a hole overwrites nothing, and nothing grows"
        assert ["panel of issue 1 is not complete" in skip.reason for skip in pulled.skips] == [True]
    assert len(context.find("dev_status", "1").payload) < 2 * len(whole.payload)  # type: ignore[union-attr]
    provider.on(DETAIL, detail)
    assert ask_again(Jira(), context, pulled, DEV_STATUS).skips == []
    assert context.find("dev_status", "1") == whole


def test_fewer_pull_requests_than_the_applications_report_are_told(
    provider: ScriptedServer, context: MemoryContext
) -> None:
    provider.on(SUMMARY, summary(5, GitHub=1))
    provider.on(DETAIL, Say({"detail": [{"pullRequests": [{"url": "https://x.org/1"}]}]}))
    store(context, issue(1))
    pulled = pull(Jira(), context, [DEV_STATUS])
    assert links(context) == ["https://x.org/1"]
    assert ["announced 5 pull requests and sent 1" in skip.reason for skip in pulled.skips] == [True]


def test_of_two_reports_of_a_pull_request_the_one_with_a_name_counts(context: MemoryContext) -> None:
    address = {"url": "https://github.test/acme/api/pull/7"}
    for first, second in (({}, {"name": "Fix"}), ({"name": "Fix"}, {}), ({"name": None}, {"name": "Fix"})):
        pulls = [{**address, **first}, {**address, **second}]
        panel = record("dev_status", "1", {"details": [{"detail": [{"pullRequests": pulls}]}]})
        (row,) = Jira().transform(panel, context).rows
        assert isinstance(row, PullRequestIssueLink)
        assert row.excerpt == "Fix"
