"""Does an import of an exported file change nothing, and does one invalid line stop the whole import?"""

import pytest

from apps.mappings.csv_files import FORMATS, CsvError, export_csv, import_csv
from apps.mappings.models import FlowStep, MappingModel, StandardType, StatusMapping, TypeWorkflow, Workflow
from tests.services.mappings.conftest import Site

HEADER = "integration,project,provider_status,workflow,flow_step,is_active\n"


def exported(site: Site, model: type[MappingModel]) -> str:
    return export_csv(model.objects.for_tenant(site.tenant))


def fill(site: Site) -> None:
    project = site.project("ACME")
    site.map_type("Story", "Story", integration=site.integration)
    site.map_status("=cmd|'x'!A1", site.step("Review"), is_active=False)
    site.map_status('Übergabe, "extern"', site.step("Done"), integration=site.integration, project=project)
    bugs = site.workflow("Bugs", Open="to_do", Fixed="done")
    TypeWorkflow.across_tenants.create(tenant=site.tenant, standard_type=site.standard_type("Bug"), workflow=bugs)


@pytest.mark.parametrize("model", FORMATS)
def test_what_was_exported_is_imported_without_a_change(site: Site, model: type[MappingModel]) -> None:
    fill(site)
    rows = list(model.objects.for_tenant(site.tenant).order_by("pk").values())
    text = exported(site, model)
    assert len(import_csv(model=model, tenant=site.tenant.pk, text=text)) == len(rows) > 0
    assert list(model.objects.for_tenant(site.tenant).order_by("pk").values()) == rows


def test_a_file_makes_the_same_rows_in_another_tenant(site: Site, other_site: Site) -> None:
    fill(site)
    other_site.integration.name = site.integration.name
    other_site.integration.save()
    other_site.project("ACME")
    for model in FORMATS:
        import_csv(model=model, tenant=other_site.tenant.pk, text=exported(site, model))
        assert exported(other_site, model) == exported(site, model)


def test_a_formula_is_exported_as_text(site: Site) -> None:
    fill(site)
    assert "'=cmd" in exported(site, StatusMapping)


def test_lines_change_what_they_name_and_add_the_rest(site: Site) -> None:
    mapping = site.map_status("QA", site.step("Review"))
    text = HEADER + ",,qa,DEFAULT,in progress,yes\n,,New,Default,Done,no\n"
    import_csv(model=StatusMapping, tenant=site.tenant.pk, text=text)
    mapping.refresh_from_db()
    assert (mapping.provider_status, mapping.flow_step.name) == ("qa", "In Progress")
    assert StatusMapping.objects.for_tenant(site.tenant).get(provider_status="New").is_active is False


def test_every_bad_line_is_named_and_nothing_is_kept(site: Site, other_site: Site) -> None:
    FlowStep.across_tenants.filter(pk=site.step("Review").pk).update(is_active=False)
    lines = [
        ",,Good,Default,Done,yes",
        ",,A,Default,Nowhere,yes",
        "globex-jira,,B,Default,Done,yes",
        ",ACME,C,Default,Done,yes",
        ",,D,Default,Done,perhaps",
        ",,,Default,Done,yes",
        ",,E,Default,Review,yes",
        ",,F,,Done,yes",
    ]
    with pytest.raises(CsvError) as caught:
        import_csv(model=StatusMapping, tenant=site.tenant.pk, text=HEADER + "\n".join(lines))
    assert caught.value.sentences == [
        "Line 3: There is no flow_step “Nowhere” in workflow “Default”.",
        "Line 4: There is no integration “globex-jira”.",
        "Line 5: There is no project “ACME” in integration “None”.",
        "Line 6: is_active must be yes or no, not “perhaps”.",
        "Line 7: This field cannot be blank.",
        "Line 8: The flow step “Default: Review” is inactive. Activate it first, or choose another one.",
        "Line 9: workflow is empty.",
    ]
    assert not StatusMapping.objects.for_tenant(site.tenant).exists()


def test_numbers_and_rules_of_the_database_are_named_too(site: Site) -> None:
    with pytest.raises(CsvError) as caught:
        import_csv(
            model=StandardType,
            tenant=site.tenant.pk,
            text="name,level,is_active\nEpic,x,yes\nEpic,-1,yes\nEpic,99999,no\n",
        )
    assert [sentence[:6] for sentence in caught.value.sentences] == ["Line 2", "Line 3", "Line 4"]
    with pytest.raises(CsvError, match=r"Another workflow is the default\."):
        import_csv(model=Workflow, tenant=site.tenant.pk, text="name,is_default,is_active\nBugs,yes,yes\n")


def test_steps_can_change_places_in_a_file_but_not_share_one(site: Site) -> None:
    head = "workflow,name,position,category,is_active\n"
    swap = head + "Default,To Do,2,to_do,yes\nDefault,In Progress,1,active,yes\n"
    import_csv(model=FlowStep, tenant=site.tenant.pk, text=swap)
    assert (site.step("To Do").position, site.step("In Progress").position) == (2, 1)
    with pytest.raises(CsvError, match=r"Another step of this workflow has this position"):
        import_csv(model=FlowStep, tenant=site.tenant.pk, text=head + "Default,To Do,3,to_do,yes\n")
    assert site.step("To Do").position == 2
