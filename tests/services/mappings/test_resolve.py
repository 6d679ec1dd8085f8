"""Does the view give every issue what the most specific active mapping says?"""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.mappings.models import ChangeFlow, FlowStep, IssueFlow, StandardType, TypeWorkflow, Workflow
from tests.services.mappings.conftest import NOW, Site


def test_nothing_mapped_is_null(site: Site) -> None:
    flow = site.flow(site.issue(site.project("A"), site.type("Story"), site.status("Doing")))
    assert (flow.standard_type, flow.level, flow.workflow_id, flow.flow_step, flow.category) == (None,) * 5


def test_names_match_whatever_their_case(site: Site) -> None:
    site.map_type("ÜBERPRÜFUNG", "Task")
    site.map_status("in überarbeitung", site.step("In Progress"))
    flow = site.flow(site.issue(site.project("A"), site.type("Überprüfung"), site.status("In ÜberArbeitung")))
    assert (str(flow.standard_type), flow.level, flow.category, flow.position) == ("Task", 2, "active", 2)


def test_an_issue_without_type_has_no_workflow(site: Site) -> None:
    site.map_status("Doing", site.step("In Progress"))
    flow = site.flow(site.issue(site.project("A"), site.type("Story"), site.status("Doing")))
    assert (flow.workflow_id, flow.category) == (None, None)


def test_the_most_specific_place_decides(site: Site) -> None:
    here, there = site.project("HERE"), site.project("THERE")
    site.map_type("Story", "Bug")
    site.map_type("story", "Story", integration=site.integration)
    status, story = site.status("Review"), site.type("Story")
    issues = [site.issue(project, story, status) for project in (here, there)]
    site.map_status("Review", site.step("To Do"))
    assert [site.flow(issue).category for issue in issues] == ["to_do", "to_do"]
    site.map_status("review", site.step("In Progress"), integration=site.integration)
    assert [site.flow(issue).category for issue in issues] == ["active", "active"]
    special = site.map_status("REVIEW", site.step("Done"), integration=site.integration, project=here)
    assert [site.flow(issue).category for issue in issues] == ["done", "active"]
    assert str(site.flow(issues[0]).standard_type) == "Story"
    special.is_active = False
    special.save()
    assert site.flow(issues[0]).category == "active", "an inactive mapping counts as absent"


def test_a_type_takes_its_own_workflow(site: Site) -> None:
    bugs = site.workflow("Bugs", Open="to_do", Fixed="done")
    for name in ("Bug", "Story"):
        site.map_type(name, name)
    TypeWorkflow.across_tenants.create(tenant=site.tenant, standard_type=site.standard_type("Bug"), workflow=bugs)
    site.map_status("Closed", site.step("In Progress"))
    status, project = site.status("Closed"), site.project("A")
    bug, story = (site.issue(project, site.type(name), status) for name in ("Bug", "Story"))
    assert (site.flow(bug).workflow_id, site.flow(bug).category) == (bugs.pk, None)
    assert site.flow(story).category == "active"
    site.map_status("closed", site.step("Fixed", "Bugs"))
    assert site.flow(bug).category == "done"
    assert site.flow(story).category == "active"


@pytest.mark.parametrize(
    ("model", "where", "left"),
    [
        (StandardType, {"name": "Story"}, {"standard_type_id", "workflow_id", "flow_step_id"}),
        (Workflow, {"name": "Default"}, {"workflow_id", "flow_step_id"}),
        (FlowStep, {"name": "In Progress"}, {"flow_step_id"}),
    ],
)
def test_a_mapping_to_an_inactive_row_maps_to_nothing(
    site: Site, model: Any, where: dict[str, str], left: set[str]
) -> None:
    site.map_type("Story", "Story")
    site.map_status("Doing", site.step("To Do"))
    site.map_status("Doing", site.step("In Progress"), integration=site.integration)
    issue = site.issue(site.project("A"), site.type("Story"), site.status("Doing"))
    assert site.flow(issue).category == "active"
    model.objects.for_tenant(site.tenant).filter(**where).update(is_active=False)
    flow = site.flow(issue)
    assert {name for name in ("standard_type_id", "workflow_id", "flow_step_id") if getattr(flow, name) is None} == left
    assert flow.category is None


def test_deleted_issues_and_inactive_integrations_are_left_out(site: Site) -> None:
    project, story, status = site.project("A"), site.type("Story"), site.status("Doing")
    site.issue(project, story, status, deleted_at=timezone.now())
    kept = site.issue(project, story, status)
    rows = IssueFlow.objects.for_tenant(site.tenant)
    assert [row.issue_id for row in rows] == [kept.pk]
    site.integration.is_active = False
    site.integration.save()
    assert not rows.all()


def test_tenants_do_not_share_mappings(site: Site, other_site: Site) -> None:
    site.map_type("Story", "Story")
    site.map_status("Doing", site.step("In Progress"))
    issue = other_site.issue(other_site.project("A"), other_site.type("Story"), other_site.status("Doing"))
    assert other_site.flow(issue).standard_type is None
    assert not IssueFlow.objects.for_tenant(site.tenant).filter(issue=issue)


def test_past_changes_are_mapped_by_the_statuses_that_they_name(site: Site) -> None:
    site.map_type("Story", "Story")
    for name, step in (("Open", "To Do"), ("Doing", "In Progress"), ("Old name", "Review")):
        site.map_status(name, site.step(step))
    opened, doing = site.status("open"), site.status("Doing")
    issue = site.issue(site.project("A"), site.type("Story"), doing)
    renamed = site.move(issue, opened, doing, to_text="what Doing was called once")
    gone = site.move(issue, doing, doing, to_value="999", to_text="OLD NAME", changed_at=NOW + timedelta(1))
    site.move(issue, doing, doing, field="assignee")
    moves = ChangeFlow.objects.for_tenant(site.tenant).select_related("from_step", "to_step").order_by("change_id")
    assert [(move.change_id, str(move.from_step), str(move.to_step)) for move in moves] == [
        (renamed.pk, "Default: To Do", "Default: In Progress"),
        (gone.pk, "Default: In Progress", "Default: Review"),
    ]
