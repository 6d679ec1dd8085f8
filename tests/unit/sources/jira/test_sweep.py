"""Are all deletions in Jira found, and does nothing count as deleted without a proof?"""

import itertools
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from apps.sources.base import Children, Deletion
from apps.sources.errors import UnauthorizedError
from apps.sources.jira import Jira
from apps.sources.jira.definition import DEV_STATUS, ISSUES, PROJECTS, RELATIONSHIPS
from apps.sources.jira.extract import deletions
from apps.sources.rows import Issue, IssueChange, IssueComment, IssueKey, IssueLink
from tests.unit.sources.jira.samples import ADA, comment, history, issue, people, record
from tests.unit.sources.memory import MemoryContext, ask_again, load, pull
from tests.unit.sources.scripted import Say, ScriptedServer, Seen

API = "/rest/api/3"
SEARCH, BULK = f"{API}/search/jql", f"{API}/issue/bulkfetch"
SUMMARY = "/rest/dev-status/latest/issue/summary"
LATELY = datetime(2026, 11, 1, tzinfo=UTC)
SINCE = {"PAY": LATELY, "CHK": LATELY}
NOT_THERE = Say({"errorMessages": ["Issue does not exist or you do not have permission to see it."]}, 404)


class Site:
    """A Jira with issues by id; ``listed`` changes what its lists of all ids show, ``changed`` what has changed."""

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server
        self.issues: dict[str, dict[str, Any]] = {str(number): issue(number) for number in range(1, 6)}
        self.changed: list[str] = []
        self.unlisted: set[str] = set()
        server.on(SEARCH, self.search)
        server.on(BULK, self.bulk)
        server.on(f"{API}/changelog/bulkfetch", self.changelogs)
        server.on(f"{API}/myself", Say(ADA))
        for number in range(1, 10):
            server.on(f"{API}/issue/{number}", self.one)

    def search(self, seen: Seen) -> Say:
        asked = seen.json()
        ids = self.changed if "updated >=" in asked["jql"] else sorted(self.issues.keys() - self.unlisted)
        found = [self.issues[name] for name in ids if f'"{self.issues[name]["key"].split("-")[0]}"' in asked["jql"]]
        return Say({"issues": [{name: each[name] for name in ("id", *asked["fields"])} for each in found]})

    def bulk(self, seen: Seen) -> Say:
        by_name = self.issues | {each["key"]: each for each in self.issues.values()}
        return Say({"issues": [by_name[name] for name in seen.json()["issueIdsOrKeys"] if name in by_name]})

    def changelogs(self, seen: Seen) -> Say:
        ids = seen.json()["issueIdsOrKeys"]
        return Say({"issueChangeLogs": [{"issueId": i, "changeHistories": [history(int(i) * 10)]} for i in ids]})

    def one(self, seen: Seen) -> Say:
        found = self.issues.get(seen.path.rpartition("/")[2])
        return Say(found) if found else NOT_THERE

    def asked_one_by_one(self) -> list[str]:
        return [seen.path.rpartition("/")[2] for seen in self.server.seen if f"{API}/issue/" in seen.path
                and seen.method == "GET"]  # fmt: skip


@pytest.fixture
def site(provider: ScriptedServer) -> Site:
    return Site(provider)


@pytest.fixture
def loaded(site: Site, context: MemoryContext) -> MemoryContext:
    """Everything is loaded once; the next run sweeps."""
    context.store([record("project", "100", {"id": "100", "key": "PAY"}, "PAY")])
    context.store([record("project", "101", {"id": "101", "key": "CHK"}, "CHK")])
    pull(Jira(), context, [ISSUES])
    site.server.seen.clear()
    return context.next_run(SINCE, with_sweep=True)


def stored(context: MemoryContext, entity: str = "issue") -> list[str]:
    return sorted(found.external_id for found in context.current(entity))


