"""Does a changelog only grow, whatever an answer leaves out, and is every history found that some call gives?"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from apps.sources.base import Slice
from apps.sources.jira import Jira
from apps.sources.jira.definition import ISSUES
from apps.sources.jira.extract import changelogs
from tests.unit.sources.jira.samples import history, issue, record
from tests.unit.sources.memory import MemoryContext, ask_again, pull
from tests.unit.sources.scripted import Say, ScriptedServer, Seen

BULK = "/rest/api/3/changelog/bulkfetch"
EARLY, LATE = "2026-01-10T00:00:00+00:00", "2026-02-01T15:00:00+00:00"  # the issues changed at LATE
HISTORIES = {number: [history(number * 10, created=EARLY), history(number * 10 + 1, created=LATE)] for number in (1, 2)}


class Site:
    """A Jira with two issues. ``bulk`` changes what the bulk call says; the call of one issue works if ``is_alive``."""

    def __init__(self, server: ScriptedServer) -> None:
        self.histories = {number: list(entries) for number, entries in HISTORIES.items()}
        self.bulk: Callable[[dict[str, Any]], Say] = Say
        self.is_alive = True
        server.on("/rest/api/3/search/jql", Say({"issues": [{"id": "1"}, {"id": "2"}]}))
        server.on("/rest/api/3/issue/bulkfetch", self.issues)
        server.on(BULK, self.changelogs)
        for number in self.histories:
            server.on(f"/rest/api/3/issue/{number}/changelog", self.one)
            server.on(f"/rest/api/3/issue/{number}", self.issue)

    def issues(self, seen: Seen) -> Say:
        return Say({"issues": [issue(int(name)) for name in seen.json()["issueIdsOrKeys"]]})

    def issue(self, seen: Seen) -> Say:
        return Say(issue(int(seen.path.rpartition("/")[2])))

    def changelogs(self, seen: Seen) -> Say:
        asked = {int(name) for name in seen.json()["issueIdsOrKeys"]}
        logs = [
            {"issueId": str(name), "changeHistories": list(entries)}
            for name, entries in self.histories.items()
            if name in asked
        ]
        return self.bulk({"issueChangeLogs": logs, "token": seen.json().get("nextPageToken")})

    def one(self, seen: Seen) -> Say:
        entries = self.histories[int(seen.path.split("/")[-2])]
        if not self.is_alive:
            return Say({"errorMessages": ["No."]}, 403)
        start = int(seen.query["startAt"])
        shown = entries[start : start + 1]
        return Say({"values": shown, "total": len(entries), "isLast": start + 1 >= len(entries)})


def without(number: str) -> Callable[[dict[str, Any]], Say]:
    def answer(body: dict[str, Any]) -> Say:
        return Say({"issueChangeLogs": [log for log in body["issueChangeLogs"] if log["issueId"] != number]})

    return answer


def half(body: dict[str, Any]) -> Say:
    logs = [{**log, "changeHistories": log["changeHistories"][:1]} for log in body["issueChangeLogs"]]
    return Say({"issueChangeLogs": logs})


def refused_page(body: dict[str, Any]) -> Say:
    if body["token"]:
        return Say({"errorMessages": ["The cursor is invalid."]}, 400)
    return Say({**json.loads(json.dumps(half(body).body)), "nextPageToken": "t"})


HOLES: dict[str, Callable[[dict[str, Any]], Say]] = {
    "an issue is missing": without("1"),
    "half of each list": half,
    "nothing": lambda body: Say({"issueChangeLogs": []}),
    "an empty object": lambda body: Say({}),
    "an empty list": lambda body: Say([]),
    "a refused page": refused_page,
    **{
        str(status): lambda body, status=status: Say({"message": "a scope is missing"}, status)  # type: ignore[misc]
        for status in (400, 401, 403, 404, 409, 410, 422, 500)
    },
    "html": lambda body: Say(b"<html>", 502, {"Content-Type": "text/html"}),
    "one issue is refused": lambda body: (
        Say({}, 403) if any(log["issueId"] == "1" for log in body["issueChangeLogs"]) else Say(body)
    ),
}


@pytest.fixture
def site(provider: ScriptedServer) -> Site:
    return Site(provider)


@pytest.fixture
def pay(context: MemoryContext) -> MemoryContext:
    context.store([record("project", "100", {"id": "100", "key": "PAY"}, "PAY")])
    return context


def stored(context: MemoryContext) -> dict[str, list[str]]:
    return {
        found.external_id: sorted(str(entry["id"]) for entry in json.loads(found.payload))
        for found in context.current("issue_changelog")
    }


WHOLE = {"1": ["10", "11"], "2": ["20", "21"]}


@pytest.mark.parametrize("is_loaded", [False, True])
@pytest.mark.parametrize("hole", HOLES)
def test_the_call_of_one_issue_gives_what_the_bulk_call_leaves_out(
    site: Site, pay: MemoryContext, hole: str, is_loaded: bool
) -> None:
    if is_loaded:
        pull(Jira(), pay, [ISSUES])
    site.bulk = HOLES[hole]
    pulled = pull(Jira(), pay, [ISSUES])
    assert (stored(pay), pulled.skips) == (WHOLE, [])


@pytest.mark.parametrize("hole", HOLES)
def test_what_no_call_gives_stays_and_is_asked_for_again(site: Site, pay: MemoryContext, hole: str) -> None:
    pull(Jira(), pay, [ISSUES])
    for number in (1, 2):
        site.histories[number].append(history(number * 10 + 2, created=LATE))
    site.bulk, site.is_alive = HOLES[hole], False
    pulled = pull(Jira(), pay, [ISSUES])
    assert all(set(WHOLE[name]) <= set(entries) for name, entries in stored(pay).items()), "a hole overwrites nothing"
    again = {name for skip in pulled.skips if skip.again for name in skip.again.args["ids"]}  # type: ignore[attr-defined]
    missing = {name for name, entries in stored(pay).items() if len(entries) < 3}
    assert missing
    assert missing <= again, "what is missing is named, and remembered"
    site.bulk, site.is_alive = Say, True
    assert ask_again(Jira(), pay, pulled, ISSUES).skips == []
    assert {name: len(entries) for name, entries in stored(pay).items()} == {"1": 3, "2": 3}


def test_doubts_that_were_not_right_cost_few_requests(
    provider: ScriptedServer, site: Site, pay: MemoryContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changelogs, "MAX_NEEDLESS", 1)
    site.histories = {number: [history(number * 10, created=EARLY)] for number in (1, 2)}
    assert pull(Jira(), pay, [ISSUES]).skips == []
    assert len([seen for seen in provider.seen if seen.path.endswith("/changelog")]) == 1


def test_the_slice_is_the_whole_issue(site: Site, pay: MemoryContext) -> None:
    site.bulk, site.is_alive = without("1"), False
    skips = pull(Jira(), pay, [ISSUES]).skips
    assert [skip.again for skip in skips] == [Slice("found_issues", {"ids": ["1"], "keys": []})]
