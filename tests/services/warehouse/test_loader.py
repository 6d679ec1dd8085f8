"""Does the loader write the given rows into the tables, and change nothing else?"""

from datetime import date

import pytest
from django.db import DataError, connection
from django.test.utils import CaptureQueriesContext

from apps.integrations.models import Integration
from apps.sources import rows
from apps.sources.base import Children, Transformed
from apps.tenants.models import Tenant
from apps.warehouse.loader import IntegrationGoneError, LoadReport, TableReport, load
from apps.warehouse.models import MODELS, Issue, IssueChange, LoadedModel, Sprint, User
from tests.services.warehouse.conftest import NOON, change, every_row, issue, load_into, with_changes


def versions(model: type[LoadedModel]) -> dict[str, tuple[str, str]]:
    """The transactions that wrote each row and that locked it last."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT external_id, xmin::text, xmax::text FROM {model._meta.db_table}")
        return {external_id: (xmin, xmax) for external_id, xmin, xmax in cursor.fetchall()}


def living(model: type[LoadedModel]) -> set[str]:
    return set(model.across_tenants.filter(deleted_at=None).values_list("external_id", flat=True))


def test_every_value_is_loaded_unchanged(jira: Integration) -> None:
    given = issue(
        summary='Größe "μ" \\N \t tab',
        description="line\nbreak\r\n{}",
        story_points=2.5,
        labels=["a,b", 'quo"te', "", "null"],
        due_on=date(2026, 4, 1),
    )
    load_into(jira, Transformed(rows=[given]), first_raw=77)
    stored = Issue.objects.for_tenant(jira.tenant_id).get()
    assert {name: getattr(stored, name) for name in given.__struct_fields__} == {
        name: getattr(given, name) for name in given.__struct_fields__
    }
    assert (stored.integration_id, stored.raw, stored.deleted_at) == (jira.pk, 77, None)


def test_the_report_counts_and_names_what_changed(jira: Integration) -> None:
    report = load_into(jira, with_changes(issue(), change("1"), change("2")))
    assert report.tables == {"issue": TableReport(1, 1), "issue_change": TableReport(2, 2)}
    assert report.changed == {"issue": [Issue.across_tenants.get().pk]}


def test_loading_again_changes_no_row(jira: Integration) -> None:
    records = [with_changes(issue(str(number)), change(f"c{number}", str(number))) for number in range(5)]
    load_into(jira, *records)
    before = versions(Issue), versions(IssueChange)
    report = load_into(jira, *records, first_raw=100)
    assert (versions(Issue), versions(IssueChange)) == before
    assert report == LoadReport(tables={"issue": TableReport(5), "issue_change": TableReport(5)})
    assert set(Issue.across_tenants.values_list("raw", flat=True)) == {1, 2, 3, 4, 5}


def test_only_the_changed_row_is_written(jira: Integration) -> None:
    load_into(jira, Transformed(rows=[issue("1"), issue("2")]))
    before = versions(Issue)
    report = load_into(jira, Transformed(rows=[issue("1"), issue("2", story_points=3)]), first_raw=9)
    assert report.tables["issue"] == TableReport(given=2, updated=1)
    assert versions(Issue)["1"] == before["1"]
    second = Issue.across_tenants.get(external_id="2")
    assert (second.story_points, second.raw) == (3, 9)
    assert report.changed == {"issue": [second.pk]}


def test_the_last_of_several_versions_wins(jira: Integration) -> None:
    report = load_into(jira, Transformed(rows=[issue(summary="old")]), Transformed(rows=[issue(summary="new")]))
    assert report.tables["issue"] == TableReport(given=1, inserted=1)
    stored = Issue.across_tenants.get()
    assert (stored.summary, stored.raw) == ("new", 2)


def test_a_missing_child_gets_a_tombstone_and_can_come_back(jira: Integration) -> None:
    load_into(jira, with_changes(issue(), change("1"), change("2", to_text="Done")))
    report = load_into(jira, with_changes(issue(), change("1")), first_raw=5)
    assert report.tables["issue_change"] == TableReport(given=1, tombstoned=1)
    gone = IssueChange.across_tenants.get(external_id="2")
    assert gone.deleted_at is not None
    assert (gone.to_text, gone.raw) == ("Done", 1)

    again = load_into(jira, with_changes(issue(), change("1")), first_raw=6)
    assert again.tables["issue_change"] == TableReport(given=1)

    revived = load_into(jira, with_changes(issue(), change("1"), change("2", to_text="Done")), first_raw=7)
    assert revived.tables["issue_change"] == TableReport(given=2, updated=1)
    assert living(IssueChange) == {"1", "2"}


def test_a_complete_list_without_children_buries_all(jira: Integration) -> None:
    load_into(jira, with_changes(issue(), change("1"), change("2")))
    report = load_into(jira, with_changes(issue()))
    assert report.tables["issue_change"] == TableReport(tombstoned=2)


def test_children_of_other_parents_and_integrations_stay(jira: Integration, github: Integration) -> None:
    load_into(jira, with_changes(issue("1"), change("a", "1")), with_changes(issue("2"), change("b", "2")))
    load_into(github, with_changes(issue("1"), change("a", "1")))
    load_into(jira, with_changes(issue("1")))
    assert living(IssueChange) == {"a", "b"}
    assert IssueChange.across_tenants.get(integration=jira, external_id="a").deleted_at is not None


def test_a_child_that_moved_to_another_parent_stays_live(jira: Integration) -> None:
    load_into(jira, with_changes(issue("1"), change("a", "1")), with_changes(issue("2")))
    load_into(jira, with_changes(issue("1")), with_changes(issue("2"), change("a", "2")))
    moved = IssueChange.across_tenants.get()
    assert (moved.issue, moved.deleted_at) == ("2", None)


def test_the_later_one_of_two_complete_lists_in_a_batch_counts(jira: Integration) -> None:
    load_into(jira, with_changes(issue(), change("1"), change("2")), with_changes(issue(), change("1")))
    assert living(IssueChange) == {"1"}


def test_embedded_tombstones_are_reported(jira: Integration) -> None:
    comment = rows.IssueComment(external_id="7", issue="10001", body="Hello", created_at=NOON)
    whole = [Children(rows.IssueComment, "issue", "10001")]
    load_into(jira, Transformed(rows=[comment], complete=whole))
    report = load_into(jira, Transformed(complete=whole))
    assert report.tables["issue_comment"].tombstoned == 1
    assert len(report.changed["issue_comment"]) == 1


def test_gap_rows_fill_gaps_only(jira: Integration) -> None:
    load_into(jira, Transformed(rows=[rows.User(external_id="u1", email="ada@example.com")]))
    before = versions(User)
    report = load_into(
        jira,
        Transformed(gap_rows=[rows.User(external_id="u1"), rows.User(external_id="u2", login="bob")]),
    )
    assert report.tables["user"] == TableReport(given=2, inserted=1)
    assert versions(User)["u1"] == before["u1"]
    assert User.across_tenants.get(external_id="u1").email == "ada@example.com"


def test_a_row_of_the_batch_comes_before_its_gap_row(jira: Integration) -> None:
    load_into(
        jira,
        Transformed(rows=[rows.User(external_id="u1", login="ada")]),
        Transformed(gap_rows=[rows.User(external_id="u1")]),
    )
    assert User.across_tenants.get().login == "ada"


def test_a_gap_row_does_not_revive_a_tombstone(jira: Integration) -> None:
    load_into(jira, Transformed(rows=[rows.User(external_id="u1")]))
    User.across_tenants.update(deleted_at=NOON)
    load_into(jira, Transformed(gap_rows=[rows.User(external_id="u1")]))
    assert living(User) == set()


def test_the_number_of_queries_does_not_grow_with_the_batch(jira: Integration) -> None:
    def queries(size: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            load_into(jira, *(with_changes(issue(str(n)), change(f"c{n}", str(n))) for n in range(size)))
        return len(captured)

    queries(1)
    assert queries(1) == queries(100) < 15


def test_every_table_can_be_loaded(jira: Integration) -> None:
    report = load_into(jira, Transformed(rows=every_row()))
    assert report.tables == {name: TableReport(1, 1) for name in MODELS}


def test_an_integration_of_another_tenant_is_refused(jira: Integration) -> None:
    other = Tenant.objects.create(slug="other", name="Other")
    with pytest.raises(IntegrationGoneError, match="does not exist"):
        load([(1, Transformed(rows=[issue()]))], tenant_id=other.pk, integration_id=jira.pk)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (rows.WorkItemType(external_id="1", name="Bug", hierarchy_level=2**31), "out of range"),
        (rows.WorkItemType(external_id="1", name="Bug", hierarchy_level=2**70), "work_item_type 1: "),
        (rows.Sprint(external_id="1", name="a\0b"), "0x00"),
        (rows.Sprint(external_id="1", name="a\ud800b"), "sprint 1: .*surrogates"),
        (rows.Sprint(external_id="x" * 1_000_000, name="S"), "index row"),
        (rows.Sprint(external_id="1", name="S", starts_at=NOON.replace(tzinfo=None)), "offset-naive"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_refused(jira: Integration, row: rows.Row, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        load_into(jira, Transformed(rows=[row]))
    assert not Sprint.across_tenants.exists()


def test_a_parent_by_its_own_id_is_the_row_itself(jira: Integration) -> None:
    load_into(jira, Transformed(rows=[issue("1"), issue("2"), change("c", "1")]))
    whole = [Children(rows.Issue, "external_id", "1"), Children(rows.IssueChange, "issue", "1")]
    report = load_into(jira, Transformed(complete=whole))
    assert (living(Issue), living(IssueChange)) == ({"2"}, set())
    assert report.changed["issue"] == [Issue.across_tenants.get(external_id="1").pk]
    assert Issue.across_tenants.get(external_id="1").summary == "Issue 1"
    load_into(jira, Transformed(rows=[issue("1")], complete=whole[:1]))
    assert living(Issue) == {"1", "2"}