def test_a_sweep_that_finds_nothing_costs_one_query_and_one_call_for_the_panels(
    site: Site, loaded: MemoryContext
) -> None:
    assert pull(Jira(), loaded, [ISSUES]).deletions == []
    asked = [(seen.json()["fields"], "updated >=" in seen.json()["jql"]) for seen in site.server.calls(SEARCH)]
    assert sorted(asked) == [(["id"], True), (["key"], False)]
    assert [seen.json()["fields"] for seen in site.server.calls(BULK)] == [["customfield_5"]]
    assert len(site.server.seen) == 3


# What the field Development says: nothing, an empty panel, two pull requests, the same as a stale answer, three.
TWO = '{pullrequest={stateCount=2}, json={"cachedValue":{"count":2},"isStale":true}}'
HINTS = (None, "{}", TWO, TWO.replace("true", "false"), TWO.replace("2", "3"))


@pytest.mark.parametrize(("before", "after"), [*itertools.product(HINTS, HINTS)])
def test_a_panel_is_read_again_if_its_hint_changed_although_its_issue_did_not(
    site: Site, loaded: MemoryContext, before: str | None, after: str | None
) -> None:
    site.server.on(SUMMARY, Say({"summary": {"pullrequest": {"overall": {"count": 0}, "byInstanceType": {}}}}))
    stored_issue = issue(2, customfield_5=before)
    loaded.store([record("issue", "2", stored_issue, "PAY"), record("dev_status", "2", {"details": []}, "PAY")])
    later = loaded.next_run(SINCE, with_sweep=True)
    site.issues["2"] = issue(2, customfield_5=after)
    pull(Jira(), later, [ISSUES, DEV_STATUS])
    has_changed = str(before).replace("true", "false") != str(after).replace("true", "false")
    assert [seen.query["issueId"] for seen in site.server.calls(SUMMARY)] == (["2"] if has_changed else [])
    assert pull(Jira(), later.next_run(SINCE, with_sweep=True), [ISSUES, DEV_STATUS]).skips == []


def test_an_issue_whose_hint_does_not_come_is_fetched_again(site: Site, loaded: MemoryContext) -> None:
    def without_hint(seen: Seen) -> Say:
        asked = seen.json()
        ids = [name for name in asked["issueIdsOrKeys"] if name != "2" or asked["fields"] == ["*all"]]
        return Say({"issues": [site.issues[name] for name in ids]})

    site.server.on(BULK, without_hint)
    site.issues["2"] = issue(2, summary="Changed without a word")
    pull(Jira(), loaded, [ISSUES])
    found = loaded.find("issue", "2")
    assert found
    assert b"without a word" in found.payload


def test_without_a_sweep_nothing_is_looked_for(site: Site, loaded: MemoryContext) -> None:
    del site.issues["2"]
    pull(Jira(), loaded.next_run(SINCE), [ISSUES])
    assert len(site.server.seen) == 1


def test_a_deleted_issue_is_gone_with_every_record_of_it(site: Site, loaded: MemoryContext) -> None:
    del site.issues["2"]
    pulled = pull(Jira(), loaded, [ISSUES])
    assert {(one.entity, one.external_id) for one in pulled.deletions} == {("issue", "2"), ("issue_changelog", "2")}
    assert stored(loaded) == stored(loaded, "issue_changelog") == ["1", "3", "4", "5"]
    evidence = pulled.deletions[0].evidence
    assert re.search(
        r"\(404\).* Address: http://\S+/rest/api/3/issue/2, asked on 20\d\d-\d\d-\d\d at .* UTC\.$", evidence
    )
    assert site.asked_one_by_one() == ["2"]


def test_a_full_run_finds_what_is_gone_as_well(site: Site, context: MemoryContext, loaded: MemoryContext) -> None:
    del site.issues["2"]
    again = MemoryContext(context.connection, context.http, with_sweep=True, stored=context.stored)
    assert {one.external_id for one in pull(Jira(), again, [ISSUES]).deletions} == {"2"}


