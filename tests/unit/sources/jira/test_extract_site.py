"""Are projects, people, statuses, boards and sprints read to their end, and are refusals reported instead of raised?"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.sources.base import Slice
from apps.sources.errors import BadRequestError, UnauthorizedError
from apps.sources.jira import Jira
from apps.sources.jira.definition import PROJECTS, RELATIONSHIPS
from tests.unit.sources.jira.conftest import MakeContext
from tests.unit.sources.jira.samples import ADA, FIELDS, people, record
from tests.unit.sources.memory import MemoryContext, ask_again, pull
from tests.unit.sources.scripted import Say, ScriptedServer, Seen

API = "/rest/api/3"
AGILE = "/rest/agile/1.0"
PAY, CHK = {"id": "100", "key": "PAY", "name": "Pay"}, {"id": "101", "key": "CHK", "name": "Checkout"}


def page(*values: Any, last: bool = True, **more: Any) -> Say:
    return Say({"values": list(values), "isLast": last, **more})


def pages(first: list[Any], second: list[Any]) -> Callable[[Seen], Say]:
    return lambda seen: page(*second) if int(seen.query["startAt"]) else page(*first, last=False)


@pytest.fixture
def jira(provider: ScriptedServer) -> ScriptedServer:
    """A small site that gives only good answers."""
    provider.on(f"{API}/myself", Say(ADA))
    provider.on(f"{API}/serverInfo", Say({"deploymentType": "Cloud"}))
    provider.on(f"{API}/field", Say(FIELDS))
    provider.on(f"{API}/issuetype", Say([{"id": "7", "name": "Bug"}]))
    provider.on(f"{API}/project/search", page(PAY, CHK))
    provider.on(f"{API}/users/search", people)
    provider.on(f"{API}/status", Say([{"id": "3", "name": "Done"}]))
    for project in ("100", "101"):
        provider.on(f"{API}/project/{project}/statuses", Say([{"id": "7", "statuses": [{"id": "3"}]}]))
    boards = [
        {"id": 1, "type": "scrum", "location": {"projectKey": "PAY"}},
        {"id": 2, "type": "kanban"},
        {"id": 3, "type": "simple", "location": {"projectKey": "OTHER"}},
    ]
    provider.on(f"{AGILE}/board", pages([boards[0]], boards[1:]))
    provider.on(f"{AGILE}/board/1/sprint", pages([{"id": 11}], [{"id": 12}]))
    return provider


def names(context: MemoryContext, entity: str) -> list[str]:
    return sorted(found.external_id for found in context.current(entity))


def test_the_whole_site(jira: ScriptedServer, context: MemoryContext) -> None:
    pulled = pull(Jira(), context, [PROJECTS, RELATIONSHIPS])
    assert names(context, "project") == ["100", "101"]
    assert names(context, "user") == ["ada", "bob"]
    assert names(context, "board") == ["1", "2"], "the board of a project that is not wanted is left out"
    assert names(context, "sprint") == ["11", "12"]
    assert names(context, "project_statuses") == ["100", "101"]
    assert pulled.given == pulled.expected
    assert pulled.skips == []
    assert {found.scope for found in context.current("project")} == {"PAY", "CHK"}


def test_a_wrong_token_stops_before_anything_else(jira: ScriptedServer, context: MemoryContext) -> None:
    jira.on(f"{API}/myself", Say({"message": "Client must be authenticated"}, 401))
    with pytest.raises(UnauthorizedError):
        pull(Jira(), context, [PROJECTS])
    assert {seen.path for seen in jira.seen} == {f"{API}/myself"}


def test_data_center_is_refused_in_a_sentence(jira: ScriptedServer, context: MemoryContext) -> None:
    jira.on(f"{API}/serverInfo", Say({"deploymentType": "Server", "version": "9.12"}))
    with pytest.raises(BadRequestError, match=r"Jira Server 9\.12, not Jira Cloud"):
        pull(Jira(), context, [PROJECTS])


def test_chosen_projects_by_key_or_id_and_one_that_is_not_there(
    jira: ScriptedServer, make_context: MakeContext
) -> None:
    context = make_context("pay", "NOPE")
    pulled = pull(Jira(), context, [PROJECTS])
    assert names(context, "project") == ["100"]
    assert [(skip.scope, "does not exist" in skip.reason) for skip in pulled.skips] == [("NOPE", True)]


def test_pages_by_total_where_islast_is_missing(jira: ScriptedServer, context: MemoryContext) -> None:
    jira.on(f"{API}/project/search", Say({"values": [PAY], "total": 2}), Say({"values": [CHK], "total": 2}))
    pull(Jira(), context, [PROJECTS])
    assert names(context, "project") == ["100", "101"]
    assert [seen.query["startAt"] for seen in jira.calls(f"{API}/project/search")] == ["0", "1"]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [(page(PAY, last=False), "repeats the same page"), (page(last=False), "announced more")],
    ids=["the same page", "an empty page"],
)
def test_a_list_without_an_end_is_refused(
    jira: ScriptedServer, context: MemoryContext, answer: Say, sentence: str
) -> None:
    jira.on(f"{API}/project/search", answer)
    pulled = pull(Jira(), context, [PROJECTS])
    assert [(sentence in skip.reason, skip.again) for skip in pulled.skips] == [(True, Slice("projects"))]


def test_a_user_directory_without_an_end_is_refused(jira: ScriptedServer, context: MemoryContext) -> None:
    jira.on(f"{API}/users/search", Say([ADA]))
    pulled = pull(Jira(), context, [PROJECTS])
    assert names(context, "user") == ["ada"]
    assert [("repeats the same page" in skip.reason, skip.again) for skip in pulled.skips] == [(True, Slice("users"))]


def test_no_right_to_browse_users_is_reported(jira: ScriptedServer, context: MemoryContext) -> None:
    jira.on(f"{API}/users/search", Say({"errorMessages": ["no"]}, 403))
    pulled = pull(Jira(), context, [PROJECTS])
    assert ["people are taken from the issues" in skip.reason for skip in pulled.skips] == [True]


@pytest.mark.parametrize("status", [401, 403, 404])
@pytest.mark.parametrize("has_software", [True, False])
def test_only_a_site_without_the_field_sprint_has_no_jira_software(
    jira: ScriptedServer, context: MemoryContext, status: int, has_software: bool
) -> None:
    jira.on(f"{AGILE}/board", Say({"message": "no"}, status))
    if not has_software:
        context.stored = {key: field for key, field in context.stored.items() if key[1] != "customfield_1"}
        jira.on(f"{API}/field", Say([field for field in FIELDS if field["id"] != "customfield_1"]))
    pulled = pull(Jira(), context, [PROJECTS, RELATIONSHIPS])
    assert ["no Jira Software" in skip.reason for skip in pulled.skips] == [not has_software]
    assert [(skip.is_missing, skip.again is not None) for skip in pulled.skips] == [(has_software, has_software)]
    assert names(context, "status") == ["3"]


def test_a_board_without_sprints_is_no_failure(jira: ScriptedServer, context: MemoryContext) -> None:
    jira.on(f"{AGILE}/board/1/sprint", Say({"errorMessages": ["The board does not support sprints"]}, 400))
    assert pull(Jira(), context, [PROJECTS, RELATIONSHIPS]).skips == []


def test_one_project_without_access_does_not_stop_the_others(jira: ScriptedServer, context: MemoryContext) -> None:
    jira.on(f"{API}/project/100/statuses", Say({"errorMessages": ["gone"]}, 404))
    pulled = pull(Jira(), context, [PROJECTS, RELATIONSHIPS])
    assert names(context, "project_statuses") == ["101"]
    assert ["project PAY" in skip.reason for skip in pulled.skips] == [True]
    assert pulled.skips[0].scope == "", "the project's issues are not held back by it"


def test_an_empty_list_of_statuses_is_not_believed(jira: ScriptedServer, context: MemoryContext) -> None:
    jira.on(f"{API}/status", Say([]))
    pulled = pull(Jira(), context, [RELATIONSHIPS])
    assert [("empty list" in skip.reason, skip.again) for skip in pulled.skips] == [(True, Slice("statuses"))]


def test_directories_are_asked_for_once_an_hour(jira: ScriptedServer, make_context: MakeContext) -> None:
    now = datetime.now(UTC)

    def requests(**options: Any) -> int:
        jira.on(f"{AGILE}/board", page())
        context = make_context(**options)
        context.store([record("project", "100", PAY), record("project", "101", CHK)])
        before = len(jira.seen)
        pull(Jira(), context, [PROJECTS, RELATIONSHIPS])
        return len(jira.seen) - before

    both = dict.fromkeys(("PAY", "CHK"))
    fresh = requests(is_full=False, sinces=dict.fromkeys(both, now + timedelta(hours=1)))
    stale = requests(is_full=False, sinces=dict.fromkeys(both, now - timedelta(hours=1)))
    new_project = requests(is_full=False, sinces={"PAY": now + timedelta(hours=1)})
    assert (fresh, stale, new_project, requests()) == (3, 11, 11, 11)


# What is asked for, the step that asks, and whether the list has pages.
LISTS = {
    f"{API}/project/search": (PROJECTS, True),
    f"{API}/field": (PROJECTS, False),
    f"{API}/issuetype": (PROJECTS, False),
    f"{API}/users/search": (PROJECTS, False),
    f"{API}/status": (RELATIONSHIPS, False),
    f"{API}/project/100/statuses": (RELATIONSHIPS, False),
    f"{AGILE}/board": (RELATIONSHIPS, True),
    f"{AGILE}/board/1/sprint": (RELATIONSHIPS, True),
}
REFUSALS: dict[str, Say] = {
    **{str(status): Say({"message": "No."}, status) for status in (400, 403, 404, 409, 410, 422, 500)},
    "401 scope": Say({"message": "Unauthorized; scope does not match"}, 401),
    "401": Say({"message": "Client must be authenticated"}, 401),
    "html": Say(b"<html>", 502, {"Content-Type": "text/html"}),
    "log-in page": Say(b"<html>", 200, {"Content-Type": "text/html"}),
    "an empty object": Say({}),
    "an empty list": Say([]),
}
CUTS: dict[str, Say] = {
    "a total that is too high": page(total=5),
    "no values": page(last=False),
    "no values, but a total": page(total=1),
}


@pytest.mark.parametrize(
    ("path", "fault"),
    [(path, fault) for path, (_, has_pages) in LISTS.items() for fault in (REFUSALS | (CUTS if has_pages else {}))],
)
def test_a_hole_in_a_list_keeps_what_is_stored_and_is_asked_for_again(
    jira: ScriptedServer, context: MemoryContext, path: str, fault: str
) -> None:
    good = list(jira.scripts[path])
    pull(Jira(), context, [PROJECTS, RELATIONSHIPS])
    before = dict(context.stored)
    later = context.next_run({}, with_sweep=True)
    jira.on(path, (REFUSALS | CUTS)[fault])
    pulled = pull(Jira(), later, [PROJECTS, RELATIONSHIPS])
    assert later.stored == before
    assert pulled.deletions == []
    assert [(skip.is_missing, skip.again is not None) for skip in pulled.skips] == [(True, True)]
    jira.on(path, *good)
    assert ask_again(Jira(), later, pulled, LISTS[path][0]).skips == []


@pytest.mark.parametrize("status", [400, 403, 404, 409, 410, 422, 500])
def test_a_refused_page_keeps_those_before_it(jira: ScriptedServer, context: MemoryContext, status: int) -> None:
    jira.on(f"{API}/project/search", page(PAY, last=False, total=2), Say({"message": "No."}, status))
    pulled = pull(Jira(), context, [PROJECTS])
    assert names(context, "project") == ["100"]
    assert [skip.again for skip in pulled.skips] == [Slice("projects")], "the whole list is asked for again"


@pytest.mark.parametrize("page_of_all", [page(PAY, total=2), page(PAY, last=False, total=1)])
def test_a_total_ends_no_list_too_early(jira: ScriptedServer, context: MemoryContext, page_of_all: Say) -> None:
    jira.on(f"{API}/project/search", page_of_all, page(CHK, total=2))
    assert pull(Jira(), context, [PROJECTS]).skips == []
    assert names(context, "project") == ["100", "101"]


def test_rows_of_issues_are_made_again_when_a_field_gets_a_meaning(
    jira: ScriptedServer, context: MemoryContext
) -> None:
    account = Jira().start(PROJECTS, context)[0]
    fields = next(one for one in Jira().fetch(PROJECTS, account, context).follow_ups if one.kind == "fields")
    assert Jira().fetch(PROJECTS, fields, context).made_again == {}
    context.stored.pop(("field", "customfield_1"))
    assert Jira().fetch(PROJECTS, fields, context).made_again == {"issue": []}
