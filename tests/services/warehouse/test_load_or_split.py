"""If one record is bad, are all others loaded?"""

from django.db import transaction

from apps.integrations.models import Integration
from apps.sources import rows
from apps.sources.base import Transformed
from apps.warehouse.loader import LoadReport, TableReport, load_or_split
from apps.warehouse.models import Issue, WorkItemType
from tests.services.warehouse.conftest import change, issue, with_changes

TOO_BIG = rows.WorkItemType(external_id="1", name="Bug", hierarchy_level=2**40)


def load_split(integration: Integration, records: list[Transformed]) -> tuple[LoadReport, list[tuple[int, Exception]]]:
    with transaction.atomic():
        return load_or_split(list(enumerate(records)), tenant_id=integration.tenant_id, integration_id=integration.pk)


def test_good_records_need_no_split(jira: Integration) -> None:
    report, refused = load_split(jira, [Transformed(rows=[issue(str(number))]) for number in range(3)])
    assert report.tables == {"issue": TableReport(3, 3)}
    assert refused == []


def test_one_bad_record_of_200_is_found(jira: Integration) -> None:
    records = [with_changes(issue(str(n)), change(f"c{n}", str(n))) for n in range(200)]
    records[137].rows.append(TOO_BIG)
    report, refused = load_split(jira, records)
    assert [raw_id for raw_id, _ in refused] == [137]
    assert "out of range" in str(refused[0][1])
    assert report.tables == {"issue": TableReport(199, 199), "issue_change": TableReport(199, 199)}
    assert report.changed["issue"] == sorted(Issue.across_tenants.values_list("pk", flat=True))
    assert not Issue.across_tenants.filter(external_id="137").exists()


def test_every_bad_record_is_found(jira: Integration) -> None:
    records = [Transformed(rows=[issue(str(number))]) for number in range(20)]
    bad = {0, 7, 8, 19}
    for number in bad:
        records[number].rows.append(TOO_BIG)
    report, refused = load_split(jira, records)
    assert {raw_id for raw_id, _ in refused} == bad
    assert report.tables["issue"].inserted == 16
    assert not WorkItemType.across_tenants.exists()


def test_a_missing_value_is_an_error_of_its_record_only(jira: Integration) -> None:
    report, refused = load_split(jira, [Transformed(rows=[issue("1")]), Transformed(rows=[issue("2", summary=None)])])
    assert [raw_id for raw_id, _ in refused] == [1]
    assert report.tables["issue"].inserted == 1
