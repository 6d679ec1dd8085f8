"""Are all issues, histories and comments fetched once, for all kinds of Jira's pages?"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from apps.sources.base import Slice
from apps.sources.errors import UnauthorizedError
from apps.sources.jira import Jira
from apps.sources.jira.definition import ISSUES
from apps.sources.jira.extract.issues import list_slice, query
from tests.unit.sources.jira.conftest import MakeContext
from tests.unit.sources.jira.samples import comment, history, issue, record
from tests.unit.sources.memory import MemoryContext, Pulled, ask_again, pull
from tests.unit.sources.scripted import Say, ScriptedServer, Seen

SEARCH = "/rest/api/3/search/jql"
BULK = "/rest/api/3/issue/bulkfetch"
CHANGES = "/rest/api/3/changelog/bulkfetch"
PAY = record("project", "100", {"id": "100", "key": "PAY"})
CHK = record("project", "101", {"id": "101", "key": "CHK"})


def ids(*numbers: int, token: str | None = None, last: bool | None = None) -> Say:
    page: dict[str, Any] = {"issues": [{"id": str(number)} for number in numbers]}
    page |= {"nextPageToken": token} if token else {}
    page |= {"isLast": last} if last is not None else {}
    return Say(page)


def bulk(fails: Callable[[list[str]], bool] = lambda asked: False, gone: tuple[str, ...] = ()) -> Callable[[Seen], Say]:
    """A bulk fetch that knows every issue except ``gone`` ones, and fails as ``fails`` says."""

    def answer(seen: Seen) -> Say:
        asked = seen.json()["issueIdsOrKeys"]
        assert len(asked) <= 100
        if fails(asked):
            return Say(b"<html>Bad Gateway</html>", 502, {"Content-Type": "text/html"})
        return Say({"issues": [issue(int(i)) for i in asked if i not in gone], "issueErrors": []})

    return answer


def changes(seen: Seen) -> Say:
    logs = [{"issueId": i, "changeHistories": [history(int(i) * 10)]} for i in seen.json()["issueIdsOrKeys"]]
    return Say({"issueChangeLogs": logs, "nextPageToken": None})


@pytest.fixture
def jira(provider: ScriptedServer) -> ScriptedServer:
    """A Jira whose bulk calls work."""
    provider.on(BULK, bulk())
    provider.on(CHANGES, changes)
    return provider


@pytest.fixture
def pay(context: MemoryContext) -> MemoryContext:
    context.store([PAY])
    return context


def stored(context: MemoryContext, entity: str) -> list[str]:
    return sorted(record.external_id for record in context.current(entity))


def test_pages_of_ids_up_to_the_last_whatever_their_length(jira: ScriptedServer, pay: MemoryContext) -> None:
    jira.on(SEARCH, ids(1, 2, token="b"), ids(3, token="c"), ids(4, 5, last=True, token="ignored"))
    pulled = pull(Jira(), pay, [ISSUES])
    assert stored(pay, "issue") == stored(pay, "issue_changelog") == ["1", "2", "3", "4", "5"]
    assert pulled.expected == {"issue": 5, "issue_changelog": 5}
    asked = [seen.json() for seen in jira.calls(SEARCH)]
    assert [body.get("nextPageToken") for body in asked] == [None, "b", "c"]
    assert {(body["jql"], body["maxResults"], *body["fields"]) for body in asked} == {
        ('project in ("PAY") ORDER BY updated ASC, id ASC', 5000, "id")
    }


def test_many_ids_are_cut_into_slices_and_batches(jira: ScriptedServer, pay: MemoryContext) -> None:
    jira.on(SEARCH, ids(*range(1, 451)))
    pulled = pull(Jira(), pay, [ISSUES])
    assert len(stored(pay, "issue")) == 450
    assert (pulled.slices, len(jira.calls(BULK)), len(jira.calls(CHANGES))) == (8, 5, 3)
    assert all(seen.json()["fields"] == ["*all"] for seen in jira.calls(BULK))


def test_an_empty_project(jira: ScriptedServer, pay: MemoryContext) -> None:
    jira.on(SEARCH, ids(last=True))
    assert pull(Jira(), pay, [ISSUES]).expected == {"issue": 0}
    assert len(jira.seen) == 1


def test_only_what_changed_since_the_last_sync_in_one_query(jira: ScriptedServer, make_context: MakeContext) -> None:
    since = datetime(2026, 11, 1, tzinfo=UTC)
    context = make_context(is_full=False, sinces={"PAY": since, "CHK": since}, end=datetime(2026, 11, 2, tzinfo=UTC))
    context.store([PAY, CHK])
    jira.on(SEARCH, ids(1))
    assert {slice_.scope for slice_ in Jira().start(ISSUES, context)} == {"", "PAY", "CHK"}
    pull(Jira(), context, [ISSUES])
    assert [seen.json()["jql"] for seen in jira.calls(SEARCH)] == [
        'project in ("PAY", "CHK") AND updated >= 1793491200000 AND updated < 1793577600000'
        " ORDER BY updated ASC, id ASC"
    ]
    assert next(context.current("issue")).scope == "PAY", "the scope comes from the issue itself"


def test_chosen_projects_only(jira: ScriptedServer, make_context: MakeContext) -> None:
    context = make_context("chk")
    context.store([PAY, CHK])
    jira.on(SEARCH, ids(last=True))
    pull(Jira(), context, [ISSUES])
    assert '("CHK")' in jira.seen[0].json()["jql"]
    assert len(jira.seen) == 1


def test_a_lost_project_is_reported_and_the_others_go_on(jira: ScriptedServer, make_context: MakeContext) -> None:
    since = datetime(2026, 11, 1, tzinfo=UTC)
    context = make_context(is_full=False, sinces={"PAY": since, "CHK": since})
    context.store([PAY, CHK])
    no = Say({"errorMessages": ["The value 'CHK' does not exist for the field 'project'."]}, 400)
    jira.on(SEARCH, lambda seen: no if "CHK" in seen.json()["jql"] else ids(1))
    jira.on("/rest/api/3/project/search", Say({"values": [], "isLast": True}))
    pulled = pull(Jira(), context, [ISSUES])
    assert stored(context, "issue") == ["1"]
    assert [(skip.scope, "CHK does not exist any more" in skip.reason) for skip in pulled.skips] == [("CHK", True)]


def test_a_query_refused_for_a_living_project_is_told_with_the_message_of_jira(
    jira: ScriptedServer, pay: MemoryContext
) -> None:
    jira.on(SEARCH, Say({"errorMessages": ["Field 'updated' is broken."]}, 400))
    jira.on("/rest/api/3/project/search", Say({"values": [{"id": "100", "key": "PAY"}], "isLast": True}))
    assert_list_is_missing(pull(Jira(), pay, [ISSUES]), "Field 'updated' is broken")


def test_the_removed_search_has_its_own_sentence(jira: ScriptedServer, pay: MemoryContext) -> None:
    jira.on(SEARCH, Say({"errorMessages": ["The requested API has been removed. Please migrate."]}, 410))
    assert_list_is_missing(pull(Jira(), pay, [ISSUES]), "removed an endpoint")


def assert_list_is_missing(pulled: Pulled, why: str) -> None:
    first = list_slice(["PAY"], None, None)
    assert [(why in skip.reason, skip.is_missing, skip.again) for skip in pulled.skips] == [(True, True, first)]


@pytest.mark.parametrize(
    "pages",
    [
        [ids(1, token="a"), ids(2, token="a")],
        [ids(1, token="a"), ids(2, token="b"), ids(3, token="a"), ids(4, token="b")],
    ],
    ids=["itself", "a circle"],
)
def test_a_token_that_comes_again_ends_the_list(jira: ScriptedServer, pay: MemoryContext, pages: list[Say]) -> None:
    jira.on(SEARCH, *pages)
    pulled = pull(Jira(), pay, [ISSUES])
    assert_list_is_missing(pulled, "repeats a page")
    assert {"1", "2"} <= set(stored(pay, "issue")), "what came is kept"


def test_empty_pages_are_passed_but_not_for_ever(jira: ScriptedServer, pay: MemoryContext) -> None:
    numbers = iter(range(1000))
    jira.on(SEARCH, ids(1, token="x"), ids(token="y"), ids(token="y"), ids(2, last=True))
    pull(Jira(), pay, [ISSUES])
    assert stored(pay, "issue") == ["1", "2"]
    jira.on(SEARCH, lambda seen: ids(token=str(next(numbers))))
    assert_list_is_missing(pull(Jira(), pay, [ISSUES]), "many empty pages")


@pytest.mark.parametrize("given", [(), (1, 2)])
def test_a_page_that_is_cut_by_mistake_loses_nothing(
    jira: ScriptedServer, pay: MemoryContext, given: tuple[int, ...]
) -> None:
    jira.on(SEARCH, ids(*given, last=False), ids(1, 2, last=True))
    pull(Jira(), pay, [ISSUES])
    assert stored(pay, "issue") == ["1", "2"]
    jira.on(SEARCH, ids(*given, last=False))
    assert_list_is_missing(pull(Jira(), pay, [ISSUES]), "announced more issues")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 422, 500])
def test_a_list_whose_cursor_is_refused_begins_anew(jira: ScriptedServer, pay: MemoryContext, status: int) -> None:
    tokens = ["old", "new"]

    def search(seen: Seen) -> Say:
        token = seen.json().get("nextPageToken")
        if token == "old":
            return Say({"errorMessages": ["The cursor of this scope is invalid."]}, status)
        return ids(2, last=True) if token else ids(1, token=tokens.pop(0) if len(tokens) > 1 else tokens[0])

    jira.on(SEARCH, search)
    pulled = pull(Jira(), pay, [ISSUES])
    assert (stored(pay, "issue"), pulled.skips) == (["1", "2"], [])
    tokens[:] = ["old"]
    assert_list_is_missing(pull(Jira(), pay, [ISSUES]), "cursor of this scope is invalid")


def test_batches_are_halved_when_jira_cannot_answer_and_stay_halved(jira: ScriptedServer, pay: MemoryContext) -> None:
    jira.on(SEARCH, ids(*range(1, 401)))
    jira.on(BULK, bulk(fails=lambda asked: len(asked) > 50))
    pulled = pull(Jira(), pay, [ISSUES], threads=1)
    assert len(stored(pay, "issue")) == 400
    assert pulled.skips == []
    sizes = [len(seen.json()["issueIdsOrKeys"]) for seen in jira.calls(BULK)]
    assert sizes == [100, 100] + [50] * 8, "tried twice, then halved for the rest of the run"


def test_one_issue_that_always_fails_is_left_out_and_reported(jira: ScriptedServer, pay: MemoryContext) -> None:
    jira.on(SEARCH, ids(*range(1, 201)))
    jira.on(BULK, bulk(fails=lambda asked: "1" in asked))
    jira.on("/rest/api/3/issue/1", Say({}, 502))
    pulled = pull(Jira(), pay, [ISSUES], threads=1)
    assert len(stored(pay, "issue")) == 199
    again = Slice("found_issues", {"ids": ["1"], "keys": []})
    assert [(skip.scope, "Issue 1 is missing" in skip.reason, skip.again) for skip in pulled.skips] == [
        ("PAY", True, again)
    ]
    assert len(jira.calls(BULK)[3].json()["issueIdsOrKeys"]) < 100
    jira.on(BULK, bulk())
    assert ask_again(Jira(), pay, pulled, ISSUES).skips == []
    assert len(stored(pay, "issue")) == len(stored(pay, "issue_changelog")) == 200


def test_one_bad_issue_does_not_shrink_the_batches(jira: ScriptedServer, pay: MemoryContext) -> None:
    jira.on(SEARCH, ids(*range(1, 201)))
    jira.on(BULK, bulk(fails=lambda asked: "1" in asked))
    jira.on("/rest/api/3/issue/1", Say(issue(1)))
    pulled = pull(Jira(), pay, [ISSUES], threads=1)
    assert (len(stored(pay, "issue")), pulled.skips) == (200, []), "the single endpoint gives it"
    sizes = [len(seen.json()["issueIdsOrKeys"]) for seen in jira.calls(BULK)]
    assert sizes.count(100) == 3, "the second batch is not smaller"


def test_when_nothing_works_the_slice_is_missing(jira: ScriptedServer, pay: MemoryContext) -> None:
    jira.on(SEARCH, ids(*range(1, 101)))
    jira.on(BULK, bulk(fails=lambda asked: True))
    for number in range(1, 101):
        jira.on(f"/rest/api/3/issue/{number}", Say({}, 502))
    pulled = pull(Jira(), pay, [ISSUES])
    assert ["502" in skip.reason and len(skip.again.args["ids"]) for skip in pulled.skips if skip.again] == [100]  # type: ignore[arg-type]
    assert len(jira.calls(BULK)) < 60


def test_issue_errors_are_asked_for_again(jira: ScriptedServer, pay: MemoryContext) -> None:
    jira.on(SEARCH, ids(1, 2))
    first = Say({"issues": [issue(1)], "issueErrors": [{"id": "2", "errorMessage": "try again"}]})
    jira.on(BULK, first, bulk())
    pulled = pull(Jira(), pay, [ISSUES])
    assert stored(pay, "issue") == ["1", "2"]
    assert pulled.skips == []


@pytest.mark.parametrize("is_stored", [True, False])
def test_an_issue_that_vanished_is_verified(jira: ScriptedServer, pay: MemoryContext, is_stored: bool) -> None:
    jira.on(SEARCH, ids(1, 2))
    jira.on(BULK, bulk(gone=("2",)))
    if is_stored:
        pay.store([record("issue", "2", issue(2), "PAY")])
    pulled = pull(Jira(), pay, [ISSUES])
    assert stored(pay, "issue") == ["1"]
    assert [seen.json()["issueIdsOrKeys"] for seen in jira.calls(BULK)] == [["1", "2"], ["2"]]
    assert [one.external_id for one in pulled.deletions] == (["2"] if is_stored else [])
    assert [skip.is_missing for skip in pulled.skips] == ([] if is_stored else [False])


def test_payloads_stay_byte_for_byte(jira: ScriptedServer, pay: MemoryContext) -> None:
    odd = rb'{ "id" : "1" ,"key":"PAY-1", "fields":{"a":1.0e0, "project":{"key":"PAY"}, "x":"\u00fc\/" } }'
    entry = rb'{"id":"10" , "created":1492070429000}'
    jira.on(SEARCH, ids(1))
    jira.on(BULK, Say(b'{"issues":[' + odd + b"]}"))
    jira.on(CHANGES, Say(b'{"issueChangeLogs":[{"issueId":"1","changeHistories":[' + entry + b"]}]}"))
    pull(Jira(), pay, [ISSUES])
    assert next(pay.current("issue")).payload == odd
    assert next(pay.current("issue_changelog")).payload == b"[" + entry + b"]"


def test_histories_spread_over_pages_are_put_together(jira: ScriptedServer, pay: MemoryContext) -> None:
    def log(number: str, *histories: int) -> dict[str, Any]:
        return {"issueId": number, "changeHistories": [history(i) for i in histories]}

    jira.on(SEARCH, ids(1, 2, 3))
    jira.on(
        CHANGES,
        Say({"issueChangeLogs": [log("1", 10, 11), log("2", 20)], "nextPageToken": "t"}),
        Say({"issueChangeLogs": [log("1", 11, 12)], "nextPageToken": None}),
    )
    pull(Jira(), pay, [ISSUES])
    found = {r.external_id: [h["id"] for h in json.loads(r.payload)] for r in pay.current("issue_changelog")}
    assert found == {"1": ["10", "11", "12"], "2": ["20"], "3": []}
    assert [seen.json().get("nextPageToken") for seen in jira.calls(CHANGES)] == [None, "t"]


def test_changelogs_without_an_end_are_refused(jira: ScriptedServer, pay: MemoryContext) -> None:
    jira.on(SEARCH, ids(1))
    jira.on(
        CHANGES, Say({"issueChangeLogs": [{"issueId": "1", "changeHistories": [history(1)]}], "nextPageToken": "t"})
    )
    pulled = pull(Jira(), pay, [ISSUES])
    assert ["The changelogs of PAY-1 are not complete" in skip.reason for skip in pulled.skips] == [True]
    assert len(json.loads(next(pay.current("issue_changelog")).payload)) == 1, "what came is kept"


def test_comments_beyond_the_embedded_ones_are_all_fetched(jira: ScriptedServer, pay: MemoryContext) -> None:
    path = "/rest/api/3/issue/1/comment"
    jira.on(SEARCH, ids(1))
    jira.on(BULK, Say({"issues": [issue(1, comment={"comments": [comment(1)], "total": 3})]}))
    jira.on(
        path,
        Say({"comments": [comment(1), comment(2)], "total": 3}),
        Say({"comments": [comment(3)], "total": 3}),
    )
    pulled = pull(Jira(), pay, [ISSUES])
    whole = next(pay.current("issue_comments"))
    assert [each["id"] for each in json.loads(whole.payload)] == ["1", "2", "3"]
    assert pulled.expected["issue_comments"] == 1
    assert [seen.query["startAt"] for seen in jira.calls(path)] == ["0", "2"]


def test_comments_that_do_not_come_are_reported_and_nothing_is_concluded(
    jira: ScriptedServer, pay: MemoryContext
) -> None:
    jira.on(SEARCH, ids(1))
    jira.on(BULK, Say({"issues": [issue(1, comment={"comments": [comment(1)], "total": 3})]}))
    jira.on(
        "/rest/api/3/issue/1/comment",
        lambda seen: Say({"comments": [] if int(seen.query["startAt"]) else [comment(1)], "total": 3}),
    )
    pulled = pull(Jira(), pay, [ISSUES])
    assert stored(pay, "issue_comments") == ["1"]
    assert [skip.reason for skip in pulled.skips] == [
        "The comments of PAY-1 are not complete. Jira announced 3 and sent 1."
    ]


def test_an_issue_with_an_odd_shape_is_still_stored(jira: ScriptedServer, pay: MemoryContext) -> None:
    jira.on(SEARCH, ids(1))
    jira.on(BULK, Say({"issues": [issue(1, updated=["odd"])]}))
    pull(Jira(), pay, [ISSUES])
    assert next(pay.current("issue")).scope == "PAY"


def test_an_unrecognised_token_is_a_wrong_token_not_an_empty_site(jira: ScriptedServer, pay: MemoryContext) -> None:
    jira.on(SEARCH, Say({"issues": [], "isLast": True}, headers={"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}))
    with pytest.raises(UnauthorizedError, match="e-mail address and API token"):
        pull(Jira(), pay, [ISSUES])


def test_a_slice_survives_the_queue(jira: ScriptedServer, pay: MemoryContext) -> None:
    jira.on(SEARCH, ids(1, token="x"), ids(2, last=True))
    slice_ = Jira().start(ISSUES, pay)[0]
    for _ in range(2):
        through_json = Slice(slice_.kind, json.loads(json.dumps(slice_.args)), slice_.scope)
        follow_ups = Jira().fetch(ISSUES, through_json, pay).follow_ups
        slice_ = next((one for one in follow_ups if one.kind == "issue_ids"), follow_ups[-1])
    assert (slice_.kind, slice_.args) == ("issues", {"ids": ["2"], "keys": ["PAY"]})


def test_query_bounds() -> None:
    assert query(["A"], None, None) == 'project in ("A") ORDER BY updated ASC, id ASC'
    assert query(["A"], 1, 2) == 'project in ("A") AND updated >= 1 AND updated < 2 ORDER BY updated ASC, id ASC'
