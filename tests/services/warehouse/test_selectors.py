"""Are live rows counted correctly, and do links find the loaded issues and pull requests?"""

from typing import Any

import pytest

from apps.integrations.models import Integration
from apps.sources import rows
from apps.sources.base import Transformed
from apps.sources.github.transform.keys import links
from apps.tenants.models import Tenant
from apps.warehouse.models import MODELS, Issue, IssueKey, PullRequest
from apps.warehouse.selectors import counts, counts_by_scope, issue_links
from tests.services.warehouse.conftest import NOON, change, connect, issue, load_into, pull_request

URL = "https://github.example.com/acme/shop/pull/12"


def link(**values: Any) -> rows.PullRequestIssueLink:
    return rows.PullRequestIssueLink(
        **{"external_id": "l1", "pull_request_url": URL, "evidence": "title", "excerpt": "ABC-1", **values}
    )


def test_live_rows_are_counted(jira: Integration, github: Integration) -> None:
    load_into(jira, Transformed(rows=[issue("1"), issue("2"), change("c", "1")]))
    load_into(github, Transformed(rows=[pull_request()]))
    Issue.across_tenants.filter(external_id="2").update(deleted_at=NOON)
    found = counts(jira)
    assert set(found) == set(MODELS)
    assert {name: number for name, number in found.items() if number} == {"issue": 1, "issue_change": 1}
    assert counts(github.pk)["pull_request"] == 1


def test_rows_are_counted_by_project_and_repository(jira: Integration, github: Integration) -> None:
    load_into(
        jira,
        Transformed(
            rows=[
                rows.Project(external_id="10", key="ABC", name="Shop"),
                rows.Project(external_id="11", key="XYZ", name="Other"),
                issue("1"),
                issue("2"),
                issue("3", project="11"),
                change("c1", "1"),
                change("c3", "3"),
            ]
        ),
    )
    load_into(
        github,
        Transformed(
            rows=[
                rows.Repository(external_id="70", full_name="acme/shop", name="shop", owner="acme"),
                pull_request(),
                rows.Review(external_id="8", pull_request="500", state="approved"),
            ]
        ),
    )
    assert counts_by_scope(jira) == {
        "ABC": {"issue": 2, "issue_change": 1},
        "XYZ": {"issue": 1, "issue_change": 1},
    }
    assert counts_by_scope(github.pk) == {"acme/shop": {"pull_request": 1, "review": 1}}


def test_a_key_in_a_text_finds_its_issue_in_any_case(jira: Integration, github: Integration) -> None:
    load_into(jira, Transformed(rows=[issue("1")]))
    load_into(github, Transformed(rows=[pull_request(), link(issue_key="abc-1")]))
    (found,) = issue_links(jira.tenant_id)
    assert (found.issue, found.pull_request) == (Issue.across_tenants.get(), PullRequest.across_tenants.get())
    assert (found.evidence, found.excerpt) == ("title", "ABC-1")


def test_the_dev_panel_names_an_issue_of_its_own_site(jira: Integration, tenant: Tenant) -> None:
    load_into(jira, Transformed(rows=[issue("1"), link(issue="1", evidence="dev_panel")]))
    load_into(connect(tenant, "jira2"), Transformed(rows=[issue("1")]))
    (found,) = issue_links(tenant)
    assert found.issue.integration_id == jira.pk
    assert found.pull_request is None


def test_a_pull_request_that_arrives_later_is_found(jira: Integration, github: Integration) -> None:
    load_into(jira, Transformed(rows=[issue("1"), link(issue="1", pull_request_url=URL.upper())]))
    load_into(github, Transformed(rows=[pull_request()]))
    assert issue_links(jira.tenant_id).get().pull_request == PullRequest.across_tenants.get()


@pytest.mark.parametrize("key", ["UTF-8", "ABC-999", ""])
def test_a_key_that_no_issue_has_is_no_link(jira: Integration, github: Integration, key: str) -> None:
    load_into(jira, Transformed(rows=[issue("1")]))
    load_into(github, Transformed(rows=[pull_request(), link(issue_key=key)]))
    assert not issue_links(jira.tenant_id).exists()


