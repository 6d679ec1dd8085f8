"""Are all comments of an issue read, and does a hole in their list overwrite nothing?"""

import json
from typing import Any

import pytest

from apps.sources.base import Slice
from apps.sources.jira import Jira
from apps.sources.jira.client import EMBEDDED_COMMENTS
from apps.sources.jira.definition import ISSUES
from tests.unit.sources.jira.samples import comment, history, issue, record
from tests.unit.sources.memory import MemoryContext, ask_again, load, pull
from tests.unit.sources.scripted import Say, ScriptedServer, Seen

LIST = "/rest/api/3/issue/1/comment"
PAGE = 10


class Site:
    """A Jira with one issue that contains at most 20 of its comments. ``fault`` replaces later pages of their list."""

    def __init__(self, server: ScriptedServer) -> None:
        self.comments = [comment(number) for number in range(1, 31)]
        self.embedded_total: int | None = None
        self.first_fault = self.fault = None
        server.on("/rest/api/3/search/jql", Say({"issues": [{"id": "1"}]}))
        server.on("/rest/api/3/issue/bulkfetch", self.bulk)
        server.on("/rest/api/3/changelog/bulkfetch", Say({"issueChangeLogs": [
            {"issueId": "1", "changeHistories": [history(1)]}]}))  # fmt: skip
        server.on(LIST, self.page)

    first_fault: Any
    fault: Any

    def bulk(self, seen: Seen) -> Say:
        total = len(self.comments) if self.embedded_total is None else self.embedded_total
        shown = self.comments[:EMBEDDED_COMMENTS]
        return Say({"issues": [issue(1, comment={"comments": shown, "total": total, "maxResults": len(shown)})]})

    def page(self, seen: Seen) -> Say:
        start = int(seen.query["startAt"])
        body = {"comments": self.comments[start : start + PAGE], "total": len(self.comments), "maxResults": PAGE}
        fault = self.fault if start else self.first_fault
        return fault(body) if fault else Say(body)


FAULTS: dict[str, Any] = {
    **{
        str(status): lambda body, status=status: Say({"message": "a scope is missing"}, status)
        for status in (400, 401, 403, 404, 409, 410, 422, 500)
    },
    "html": lambda body: Say(b"<html>", 502, {"Content-Type": "text/html"}),
    "an empty object": lambda body: Say({}),
    "an empty list": lambda body: Say([]),
    "no comment": lambda body: Say({**body, "comments": []}),
    "nothing": lambda body: Say({"comments": [], "total": 0, "maxResults": PAGE}),
    "one is missing": lambda body: Say({**body, "comments": body["comments"][1:]}),
    "a total that is too high": lambda body: Say({**body, "total": 99}),
}


@pytest.fixture
def site(provider: ScriptedServer) -> Site:
    return Site(provider)


@pytest.fixture
def pay(context: MemoryContext) -> MemoryContext:
    context.store([record("project", "100", {"id": "100", "key": "PAY"}, "PAY")])
    return context


def loaded(context: MemoryContext) -> set[int]:
    return {int(name) for name in load(Jira(), context).get("issue_comment", {})}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("is_first", [True, False], ids=["first page", "later page"])
def test_a_hole_in_the_list_keeps_what_is_stored_and_is_asked_for_again(
    site: Site, pay: MemoryContext, fault: str, is_first: bool
) -> None:
    pull(Jira(), pay, [ISSUES])
    assert loaded(pay) == set(range(1, 31))
    site.comments.append(comment(31))
    site.first_fault, site.fault = (FAULTS[fault], None) if is_first else (None, FAULTS[fault])
    pulled = pull(Jira(), pay, [ISSUES])
    assert set(range(1, 31)) <= loaded(pay)
    again = Slice("found_issues", {"ids": ["1"], "keys": []})
    assert [(skip.again, skip.is_missing) for skip in pulled.skips] == [(again, True)]
    assert "omments of" in pulled.skips[0].reason
    assert "PAY-1" in pulled.skips[0].reason
    site.first_fault = site.fault = None
    assert ask_again(Jira(), pay, pulled, ISSUES).skips == []
    assert loaded(pay) == set(range(1, 32))


@pytest.mark.parametrize("fault", FAULTS)
def test_what_a_first_load_gets_is_stored(site: Site, pay: MemoryContext, fault: str) -> None:
    site.fault = FAULTS[fault]
    pulled = pull(Jira(), pay, [ISSUES])
    assert loaded(pay) >= set(range(1, EMBEDDED_COMMENTS + 1))
    assert len(pulled.skips) == 1
    site.fault = None
    ask_again(Jira(), pay, pulled, ISSUES)
    assert loaded(pay) == set(range(1, 31))


@pytest.mark.parametrize("total", [0, 10, EMBEDDED_COMMENTS, 29])
def test_a_total_that_is_too_low_ends_no_list(site: Site, pay: MemoryContext, total: int) -> None:
    site.embedded_total = total
    site.first_fault = site.fault = lambda body: Say({**body, "total": total})
    assert pull(Jira(), pay, [ISSUES]).skips == []
    assert loaded(pay) == set(range(1, 31))


def test_a_deleted_comment_is_gone(site: Site, pay: MemoryContext) -> None:
    pull(Jira(), pay, [ISSUES])
    del site.comments[4]
    pull(Jira(), pay, [ISSUES])
    assert loaded(pay) == set(range(1, 31)) - {5}
    assert len(json.loads(next(pay.current("issue_comments")).payload)) == 29
