"""Do links and names go on to work when a project gets another key?"""

from itertools import permutations

import pytest

from apps.integrations.models import Integration
from apps.sources import rows
from apps.sources.base import Children, Transformed
from apps.sources.github.transform.keys import links
from apps.warehouse.models import Issue, Project, ScopeName
from apps.warehouse.selectors import NamedScope, issue_links, named_scopes, present_names
from tests.services.warehouse.conftest import NOON, issue, load_into, pull_request

URL = "https://github.example.com/acme/shop/pull/12"


def load_project(jira: Integration, *keys: str, external_id: str = "10") -> None:
    """A project that has had these keys; the last one is the present one."""
    names = [rows.ScopeName(external_id=f"{external_id}:{key}", scope=external_id, name=key) for key in keys]
    load_into(jira, Transformed(rows=[rows.Project(external_id=external_id, key=keys[-1], name="Shop"), *names]))


def load_issue(jira: Integration, external_id: str, *keys: str, project: str = "10") -> None:
    """An issue whose changelog has these keys; the last one is the present one."""
    former = [rows.IssueKey(external_id=f"{external_id}:{key}", issue=external_id, key=key, until=NOON) for key in keys]
    load_into(jira, Transformed(rows=[issue(external_id, key=keys[-1], project=project), *former[:-1]]))


def linked(github: Integration, key: str) -> list[str]:
    """The issues that a pull request is linked to which names ``key`` in all ways."""
    named = links("500", URL, f"feature/{key.lower()}", key, f"About {key}. Fixes {key}", [key])
    whole = [Children(rows.PullRequestIssueLink, "pull_request", "500")]
    load_into(github, Transformed(rows=[pull_request(), *named], complete=whole))
    found = issue_links(github.tenant_id)
    evidence = {each.evidence for each in found}
    assert evidence in (set(), {"branch", "title", "closing", "commit"})
    issues = {each.issue.external_id for each in found}
    assert len(found) == len(issues) * len(evidence), "no link is found twice"
    return sorted(issues)


@pytest.mark.parametrize("key", ["PAY-7", "PAYX-7", "PAY_Z-7"])
def test_every_key_of_a_project_resolves_links(jira: Integration, github: Integration, key: str) -> None:
    load_project(jira, "PAY", "PAYX", "PAY_Z")
    load_issue(jira, "1", "PAY_Z-7")
    load_issue(jira, "2", "PAY_Z-77")
    assert linked(github, key) == ["1"]


@pytest.mark.parametrize("keys", list(permutations(["PAY", "PAYX", "PAYZ"])))
def test_moves_and_renames_may_come_in_any_order(jira: Integration, github: Integration, keys: tuple[str, ...]) -> None:
    """The changelog has the key that the project had at the time of the move; a branch may have any of them."""
    load_project(jira, *sorted(keys))
    load_project(jira, "MOB", "MOBX", external_id="11")
    load_issue(jira, "1", f"{keys[0]}-7", "MOBX-9", project="11")
    for key in (f"{keys[1]}-7", f"{keys[2]}-7", f"{keys[0]}-7", "MOB-9", "MOBX-9"):
        assert linked(github, key) == ["1"], key


def test_an_issue_that_was_moved_away_and_back_is_found_once(jira: Integration, github: Integration) -> None:
    load_project(jira, "PAY", "PAYX")
    load_issue(jira, "1", "PAY-7", "MOB-9", "PAYX-7")
    for key in ("PAY-7", "PAYX-7", "MOB-9"):
        assert linked(github, key) == ["1"]


def test_a_key_that_another_project_has_now_means_that_project(jira: Integration, github: Integration) -> None:
    load_project(jira, "PAY", "PAYX")
    load_project(jira, "PAY", external_id="11")
    load_issue(jira, "1", "PAYX-7")
    assert linked(github, "PAY-7") == []
    load_issue(jira, "2", "PAY-7", project="11")
    assert linked(github, "PAY-7") == ["2"]
    Project.across_tenants.filter(external_id="11").update(deleted_at=NOON)
    Issue.across_tenants.filter(external_id="2").update(deleted_at=NOON)
    assert linked(github, "PAY-7") == ["1"]


def test_a_longer_key_may_be_a_former_one(jira: Integration, github: Integration) -> None:
    load_project(jira, "FIX_PAY", "FP")
    load_project(jira, "PAY", external_id="11")
    load_issue(jira, "1", "FP-7")
    load_issue(jira, "2", "PAY-7", project="11")
    assert linked(github, "FIX_PAY-7") == ["1"]
    assert linked(github, "FIX_PAY-8") == []
    load_issue(jira, "3", "PAY-8", project="11")
    assert linked(github, "FIX_PAY-8") == ["3"]


def test_the_former_keys_of_a_deleted_project_are_none(jira: Integration, github: Integration) -> None:
    load_project(jira, "PAY", "PAYX")
    load_issue(jira, "1", "PAYX-7")
    ScopeName.across_tenants.update(deleted_at=NOON)
    assert linked(github, "PAY-7") == []
    assert linked(github, "PAYX-7") == ["1"]


def test_names_lead_to_the_present_name(jira: Integration, github: Integration) -> None:
    load_project(jira, "PAY", "PAYX")
    load_project(jira, "MOB", "CHK", external_id="11")
    load_project(jira, "MOB", external_id="12")
    assert named_scopes(jira, ["pay", "PAYX", "MOB", "CHK", "NOPE"]) == {
        "pay": NamedScope("10", "PAYX"),
        "PAYX": NamedScope("10", "PAYX"),
        "MOB": NamedScope("12", "MOB"),
        "CHK": NamedScope("11", "CHK"),
    }
    assert present_names(jira, ["pay", "NOPE"]) == {"pay": "PAYX", "NOPE": "NOPE"}
    assert named_scopes(github, ["PAY"]) == {}
    assert named_scopes(jira, []) == {}


def test_a_name_of_what_is_not_loaded_stays_as_it_is(jira: Integration) -> None:
    load_project(jira, "PAY", "PAYX")
    Project.across_tenants.update(deleted_at=NOON)
    assert present_names(jira, ["PAY"]) == {"PAY": "PAY"}
