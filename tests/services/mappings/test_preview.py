"""Does the preview say what the change really does?"""

import pytest

from apps.mappings.models import FlowStep, StatusMapping, Workflow
from apps.mappings.preview import Preview, preview
from tests.services.mappings.conftest import Site


@pytest.fixture
def mapped(site: Site) -> Site:
    """Three issues in QA (one of them past it), one in Doing."""
    site.map_type("Story", "Story")
    for name, step in (("QA", "Review"), ("Doing", "In Progress"), ("Closed", "Done")):
        site.map_status(name, site.step(step))
    project, story = site.project("A"), site.type("Story")
    qa, doing, closed = site.status("QA"), site.status("Doing"), site.status("Closed", "done")
    for status in (qa, qa, doing):
        site.issue(project, story, status)
    site.move(site.issue(project, story, closed), qa, closed)
    return site


def look(site: Site, change: object) -> Preview:
    seen, _ = preview(tenants=[site.tenant.pk], change=change)  # type: ignore[arg-type]
    return seen


def test_a_preview_counts_changes_by_kind_and_changes_nothing(mapped: Site) -> None:
    before = list(StatusMapping.objects.for_tenant(mapped.tenant).values())
    qa = StatusMapping.objects.for_tenant(mapped.tenant).filter(provider_status="QA")
    doing = mapped.step("In Progress")
    seen = look(mapped, lambda: qa.update(flow_step=doing))
    assert (seen.issues, seen.past, seen.faults) == (2, 1, ())
    assert [(shift.what, shift.old, shift.new, shift.issues) for shift in seen.shifts] == [
        ("category", "Waiting", "Active", 2),
        ("flow step", "Default: Review", "Default: In Progress", 2),
    ]
    assert any("cycle time" in metrics for metrics in seen.metrics)
    assert list(StatusMapping.objects.for_tenant(mapped.tenant).values()) == before


def test_the_preview_equals_the_real_change(mapped: Site) -> None:
    def categories() -> list[str | None]:
        from apps.mappings.models import IssueFlow

        rows = IssueFlow.objects.for_tenant(mapped.tenant).order_by("issue_id")
        return list(rows.values_list("category", flat=True))

    def change() -> None:
        FlowStep.across_tenants.filter(pk=mapped.step("Review").pk).update(is_active=False)

    before, seen = categories(), look(mapped, change)
    assert categories() == before
    change()
    moved = sum(old != new for old, new in zip(before, categories(), strict=True))
    assert moved == seen.issues == 2
    assert ("category", "Waiting", "(none)", 2) in [
        (shift.what, shift.old, shift.new, shift.issues) for shift in seen.shifts
    ]


def test_a_new_category_of_a_step_changes_past_moves_too(mapped: Site) -> None:
    step = FlowStep.across_tenants.filter(pk=mapped.step("Review").pk)
    seen = look(mapped, lambda: step.update(category="active"))
    assert (seen.issues, seen.past) == (2, 1)
    assert {shift.what for shift in seen.shifts} == {"category"}


def test_a_workflow_without_a_done_step_is_a_fault(mapped: Site) -> None:
    done = FlowStep.across_tenants.filter(pk=mapped.step("Done").pk)
    (fault,) = look(mapped, lambda: done.update(is_active=False)).faults
    assert "“Default” has no active step of the category Done" in fault


def test_a_tenant_left_without_default_workflow_is_a_fault(mapped: Site) -> None:
    default = Workflow.objects.for_tenant(mapped.tenant)
    (fault,) = look(mapped, lambda: default.update(is_default=False)).faults
    assert "default" in fault


def test_an_error_of_the_change_comes_through(mapped: Site) -> None:
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        look(mapped, fail)
    assert not look(mapped, lambda: None)
