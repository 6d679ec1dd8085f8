"""Is the development panel read if it may show something, and does none of its failures end the run?"""

import json
from typing import Any

import pytest

from apps.sources.errors import RateLimitedError, UnauthorizedError
from apps.sources.jira import Jira
from apps.sources.jira.definition import DEV_STATUS
from apps.sources.jira.extract import development
from tests.unit.sources.jira.samples import issue, record
from tests.unit.sources.memory import MemoryContext, pull
from tests.unit.sources.scripted import Say, ScriptedServer

SUMMARY = "/rest/dev-status/latest/issue/summary"
DETAIL = "/rest/dev-status/latest/issue/detail"
MYSELF = "/rest/api/3/myself"
FORGE = "oAuth-com.github.integration.production"
FIELD = "customfield_5"
HINT = '{pullrequest={dataType=pullrequest, state=MERGED, stateCount=2}, json={"cachedValue":{},"isStale":true}}'


def summary(**applications: int) -> Say:
    instances = {name.replace("forge", FORGE): {"count": n, "name": "GitHub"} for name, n in applications.items()}
    return Say({"errors": [], "summary": {"pullrequest": {"overall": {"count": 1}, "byInstanceType": instances}}})


def store(context: MemoryContext, *issues: dict[str, Any]) -> None:
    context.store([record("issue", each["id"], each, "PAY") for each in issues])


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
    assert ["development information of 1 issue is missing" in skip.reason for skip in pulled.skips] == [True]


def test_a_panel_that_fails_where_others_work_is_asked_for_again_later(
    provider: ScriptedServer, context: MemoryContext
) -> None:
    answers = {"1": iter([Say(b'{"summ')] * 5 + [summary()]), "2": iter([summary()])}
    provider.on(SUMMARY, lambda seen: next(answers[seen.query["issueId"]]))
    provider.on(MYSELF, Say({"accountId": "1"}))
    store(context, issue(1), issue(2))
    pulled = pull(Jira(), context, [DEV_STATUS])
    assert pulled.given == {"dev_status": 2}
    assert pulled.skips == []


@pytest.mark.parametrize("answer", [Say({}, 403), Say(b"<html>", 200, {"Content-Type": "text/html"}), Say([1])])
def test_a_panel_that_never_works_is_given_up_soon(
    provider: ScriptedServer, context: MemoryContext, answer: Say
) -> None:
    provider.on(SUMMARY, answer)
    provider.on(MYSELF, Say({"accountId": "1"}))
    store(context, *(issue(number) for number in range(1, 121)))
    pulled = pull(Jira(), context, [DEV_STATUS], threads=1)
    assert pulled.given == {}
    assert len({seen.query["issueId"] for seen in provider.calls(SUMMARY)}) == development.MAX_FIRST_FAILURES
    assert any("This account cannot read" in skip.reason for skip in pulled.skips)


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
    assert pulled.given == {"dev_status": 2}
    assert ["3 changed issues" in skip.reason for skip in pulled.skips] == [True]