def test_an_issue_that_was_moved_is_fetched_again(site: Site, loaded: MemoryContext) -> None:
    site.issues["3"] = issue(3, "CHK")
    assert pull(Jira(), loaded, [ISSUES]).deletions == []
    assert loaded.find("issue", "3").scope == "PAY", "its new project lists it: only the changes show the move"  # type: ignore[union-attr]
    site.unlisted.add("3")
    pulled = pull(Jira(), loaded.next_run(SINCE, with_sweep=True), [ISSUES])
    assert (pulled.deletions, pulled.expected["issue"]) == ([], 1)
    assert loaded.find("issue", "3").scope == "CHK"  # type: ignore[union-attr]
    assert site.asked_one_by_one() == []


def test_what_is_listed_and_not_stored_is_fetched(site: Site, loaded: MemoryContext) -> None:
    site.issues["9"] = issue(9)
    pull(Jira(), loaded, [ISSUES])
    assert stored(loaded) == ["1", "2", "3", "4", "5", "9"]


def test_an_empty_list_deletes_nothing(site: Site, loaded: MemoryContext) -> None:
    site.unlisted = set(site.issues)
    assert pull(Jira(), loaded, [ISSUES]).deletions == []
    assert stored(loaded) == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("status", [400, 403, 500])
def test_a_refused_list_deletes_nothing(site: Site, loaded: MemoryContext, status: int) -> None:
    site.issues.clear()
    site.server.on(SEARCH, Say({"errorMessages": ["No."]}, status))
    site.server.on(f"{API}/project/search", Say({"values": [{"key": "PAY"}, {"key": "CHK"}], "isLast": True}))
    pulled = pull(Jira(), loaded, [ISSUES])
    assert stored(loaded) == ["1", "2", "3", "4", "5"]
    assert {skip.again.kind for skip in pulled.skips if skip.again} == {"issue_ids", "all_ids"}


def test_a_list_that_breaks_off_deletes_nothing(site: Site, loaded: MemoryContext) -> None:
    site.issues.clear()
    site.server.on(SEARCH, lambda seen: Say({"issues": [], "isLast": True} if "updated >=" in seen.json()["jql"]
                                            else {"issues": [], "isLast": False}))  # fmt: skip
    pulled = pull(Jira(), loaded, [ISSUES])
    assert ["announced more issues" in skip.reason for skip in pulled.skips] == [True]
    assert stored(loaded) == ["1", "2", "3", "4", "5"]


def test_the_issues_of_a_project_that_cannot_be_listed_stay(site: Site, loaded: MemoryContext) -> None:
    loaded.store([record("issue", "8", issue(8, "CHK"), "CHK")])
    loaded.fresh.clear()
    no = Say({"errorMessages": ["The value 'CHK' does not exist for the field 'project'."]}, 400)
    site.server.on(SEARCH, lambda seen: no if "CHK" in seen.json()["jql"] else site.search(seen))
    site.server.on(f"{API}/project/search", Say({"values": [], "isLast": True}))
    pulled = pull(Jira(), loaded, [ISSUES])
    assert (pulled.deletions, {skip.scope for skip in pulled.skips}) == ([], {"CHK"})


@pytest.mark.parametrize("status", [400, 403, 451])
def test_any_other_refusal_is_no_proof(site: Site, loaded: MemoryContext, status: int) -> None:
    del site.issues["2"]
    site.server.on(f"{API}/issue/2", Say({"errorMessages": ["No."]}, status))
    pulled = pull(Jira(), loaded, [ISSUES])
    assert pulled.deletions == []
    assert [(skip.scope, "It is not known whether" in skip.reason) for skip in pulled.skips] == [("", True)]


def test_404s_for_a_bad_token_prove_nothing(site: Site, loaded: MemoryContext) -> None:
    del site.issues["2"]
    site.server.on(f"{API}/myself", Say({"message": "Client must be authenticated"}, 401))
    with pytest.raises(UnauthorizedError):
        pull(Jira(), loaded, [ISSUES])
    assert "2" in stored(loaded)


