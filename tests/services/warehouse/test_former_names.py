"""Do links and names go on to work when a project or a repository gets another name?"""

from itertools import permutations

import pytest

from apps.integrations.models import Integration
from apps.sources import rows
from apps.sources.base import Children, Transformed
from apps.sources.github.transform.keys import links
from apps.tenants.models import Tenant
from apps.warehouse.models import Issue, Project, Repository, ScopeName
from apps.warehouse.selectors import NamedScope, issue_links, named_scopes, present_names, unknown_repositories
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


# --- repositories -------------------------------------------------------------------------------------------------


def load_repository(github: Integration, *names: str, external_id: str = "70", number: int = 12) -> None:
    """A repository that has had these names, with one pull request."""
    known = [rows.ScopeName(external_id=f"{external_id}:{name}", scope=external_id, name=name) for name in names]
    address = f"https://github.example.com/{names[-1]}"
    row = rows.Repository(external_id=external_id, full_name=names[-1], name="", owner="", url=address)
    pull = pull_request(
        f"{external_id}-{number}", repository=external_id, number=number, url=f"{address}/pull/{number}"
    )
    load_into(github, Transformed(rows=[row, *known, pull]))


def panel(jira: Integration, url: str) -> str | None:
    """The pull request that the panel of an issue leads to."""
    row = rows.PullRequestIssueLink(
        external_id="l", pull_request_url=url, issue="1", evidence="dev_panel", excerpt="Pay by card"
    )
    load_into(jira, Transformed(rows=[issue("1"), row]))
    pull = issue_links(jira.tenant_id).get().pull_request
    return pull.external_id if pull else None


@pytest.mark.parametrize("name", ["acme/shop", "acme/store", "ACME/Store", "initech/store", "pull/pull"])
def test_every_name_of_a_repository_resolves_addresses(jira: Integration, github: Integration, name: str) -> None:
    load_repository(github, "pull/pull", "initech/store", "acme/store", "Acme/Store", "acme/shop")
    assert panel(jira, f"https://github.example.com/{name}/pull/12") == "70-12"
    assert panel(jira, f"https://github.example.com/{name}/pull/1") is None
    assert panel(jira, f"https://github.com/{name}/pull/12") is None
    assert panel(jira, f"https://github.example.com/{name}/issues/12") is None


def test_a_name_that_another_repository_has_now_means_that_one(jira: Integration, github: Integration) -> None:
    load_repository(github, "acme/shop", "acme/new")
    load_repository(github, "acme/shop", external_id="71", number=5)
    assert panel(jira, "https://github.example.com/acme/shop/pull/12") is None
    assert panel(jira, "https://github.example.com/acme/shop/pull/5") == "71-5"
    Repository.across_tenants.filter(external_id="71").update(deleted_at=NOON)
    assert panel(jira, "https://github.example.com/acme/shop/pull/12") == "70-12"


def test_repositories_that_nobody_knows_by_this_name(jira: Integration, github: Integration) -> None:
    load_repository(github, "acme/store", "acme/shop")
    urls = [
        "https://github.example.com/acme/shop/pull/1",
        "https://github.example.com/ACME/Store/pull/2",
        "https://github.example.com/Initech/cart/pull/3",
        "https://github.example.com/initech/Cart/pull/4",
        "https://gitlab.example.com/group/sub/x/-/merge_requests/4",
        "not an address",
        "",
    ]
    named = [
        rows.PullRequestIssueLink(external_id=f"l{n}", pull_request_url=url, issue="1", evidence="dev_panel")
        for n, url in enumerate(urls)
    ]
    load_into(jira, Transformed(rows=[issue("1"), *named]))
    assert unknown_repositories(jira.tenant_id) == ["https://github.example.com/initech/cart"]
    other = Tenant.objects.create(slug="other", name="Other")
    assert unknown_repositories(other) == []
