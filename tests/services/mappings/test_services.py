"""Do default mappings only add rows, and are rows in use deleted only with a replacement?"""

import pytest
from django.core.exceptions import ValidationError

from apps.integrations.models import Integration
from apps.mappings.models import (
    FlowStep,
    StandardType,
    StatusMapping,
    TypeWorkflow,
    Workflow,
    WorkItemHierarchy,
    WorkItemTypeMapping,
)
from apps.mappings.selectors import faults, misplaced, unmapped
from apps.mappings.services import Created, Impact, create_defaults, delete_row, impact
from apps.tenants.services import create_tenant
from tests.services.mappings.conftest import Site


def steps_of(site: Site) -> dict[str, str]:
    rows = StatusMapping.objects.for_tenant(site.tenant).select_related("flow_step")
    return {row.provider_status: row.flow_step.name for row in rows}


def defaults(site: Site) -> Created:
    return create_defaults(tenant=site.tenant, integration=site.integration)


def test_a_new_tenant_gets_types_workflow_and_mappings_once(db: None) -> None:
    tenant = create_tenant(slug="new", name="New")
    jira = Integration.across_tenants.create(
        tenant=tenant, provider="jira", name="j", base_url="https://jira.example.com"
    )
    site = Site(tenant, jira)
    for name, values in (("Story", {}), ("Epic", {"hierarchy_level": 1}), ("Teil", {"is_subtask": True})):
        site.type(name, **values)
    site.type("STORY", project="1")
    for name, category in (("Open", "new"), ("Doing", "indeterminate"), ("Code review", "indeterminate")):
        site.status(name, category)
    site.status("Closed", "done")
    site.status("Odd", "undefined")
    assert defaults(site) == (3, 4)
    assert defaults(site) == (0, 0)
    types = WorkItemTypeMapping.objects.for_tenant(tenant).values_list("provider_type", "standard_type__name")
    assert set(types) == {("Story", "Story"), ("Epic", "Epic"), ("Teil", "Sub-task")}
    assert steps_of(site) == {"Open": "To Do", "Doing": "In Progress", "Code review": "Review", "Closed": "Done"}
    assert [(item.name, item.is_deactivated) for item in unmapped(tenant)] == [("Odd", False)]
    assert not faults([tenant.pk])
    for row in WorkItemHierarchy.objects.for_tenant(tenant):
        row.full_clean()


def test_a_source_without_types_creates_nothing(db: None) -> None:
    tenant = create_tenant(slug="code", name="Code")
    github = Integration.across_tenants.create(
        tenant=tenant, provider="github", name="g", base_url="https://api.github.com"
    )
    assert create_defaults(tenant=tenant, integration=github) == (0, 0)
    assert not StandardType.objects.for_tenant(tenant).exists()


def test_mappings_of_a_person_are_never_changed(site: Site) -> None:
    site.type("Story")
    site.type("Bug")
    site.status("Review")
    site.status("Done", "done")
    site.map_type("STORY", "Task")
    site.map_type("bug", "Bug", is_active=False)
    site.map_status("REVIEW", site.step("In Progress"))
    site.map_status("done", site.step("Done"), integration=site.integration, is_active=False)
    assert defaults(site) == (0, 0)


def test_removed_types_and_workflows_do_not_come_back(site: Site) -> None:
    site.standard_type("Bug").delete()
    site.type("Bug")
    defaults(site)
    assert not StandardType.objects.for_tenant(site.tenant).filter(name="Bug").exists()
    assert WorkItemTypeMapping.objects.for_tenant(site.tenant).get().standard_type.level == 2


def test_a_status_that_means_something_else_in_one_project_gets_its_own_mapping(site: Site) -> None:
    odd = site.project("ODD")
    site.type("Story")
    site.status("Ready")
    site.status("ready")
    site.status("Ready", "done", project=odd.external_id)
    defaults(site)
    rows = StatusMapping.objects.for_tenant(site.tenant).values_list("project", "flow_step__name")
    assert set(rows) == {(None, "In Progress"), (odd.pk, "Done")}


def test_every_active_workflow_gets_mappings_to_steps_of_the_same_name_first(site: Site) -> None:
    site.workflow("Bugs", Triage="to_do", Analysis="active", Fixing="active", Closed="done")
    site.type("Bug")
    site.status("fixing")
    site.status("QA")
    defaults(site)
    rows = StatusMapping.objects.for_tenant(site.tenant).filter(workflow__name="Bugs")
    assert dict(rows.values_list("provider_status", "flow_step__name")) == {"fixing": "Fixing", "QA": "Analysis"}