def test_only_so_many_are_asked_for_one_by_one(
    site: Site, loaded: MemoryContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletions, "MAX_ASKED", 2)
    site.issues.clear()
    first = pull(Jira(), loaded, [ISSUES])
    assert {one.external_id for one in first.deletions} == {"1", "2"}
    assert [(skip.scope, "3 are left" in skip.reason) for skip in first.skips] == [("", True)]
    second = ask_again(Jira(), loaded.next_run(SINCE), first, ISSUES)
    assert {one.external_id for one in second.deletions} == {"3", "4"}
    third = ask_again(Jira(), loaded.next_run(SINCE), second, ISSUES)
    assert ({one.external_id for one in third.deletions}, third.skips) == ({"5"}, [])


def test_the_issues_of_an_epic_that_is_gone_are_fetched_again(site: Site, context: MemoryContext) -> None:
    site.issues["4"]["fields"]["parent"] = {"id": "2"}
    site.issues["5"]["fields"]["customfield_4"] = "PAY-2"
    context.store([record("project", "100", {"id": "100", "key": "PAY"}, "PAY")])
    pull(Jira(), context, [ISSUES])
    del site.issues["2"]
    for child in ("4", "5"):  # Jira changes them, but not their field updated
        site.issues[child] = issue(int(child))
    later = context.next_run(SINCE, with_sweep=True)
    pull(Jira(), later, [ISSUES])
    rows = load(Jira(), later)["issue"]
    assert [rows[child].parent for child in ("4", "5")] == ["", ""]  # type: ignore[attr-defined]


def test_an_epic_that_is_known_by_key_only_is_named_by_id(site: Site, context: MemoryContext) -> None:
    site.issues["5"]["fields"]["customfield_4"] = "PAY-2"
    site.issues["4"]["fields"]["customfield_4"] = "OLD-1"
    context.store([record("project", "100", {"id": "100", "key": "PAY"}, "PAY")])
    pull(Jira(), context, [ISSUES])
    rows = load(Jira(), context)["issue"]
    assert [rows[child].parent for child in ("4", "5")] == ["OLD-1", "2"]  # type: ignore[attr-defined]


def test_comments_that_fit_into_the_issue_again(site: Site, loaded: MemoryContext) -> None:
    many = [comment(number) for number in range(1, 5)]
    site.issues["1"]["fields"]["comment"] = {"comments": many[:2], "total": 4}
    site.server.on(f"{API}/issue/1/comment", Say({"comments": many, "total": 4}))
    site.changed = ["1"]
    pull(Jira(), loaded, [ISSUES])
    assert sorted(load(Jira(), loaded)["issue_comment"]) == ["1", "2", "3", "4"]

    site.issues["1"]["fields"]["comment"] = {"comments": many[3:], "total": 1}
    later = loaded.next_run(SINCE)
    pulled = pull(Jira(), later, [ISSUES])
    assert [(one.entity, one.external_id) for one in pulled.deletions] == [("issue_comments", "1")]
    assert sorted(load(Jira(), later)["issue_comment"]) == ["4"]


