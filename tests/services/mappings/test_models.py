"""Are circles, duplicates and inactive targets refused with a sentence that says where?"""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from apps.mappings.models import FlowStep, StandardType, StatusMapping, WorkItemHierarchy, WorkItemTypeMapping
from tests.services.mappings.conftest import Site


def sentence(row: object) -> str:
    with pytest.raises(ValidationError) as caught:
        row.full_clean()  # type: ignore[attr-defined]
    return " ".join(caught.value.messages)


def test_a_circle_is_refused_with_its_path(site: Site) -> None:
    story, task, bug = (site.standard_type(name) for name in ("Story", "Task", "Bug"))
    for parent, child in ((story, task), (task, bug)):
        WorkItemHierarchy.across_tenants.create(tenant=site.tenant, parent=parent, child=child)
    closing = WorkItemHierarchy(tenant=site.tenant, parent=bug, child=story)
    assert "Bug → Story → Task → Bug" in sentence(closing)


def test_a_circle_through_an_inactive_link_is_refused_too(site: Site) -> None:
    story, task = site.standard_type("Story"), site.standard_type("Task")
    WorkItemHierarchy.across_tenants.create(tenant=site.tenant, parent=story, child=task, is_active=False)
    assert "Task → Story → Task" in sentence(WorkItemHierarchy(tenant=site.tenant, parent=task, child=story))


def test_a_type_is_not_its_own_parent(site: Site) -> None:
    story = site.standard_type("Story")
    assert "its own parent" in sentence(WorkItemHierarchy(tenant=site.tenant, parent=story, child=story))


def test_a_parent_is_not_below_its_child(site: Site) -> None:
    link = WorkItemHierarchy(
        tenant=site.tenant, parent=site.standard_type("Sub-task"), child=site.standard_type("Epic")
    )
    assert "Sub-task (level 1) cannot be the parent of Epic (level 3)" in sentence(link)


def test_a_level_that_turns_the_hierarchy_round_is_refused(site: Site) -> None:
    epic = site.standard_type("Epic")
    epic.level = 1
    assert "Epic (level 1) cannot be the parent of" in sentence(epic)


def test_duplicates_by_case_are_refused_by_sentence_and_database(site: Site) -> None:
    site.map_type("Überarbeitung", "Task")
    double = WorkItemTypeMapping(
        tenant=site.tenant, provider_type="ÜBERARBEITUNG", standard_type=site.standard_type("Bug")
    )
    assert "The work item type mapping “Überarbeitung → Task”" in sentence(double)
    with pytest.raises(IntegrityError), transaction.atomic():
        double.save()


def test_one_status_has_one_step_per_workflow_and_place(site: Site) -> None:
    project = site.project("ACME")
    bugs = site.workflow("Bugs", Open="to_do", Fixed="done")
    site.map_status("Review", site.step("Review"))
    site.map_status("REVIEW", site.step("In Progress"), integration=site.integration)
    site.map_status("review", site.step("Done"), integration=site.integration, project=project)
    site.map_status("review", bugs.steps.get(name="Open"))
    double = StatusMapping(tenant=site.tenant, provider_status="rEVIEW", flow_step=site.step("To Do"))
    assert "already exists" in sentence(double)
    with pytest.raises(IntegrityError), transaction.atomic():
        double.save()


def test_the_same_name_in_another_tenant_is_no_duplicate(site: Site, other_site: Site) -> None:
    site.map_type("Story", "Story")
    other_site.map_type("story", "Story").full_clean()


def test_an_inactive_target_is_refused_by_its_name(site: Site) -> None:
    StandardType.objects.for_tenant(site.tenant).filter(name="Bug").update(is_active=False)
    mapping = WorkItemTypeMapping(tenant=site.tenant, provider_type="Defect", standard_type=site.standard_type("Bug"))
    assert "The standard type “Bug” is inactive" in sentence(mapping)
    mapping.is_active = False
    mapping.full_clean()


def test_a_project_brings_its_integration(site: Site) -> None:
    mapping = StatusMapping(
        tenant=site.tenant, provider_status="QA", flow_step=site.step("Review"), project=site.project("ACME")
    )
    mapping.full_clean()
    assert mapping.integration == site.integration


def test_the_database_keeps_a_mapping_in_the_workflow_of_its_step(site: Site) -> None:
    mapping = site.map_status("QA", site.step("Review"))
    bugs = site.workflow("Bugs", Open="to_do", Fixed="done")
    StatusMapping.across_tenants.filter(pk=mapping.pk).update(workflow=bugs)
    with pytest.raises(IntegrityError), transaction.atomic():
        connection.check_constraints()
    mapping.delete()


def test_a_step_with_statuses_stays_in_its_workflow(site: Site) -> None:
    step = site.step("Review")
    site.map_status("QA", step)
    step.workflow = site.workflow("Bugs", Fixed="done")
    assert "Create a new step instead" in sentence(step)


def test_two_steps_can_swap_positions_but_never_share_one(site: Site) -> None:
    todo, doing = (FlowStep.across_tenants.filter(pk=site.step(name).pk) for name in ("To Do", "In Progress"))
    todo.update(position=2)
    doing.update(position=1)
    connection.check_constraints()
    todo.update(position=4)
    with pytest.raises(IntegrityError), transaction.atomic():
        connection.check_constraints()
    todo.update(position=2)


def test_deleting_a_tenant_deletes_its_mappings(site: Site, other_site: Site) -> None:
    site.map_status("QA", site.step("Review"))
    site.map_type("Story", "Story")
    site.tenant.delete()
    assert not FlowStep.objects.for_tenant(site.tenant.pk).exists()
    assert FlowStep.objects.for_tenant(other_site.tenant).exists()