def test_a_flow_step_in_use_is_deleted_only_with_a_replacement(site: Site) -> None:
    review, doing = site.step("Review"), site.step("In Progress")
    site.map_type("Story", "Story")
    mapping = site.map_status("QA", review)
    issue = site.issue(site.project("A"), site.type("Story"), site.status("QA"))
    assert impact(row=review) == Impact(mappings=1, issues=1)
    with pytest.raises(ValidationError, match=r"used by 1 status mapping\. Choose a replacement"):
        delete_row(row=review)
    delete_row(row=review, reassign_to=doing)
    mapping.refresh_from_db()
    assert mapping.flow_step == doing
    assert site.flow(issue).category == "active"
    assert not FlowStep.across_tenants.filter(name="Review", workflow=doing.workflow_id).exists()


def test_a_step_of_another_workflow_or_tenant_is_no_replacement(site: Site, other_site: Site) -> None:
    bugs = site.workflow("Bugs", Fixed="done")
    for wrong in (bugs.steps.get(), other_site.step("Done"), site.step("Review")):
        with pytest.raises(ValidationError, match="cannot replace"):
            delete_row(row=site.step("Review"), reassign_to=wrong)


def test_the_mappings_of_a_deleted_standard_type_are_reassigned(site: Site) -> None:
    mapping = site.map_type("Story", "Story")
    with pytest.raises(ValidationError, match="used by 1 work item type mapping"):
        delete_row(row=site.standard_type("Story"))
    delete_row(row=site.standard_type("Story"), reassign_to=site.standard_type("Task"))
    mapping.refresh_from_db()
    assert mapping.standard_type.name == "Task"


def test_a_mapping_in_use_can_get_another_target(site: Site) -> None:
    site.map_type("Story", "Story")
    mapping = site.map_status("QA", site.step("Review"))
    issue = site.issue(site.project("A"), site.type("Story"), site.status("QA"))
    assert impact(row=mapping).issues == 1
    delete_row(row=mapping, reassign_to=site.step("Done"))
    assert site.flow(issue).category == "done"
    delete_row(row=StatusMapping.objects.for_tenant(site.tenant).get())
    assert site.flow(issue).category is None


def test_the_default_workflow_is_deleted_only_with_a_new_default(site: Site) -> None:
    default = Workflow.objects.for_tenant(site.tenant).get()
    bugs = site.workflow("Bugs", Fixed="done")
    own = TypeWorkflow.across_tenants.create(
        tenant=site.tenant, standard_type=site.standard_type("Bug"), workflow=default
    )
    site.map_status("QA", site.step("Review"))
    with pytest.raises(ValidationError, match="Choose a replacement"):
        delete_row(row=default)
    own.delete()
    with pytest.raises(ValidationError, match="the default workflow"):
        delete_row(row=default)
    delete_row(row=default, reassign_to=bugs)
    bugs.refresh_from_db()
    assert bugs.is_default
    assert not StatusMapping.objects.for_tenant(site.tenant).exists()


def test_unmapped_names_have_issue_counts_and_say_if_a_mapping_is_inactive(site: Site) -> None:
    project, story, epic = site.project("A"), site.type("Story"), site.type("Epic")
    site.map_type("epic", "Epic", is_active=False)
    site.map_type("Story", "Story")
    site.map_status("Parked", site.step("Review"), is_active=False)
    lost, parked, unused = site.status("Lost"), site.status("Parked"), site.status("Unused")
    site.issue(project, story, lost)
    site.issue(project, story, site.status("LOST"))
    site.issue(project, story, parked)
    site.issue(project, epic, lost)
    found = {(item.kind, item.name.lower()): item for item in unmapped(site.tenant)}
    assert {key: (item.issues, item.is_deactivated) for key, item in found.items()} == {
        ("status", "lost"): (2, False),
        ("status", "parked"): (1, True),
        ("type", "epic"): (1, True),
        ("status", "unused"): (0, False),
    }
    assert found["status", unused.name.lower()].workflow == "Default"


def test_parents_that_the_hierarchy_does_not_allow_are_listed(site: Site) -> None:
    for name in ("Story", "Epic", "Bug"):
        site.map_type(name, name)
    project, status, story = site.project("A"), site.status("S"), site.type("Story")
    epic = site.issue(project, site.type("Epic"), status)
    under_epic = site.issue(project, story, status, parent=epic.external_id)
    site.issue(project, site.type("Bug"), status, parent=under_epic.external_id)
    assert [(item.parent, item.child, item.issues) for item in misplaced(site.tenant)] == [("Story", "Bug", 1)]
