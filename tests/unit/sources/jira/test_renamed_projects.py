"""Is a project followed when its key changes, whatever name of it was chosen?"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from apps.sources.base import Estimate
from apps.sources.jira import Jira
from apps.sources.jira.definition import ISSUES, PROJECTS
from apps.sources.jira.estimate import estimate
from apps.sources.jira.extract.stored import wanted_projects
from apps.sources.rows import Issue, ScopeName
from tests.unit.sources.jira.samples import ADA, FIELDS, history, issue, people
from tests.unit.sources.memory import MemoryContext, load, pull
from tests.unit.sources.scripted import Say, ScriptedServer, Seen

API = "/rest/api/3"
LATELY = datetime(2026, 11, 1, tzinfo=UTC)
# Under which names may a person have chosen the project whose keys were PAY, PAYX and are PAYZ?
NAMES = ["PAY", "pay", "PAYX", "PAYZ", "payz", "100"]


class Site:
    """A Jira with two projects. One has got the key PAYX and then PAYZ. ``tells_keys``: it tells all of its keys."""

    def __init__(self, server: ScriptedServer) -> None:
        self.tells_keys = self.is_visible = True
        self.keys = ["PAY"]
        server.on(f"{API}/myself", Say(ADA))
        server.on(f"{API}/serverInfo", Say({"deploymentType": "Cloud"}))
        server.on(f"{API}/field", Say(FIELDS))
        server.on(f"{API}/issuetype", Say([{"id": "7", "name": "Bug"}]))
        server.on(f"{API}/users/search", people)
        server.on(f"{API}/project/search", self.projects)
        server.on(f"{API}/search/jql", self.search)
        server.on(f"{API}/issue/bulkfetch", self.bulk)
        server.on(f"{API}/changelog/bulkfetch", self.changelogs)

    def projects(self, seen: Seen) -> Say:
        found: list[dict[str, Any]] = [{"id": "101", "key": "CHK"}]
        asked = seen.query.get("keys", "").upper()
        if self.is_visible:
            found.append({"id": "100", "key": self.keys[-1]} | ({"projectKeys": self.keys} if self.tells_keys else {}))
        if asked:
            found = [each for each in found if each["key"] == asked or (each["id"] == "100" and asked in self.keys)]
        return Say({"values": found, "isLast": True})

    def search(self, seen: Seen) -> Say:
        jql = seen.json()["jql"]
        is_meant = "updated >=" not in jql and any(f'"{key}"' in jql for key in self.keys)
        numbers = (1, 2) if is_meant else ()
        return Say({"issues": [{"id": str(number), "key": f"{self.keys[-1]}-{number}"} for number in numbers]})

    def changelogs(self, seen: Seen) -> Say:
        ids = seen.json()["issueIdsOrKeys"]
        return Say({"issueChangeLogs": [{"issueId": i, "changeHistories": [history(int(i))]} for i in ids]})

    def bulk(self, seen: Seen) -> Say:
        return Say({"issues": [issue(int(name), self.keys[-1]) for name in seen.json()["issueIdsOrKeys"]]})


@pytest.fixture
def site(provider: ScriptedServer) -> Site:
    return Site(provider)


@pytest.fixture
def loaded(site: Site, context: MemoryContext) -> MemoryContext:
    """Everything was loaded while the key was PAY. Then the key changed twice, and the first change was seen."""
    pull(Jira(), context, [PROJECTS, ISSUES])
    context = context.next_run({"PAY": LATELY, "CHK": LATELY})
    site.keys.append("PAYX")
    pull(Jira(), context, [PROJECTS, ISSUES])
    site.keys.append("PAYZ")
    return context


def choosing(context: MemoryContext, *scopes: str, is_full: bool = False, with_sweep: bool = False) -> MemoryContext:
    """The next run, of chosen projects."""
    following = context.next_run(context.sinces, with_sweep=with_sweep or is_full)
    following.connection = replace(following.connection, scopes=scopes)
    following.is_full = is_full
    return following


def keys_of_issues(context: MemoryContext) -> list[str]:
    """The keys of the loaded issues."""
    found = load(Jira(), context)["issue"].values()
    return sorted(row.key for row in found if isinstance(row, Issue))


@pytest.mark.parametrize("tells_keys", [True, False], ids=["with keys", "without keys"])
@pytest.mark.parametrize("kind", ["incremental", "sweep", "full"])
@pytest.mark.parametrize("name", ["", *NAMES])
def test_records_and_rows_follow_the_key(
    site: Site, loaded: MemoryContext, name: str, kind: str, *, tells_keys: bool
) -> None:
    site.tells_keys = tells_keys
    context = choosing(loaded, *filter(None, [name]), is_full=kind == "full", with_sweep=kind == "sweep")
    pulled = pull(Jira(), context, [PROJECTS, ISSUES])
    assert pulled.skips == []
    assert {found.scope for found in context.current("issue")} == {"PAYZ"}
    assert context.sinces == {"PAYZ": LATELY, "CHK": LATELY}
    assert {str(project.id) for project in wanted_projects(context)} == ({"100"} if name else {"100", "101"})
    assert keys_of_issues(context) == ["PAYZ-1", "PAYZ-2"]
    names = {row.name for row in load(Jira(), context)["scope_name"].values() if isinstance(row, ScopeName)}
    assert names == ({"PAY", "PAYX", "PAYZ", "CHK"} if tells_keys else {"PAYZ", "CHK"})


@pytest.mark.parametrize("name", ["PAY", "PAYX", "PAYZ"])
def test_a_first_run_finds_a_project_by_a_former_key(site: Site, context: MemoryContext, name: str) -> None:
    site.keys = ["PAY", "PAYX", "PAYZ"]
    context = choosing(context, name, is_full=True)
    assert pull(Jira(), context, [PROJECTS, ISSUES]).skips == []
    assert keys_of_issues(context) == ["PAYZ-1", "PAYZ-2"]


def test_a_project_that_is_hidden_now_is_named_by_its_new_key(site: Site, loaded: MemoryContext) -> None:
    site.is_visible = False
    (skip,) = pull(Jira(), choosing(loaded, "PAY"), [PROJECTS]).skips
    assert skip.scope == "PAYX"
    assert "Project PAYX (chosen as PAY) does not exist, is archived" in skip.reason


def test_a_project_that_loses_its_key_during_a_run_is_not_lost(site: Site, loaded: MemoryContext) -> None:
    pulled = pull(Jira(), choosing(loaded, "PAYX"), [ISSUES])
    assert pulled.skips == []


@pytest.mark.parametrize("name", ["PAY", "pay", "PAYX", "PAYZ", "100"])
def test_a_connection_test_knows_former_keys(site: Site, loaded: MemoryContext, name: str) -> None:
    assert Jira().test(replace(loaded.connection, scopes=(name,)), loaded.http).problem == ""


def test_an_estimate_counts_from_where_the_former_key_was_read(site: Site, loaded: MemoryContext) -> None:
    found = estimate(choosing(loaded, "PAY"))
    assert [each for each in found if each.entity == "issue"] == [Estimate("PAYZ", "issue", 0)]