def test_tombstones_are_no_links(jira: Integration, github: Integration) -> None:
    load_into(jira, Transformed(rows=[issue("1")]))
    load_into(github, Transformed(rows=[pull_request(), link(issue_key="ABC-1")]))
    PullRequest.across_tenants.update(deleted_at=NOON)
    assert issue_links(jira.tenant_id).get().pull_request is None
    Issue.across_tenants.update(deleted_at=NOON)
    assert not issue_links(jira.tenant_id).exists()


def test_links_do_not_cross_tenants(jira: Integration) -> None:
    other = Tenant.objects.create(slug="other", name="Other")
    load_into(jira, Transformed(rows=[issue("1")]))
    load_into(connect(other, "github"), Transformed(rows=[link(issue_key="ABC-1")]))
    assert not issue_links(other).exists()
    assert not issue_links(jira.tenant_id).exists()


def had(key: str, of: str = "1") -> rows.IssueKey:
    """A key that an issue had."""
    return rows.IssueKey(external_id=f"{of}:{key}", issue=of, key=key, until=NOON)


def test_a_key_that_an_issue_had_before_it_was_moved_finds_it(jira: Integration, github: Integration) -> None:
    load_into(jira, Transformed(rows=[issue("1", key="XYZ-9"), had("ABC-1")]))
    load_into(github, Transformed(rows=[pull_request(), link(issue_key="abc-1")]))
    (found,) = issue_links(jira.tenant_id)
    assert (found.issue, found.pull_request) == (Issue.across_tenants.get(), PullRequest.across_tenants.get())
    IssueKey.across_tenants.update(deleted_at=NOON)
    assert not issue_links(jira.tenant_id).exists()


def test_an_issue_that_was_moved_back_is_found_once(jira: Integration, github: Integration) -> None:
    load_into(jira, Transformed(rows=[issue("1", key="ABC-1"), had("ABC-1"), had("XYZ-9")]))
    load_into(github, Transformed(rows=[link(issue_key="ABC-1"), link(external_id="l2", issue_key="XYZ-9")]))
    assert {found.link.issue_key for found in issue_links(jira.tenant_id).select_related("link")} == {"ABC-1", "XYZ-9"}
    assert issue_links(jira.tenant_id).count() == 2


def test_the_old_key_of_a_deleted_issue_is_no_link(jira: Integration, github: Integration) -> None:
    load_into(jira, Transformed(rows=[issue("1", key="XYZ-9"), had("ABC-1")]))
    load_into(github, Transformed(rows=[link(issue_key="ABC-1")]))
    Issue.across_tenants.update(deleted_at=NOON)
    assert not issue_links(jira.tenant_id).exists()


@pytest.mark.parametrize(
    ("known", "linked"),
    [
        (["PAY-12"], ["PAY-12"]),
        (["FIX_PAY-12"], ["FIX_PAY-12"]),
        (["PAY-12", "FIX_PAY-12"], ["FIX_PAY-12"]),
        (["PAY-12", "A_FIX_PAY-12"], ["A_FIX_PAY-12"]),
        (["PAY-12", "FIX_PAY-12", "A_FIX_PAY-12"], ["A_FIX_PAY-12"]),
        (["PAY-12", "FIX_PAY-13"], ["PAY-12"]),
        ([], []),
    ],
)
@pytest.mark.parametrize("is_former", [False, True], ids=["present", "former"])
def test_the_longest_key_that_an_issue_has_makes_the_link(
    jira: Integration, github: Integration, known: list[str], linked: list[str], *, is_former: bool
) -> None:
    for number, key in enumerate(known):
        name = str(number)
        present = issue(name, key=f"XYZ-{number}" if is_former and "_" in key else key)
        load_into(jira, Transformed(rows=[present, had(key, name)]))
    load_into(github, Transformed(rows=list(links("500", URL, "a_fix_pay-12", "", "", []))))
    found = issue_links(jira.tenant_id).select_related("link")
    assert [each.link.issue_key for each in found] == linked


def test_a_shorter_key_makes_the_link_when_the_issue_with_the_longer_key_is_gone(
    jira: Integration, github: Integration
) -> None:
    load_into(jira, Transformed(rows=[issue("1", key="PAY-12"), issue("2", key="FIX_PAY-12")]))
    load_into(github, Transformed(rows=list(links("500", URL, "fix_pay-12", "", "", []))))
    assert issue_links(jira.tenant_id).get().issue.external_id == "2"
    Issue.across_tenants.filter(external_id="2").update(deleted_at=NOON)
    assert issue_links(jira.tenant_id).get().issue.external_id == "1"