def test_a_lost_status_type_and_project_are_verified_one_by_one(
    provider: ScriptedServer, context: MemoryContext
) -> None:
    for entity, name in (("status", "3"), ("issue_type", "7"), ("project", "100"), ("project_statuses", "100")):
        context.store([record(entity, name, {"id": name, "key": "PAY"}, "PAY" if entity == "project" else "")])
    context.store([record("status", "4", {"id": "4", "name": "Done"}), record("issue", "1", issue(1), "PAY")])
    provider.on(f"{API}/myself", Say(ADA))
    provider.on(f"{API}/project/search", Say({"values": [{"id": "101", "key": "CHK"}], "isLast": True}))
    provider.on(f"{API}/field", Say([{"id": "summary"}]))
    provider.on(f"{API}/issuetype", Say([{"id": "8", "name": "Bug"}]))
    provider.on(f"{API}/status", Say([{"id": "5", "name": "New"}]))
    provider.on(f"{API}/status/4", Say({"id": "4", "name": "Renamed"}))
    provider.on(f"{API}/serverInfo", Say({"deploymentType": "Cloud"}))
    provider.on(f"{API}/users/search", people)
    provider.on(BULK, Say({"issues": []}))
    later = context.next_run({})
    pulled = pull(Jira(), later, [PROJECTS, RELATIONSHIPS])
    assert {(one.entity, one.external_id) for one in pulled.deletions} == {
        ("status", "3"), ("issue_type", "7"), ("project", "100"), ("project_statuses", "100")
    }  # fmt: skip
    assert "Renamed" in later.find("status", "4").payload.decode()  # type: ignore[union-attr]

    provider.on(SEARCH, Say({"issues": [], "isLast": True}))
    sweep = later.next_run({"CHK": LATELY}, with_sweep=True)
    assert {one.external_id for one in pull(Jira(), sweep, [ISSUES]).deletions} == {"1"}, "issues of a lost project"


def test_sprints_are_verified_only_when_boards_were_listed(provider: ScriptedServer, context: MemoryContext) -> None:
    context.store([record("board", "1", {"id": 1, "type": "scrum"}), record("sprint", "11", {"id": 11})])
    context.store([record("project", "100", {"id": "100", "key": "PAY"}, "PAY")])
    provider.on(f"{API}/myself", Say(ADA))
    provider.on(f"{API}/status", Say([{"id": "3"}]))
    provider.on(f"{API}/project/100/statuses", Say([]))
    provider.on(SEARCH, Say({"issues": [], "isLast": True}))
    provider.on("/rest/agile/1.0/board", Say({"errorMessages": ["No Jira Software."]}, 403))
    refused = context.next_run({"PAY": LATELY}, with_sweep=True)
    assert pull(Jira(), refused, [RELATIONSHIPS, ISSUES]).deletions == []
    provider.on("/rest/agile/1.0/board", Say({"values": [{"id": 1, "type": "scrum"}], "isLast": True}))
    provider.on("/rest/agile/1.0/board/1/sprint", Say({"values": [{"id": 12}], "isLast": True}))
    listed = context.next_run({"PAY": LATELY}, with_sweep=True)
    assert {(one.entity, one.external_id) for one in pull(Jira(), listed, [RELATIONSHIPS, ISSUES]).deletions} == {
        ("sprint", "11")
    }


def test_a_deletion_names_every_table_that_the_transform_fills() -> None:
    forgotten = (
        Jira().transform_deletion(Deletion("issue", "1", "")).complete
        + Jira().transform_deletion(Deletion("issue_changelog", "1", "")).complete
    )
    assert set(forgotten) == {
        Children(Issue, "external_id", "1"), Children(IssueComment, "issue", "1"), Children(IssueLink, "issue", "1"),
        Children(IssueLink, "target", "1"), Children(IssueChange, "issue", "1"), Children(IssueKey, "issue", "1"),
    }  # fmt: skip


def test_the_keys_that_an_issue_had(context: MemoryContext) -> None:
    def moved(number: int, old: str, new: str, day: int) -> dict[str, Any]:
        item = {"field": "Key", "fieldtype": "jira", "from": None, "fromString": old, "to": None, "toString": new}
        return history(number, item, created=datetime(2026, 1, day, tzinfo=UTC).isoformat())

    payload = [moved(3, "PAY-1", "IDN-4", 9), moved(1, "PAY-1", "CHK-2", 2), moved(2, "CHK-2", "PAY-1", 5)]
    found = Jira().transform(record("issue_changelog", "1", payload), context)
    keys = {row.external_id: row for row in found.rows if isinstance(row, IssueKey)}
    assert {name: (row.key, row.until and row.until.day) for name, row in keys.items()} == {
        "1:PAY-1": ("PAY-1", 9), "1:CHK-2": ("CHK-2", 5)
    }  # fmt: skip
    assert Children(IssueKey, "issue", "1") in found.complete
