"""Can admins do everything after a preview, and other users only what their role and tenant allow?"""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.mappings.models import FlowStep, StandardType, StatusMapping, Workflow, WorkItemTypeMapping
from apps.tenants.models import Role, Tenant
from apps.tenants.services import add_membership, create_user
from tests.services.mappings.conftest import Site

ROOT = "/admin/mappings/"
TABLES = (
    *("standardtype", "workitemhierarchy", "workitemtypemapping"),
    *("workflow", "flowstep", "statusmapping", "typeworkflow"),
)
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')

Visit = Callable[..., Client]


@pytest.fixture
def visit(db: None) -> Visit:
    """``visit(role, *tenants)``: the browser of a new user with this role in these tenants."""

    def enter(role: Role, *tenants: Tenant) -> Client:
        user = create_user(username=f"{role}-{len(tenants)}", password="correct horse battery staple")
        for tenant in tenants:
            add_membership(tenant=tenant, user=user, role=role)
        browser = Client()
        browser.force_login(user)
        return browser

    return enter


@pytest.fixture
def admin(site: Site, visit: Visit) -> Client:
    return visit(Role.ADMIN, site.tenant)


@pytest.fixture
def mapped(site: Site) -> StatusMapping:
    """An issue in QA, which is mapped to Review."""
    site.map_type("Story", "Story")
    site.issue(site.project("ACME"), site.type("Story"), site.status("QA"))
    return site.map_status("QA", site.step("Review"))


def category(site: Site) -> str | None:
    from apps.mappings.models import IssueFlow

    return IssueFlow.objects.for_tenant(site.tenant).get().category


def confirm(browser: Client, page: Any) -> Any:
    """Press "Apply changes" on a preview page."""
    fields: dict[str, list[str]] = {}
    for name, value in HIDDEN.findall(page.content.decode()):
        fields.setdefault(unescape(name), []).append(unescape(value))
    assert "_confirmed" in fields, page.content.decode()
    fields.pop("csrfmiddlewaretoken", None)
    return browser.post(page.wsgi_request.get_full_path(), fields)


def inline(*steps: FlowStep, **changes: Any) -> dict[str, Any]:
    """The fields that the page of a workflow sends for its steps, with ``changes`` such as ``s0_category="done"``."""
    sent: dict[str, Any] = {"steps-TOTAL_FORMS": len(steps), "steps-INITIAL_FORMS": len(steps)}
    for number, step in enumerate(steps):
        for field in ("id", "name", "position", "category"):
            sent[f"steps-{number}-{field}"] = getattr(step, field)
        sent |= {f"steps-{number}-workflow": step.workflow_id, f"steps-{number}-is_active": "on"}
    return sent | {f"steps-{key[1]}-{key[3:]}": value for key, value in changes.items()}


@pytest.mark.parametrize("table", TABLES)
def test_every_page_opens(site: Site, admin: Client, mapped: StatusMapping, table: str) -> None:
    for page in ("", "add/", "import/", "?q=a"):
        assert admin.get(f"{ROOT}{table}/{page}").status_code == 200, page
    page = admin.get(f"{ROOT}{table}/").content.decode()
    for link in set(re.findall(rf'href="({ROOT}{table}/\d+/change/)', page)):
        assert admin.get(link).status_code == 200
        assert admin.get(link.replace("change", "delete")).status_code == 200
        assert admin.get(link.replace("change", "history")).status_code == 200


@pytest.mark.parametrize("table", ["statusmapping", "workitemtypemapping", "flowstep"])
def test_more_rows_cost_no_more_queries(site: Site, admin: Client, mapped: StatusMapping, table: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            admin.get(f"{ROOT}{table}/")
        return len(seen)

    def fill(names: str) -> None:
        for name in names:
            site.map_type(name, "Task", integration=site.integration)
            step = site.workflow(f"Flow {name}", Done="done").steps.get()
            site.map_status(name, step, integration=site.integration, project=site.project(name))

    fill("ab")
    queries()  # the first page fills the caches of content types
    before = queries()
    fill("cdefghijkl")
    assert queries() == before


@pytest.mark.parametrize("table", TABLES)
def test_no_page_has_inline_scripts_or_styles(admin: Client, mapped: StatusMapping, table: str) -> None:
    for page in ("", "import/"):
        html = admin.get(f"{ROOT}{table}/{page}").content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)|<style| style=| on\w+=\"", html)


def test_an_edit_that_affects_issues_is_previewed_then_applied_and_logged(
    site: Site, admin: Client, mapped: StatusMapping
) -> None:
    address = f"{ROOT}statusmapping/{mapped.pk}/change/"
    form = {"provider_status": "QA", "flow_step": site.step("In Progress").pk, "is_active": "on"}
    page = admin.post(address, form)
    text = page.content.decode()
    assert "mapping of 1 issue and" in text
    assert "Waiting" in text
    assert "Active" in text
    assert category(site) == "waiting"
    assert not LogEntry.objects.exists()
    assert confirm(admin, page).status_code == 302
    assert category(site) == "active"
    assert LogEntry.objects.get().object_id == str(mapped.pk)
    history = admin.get(address.replace("change", "history")).content.decode()
    assert "Flow step" in history


def test_an_edit_that_affects_no_issue_is_saved_at_once(site: Site, admin: Client) -> None:
    answer = admin.post(
        f"{ROOT}statusmapping/add/",
        {"tenant": site.tenant.pk, "provider_status": "Unused", "flow_step": site.step("Done").pk, "is_active": "on"},
        follow=True,
    )
    assert answer.content.decode().count("was added successfully") == 1
    assert StatusMapping.objects.for_tenant(site.tenant).get().workflow.name == "Default"


def test_errors_of_a_form_are_shown_in_the_form(site: Site, admin: Client, mapped: StatusMapping) -> None:
    form = {"tenant": site.tenant.pk, "provider_status": "qa", "flow_step": site.step("Done").pk, "is_active": "on"}
    page = admin.post(f"{ROOT}statusmapping/add/", form).content.decode()
    assert "already exists" in page
    assert "Please correct the error" in page
    for missing in ({"tenant": site.tenant.pk}, {}):
        assert admin.post(f"{ROOT}statusmapping/add/", missing).status_code == 200
        assert admin.post(f"{ROOT}workitemhierarchy/add/", missing).status_code == 200
        assert admin.post(f"{ROOT}standardtype/add/", missing).status_code == 200
        assert admin.post(f"{ROOT}flowstep/add/", missing).status_code == 200


def test_deactivating_a_selection_is_previewed(site: Site, admin: Client, mapped: StatusMapping) -> None:
    page = admin.post(f"{ROOT}statusmapping/", {"action": "deactivate", "_selected_action": [mapped.pk]})
    assert "(none)" in page.content.decode()
    assert category(site) == "waiting"
    answer = confirm(admin, page)
    assert answer.status_code == 302
    assert category(site) is None
    assert LogEntry.objects.count() == 1
    page = admin.post(f"{ROOT}statusmapping/", {"action": "activate", "_selected_action": [mapped.pk]})
    confirm(admin, page)
    assert category(site) == "waiting"


def test_activating_an_invalid_row_changes_nothing(site: Site, admin: Client) -> None:
    step = site.step("Review")
    mapping = site.map_status("QA", step, is_active=False)
    FlowStep.across_tenants.filter(pk=step.pk).update(is_active=False)
    form = {"action": "activate", "_selected_action": [mapping.pk]}
    page = admin.post(f"{ROOT}statusmapping/", form, follow=True).content.decode()
    assert "Nothing was changed" in page
    assert "is inactive" in page


def test_an_edit_in_the_list_is_previewed(site: Site, admin: Client, mapped: StatusMapping) -> None:
    form = {"form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1, "form-0-id": mapped.pk, "_save": "Save"}
    page = admin.post(f"{ROOT}statusmapping/", form)
    assert category(site) == "waiting"
    assert confirm(admin, page).status_code == 302
    assert category(site) is None


def test_a_selection_is_mapped_to_a_chosen_step(site: Site, admin: Client, mapped: StatusMapping) -> None:
    form = {"action": "map_selected", "_selected_action": [mapped.pk]}
    question = admin.post(f"{ROOT}statusmapping/", form)
    assert "Default: Done" in question.content.decode()
    page = admin.post(f"{ROOT}statusmapping/", {**form, "flow_step": site.step("Done").pk})
    assert confirm(admin, page).status_code == 302
    assert category(site) == "done"


def test_a_selection_of_types_is_mapped_too(site: Site, admin: Client, mapped: StatusMapping) -> None:
    mapping = WorkItemTypeMapping.objects.for_tenant(site.tenant).get()
    form: dict[str, Any] = {"action": "map_selected", "_selected_action": [mapping.pk]}
    assert "Epic" in admin.post(f"{ROOT}workitemtypemapping/", form).content.decode()
    form["standard_type"] = site.standard_type("Bug").pk
    confirm(admin, admin.post(f"{ROOT}workitemtypemapping/", form))
    mapping.refresh_from_db()
    assert mapping.standard_type.name == "Bug"


def test_a_step_in_use_is_deleted_after_reassignment_and_preview(
    site: Site, admin: Client, mapped: StatusMapping
) -> None:
    address = f"{ROOT}flowstep/{site.step('Review').pk}/delete/"
    assert "is used by 1 mapping and" in " ".join(admin.get(address).content.decode().split())
    assert "Choose a replacement" in admin.post(address, {}).content.decode()
    page = admin.post(address, {"reassign_to": site.step("In Progress").pk})
    assert category(site) == "waiting"
    assert confirm(admin, page).status_code == 302
    assert category(site) == "active"
    assert LogEntry.objects.get().is_deletion()


def test_a_mapping_is_deleted_after_the_preview(site: Site, admin: Client, mapped: StatusMapping) -> None:
    page = admin.post(f"{ROOT}statusmapping/{mapped.pk}/delete/", {})
    assert confirm(admin, page).status_code == 302
    assert category(site) is None


def test_deleting_a_selection_is_previewed(site: Site, admin: Client, mapped: StatusMapping) -> None:
    form = {"action": "delete_selected", "_selected_action": [mapped.pk]}
    assert "Are you sure" in admin.post(f"{ROOT}statusmapping/", form).content.decode()
    page = admin.post(f"{ROOT}statusmapping/", {**form, "post": "yes"})
    assert category(site) == "waiting"
    confirm(admin, page)
    assert category(site) is None


@pytest.mark.parametrize("table", ["flowstep", "standardtype", "workflow"])
def test_rows_that_others_use_cannot_be_deleted_as_a_selection(
    admin: Client, mapped: StatusMapping, table: str
) -> None:
    assert "delete_selected" not in admin.get(f"{ROOT}{table}/").content.decode()


def test_a_workflow_is_edited_with_its_steps(site: Site, admin: Client, mapped: StatusMapping) -> None:
    workflow = Workflow.objects.for_tenant(site.tenant).get()
    address, steps = f"{ROOT}workflow/{workflow.pk}/change/", list(workflow.steps.all())
    form = {"name": "Default", "is_default": "on", "is_active": "on"}
    swapped = {"s0_position": 2, "s1_position": 1}
    assert admin.post(address, form | inline(*steps, **swapped)).status_code == 302
    assert site.step("In Progress").position == 1
    shared = admin.post(address, form | inline(*steps, s0_position=3)).content.decode()
    assert "Two steps have the position 3" in shared
    refused = admin.post(address, form | inline(*steps, s3_category="active")).content.decode()
    assert "has no active step of the category Done" in refused
    assert "_confirmed" not in refused
    forced = admin.post(address, form | inline(*steps, s3_category="active") | {"_confirmed": "1"})
    assert "has no active step of the category Done" in forced.content.decode()
    assert site.step("Done").category == "done"


def test_a_new_workflow_is_made_with_its_steps(site: Site, admin: Client) -> None:
    form = {"tenant": site.tenant.pk, "name": "Bugs", "is_active": "on"}
    steps = [FlowStep(name="Open", position=1, category="to_do"), FlowStep(name="Fixed", position=2, category="done")]
    sent = inline(*steps) | {"steps-INITIAL_FORMS": 0}
    sent = {key: value for key, value in sent.items() if value is not None}
    assert admin.post(f"{ROOT}workflow/add/", form | sent).status_code == 302
    made = FlowStep.objects.for_tenant(site.tenant).filter(workflow__name="Bugs")
    assert [step.name for step in made] == ["Open", "Fixed"]


def test_export_and_import(site: Site, admin: Client, mapped: StatusMapping) -> None:
    form = {"action": "export_selected", "_selected_action": [mapped.pk]}
    file = admin.post(f"{ROOT}statusmapping/", form)
    assert file["Content-Type"].startswith("text/csv")
    text = file.content.decode()
    changed = text.replace("Review", "Done").encode()
    address = f"{ROOT}statusmapping/import/"

    def send(content: bytes) -> Any:
        return admin.post(address, {"tenant": site.tenant.pk, "file": SimpleUploadedFile("m.csv", content)})

    assert "no flow_step “Nowhere”" in send(text.replace("Review", "Nowhere").encode()).content.decode()
    assert "not UTF-8" in send("integration,ü".encode("latin-1")).content.decode()
    assert "not empty" in send(b"").content.decode()
    page = send(changed)
    assert "mapping of 1 issue and" in page.content.decode()
    assert category(site) == "waiting"
    assert confirm(admin, page).status_code == 302
    assert category(site) == "done"
    assert LogEntry.objects.get().object_id == str(mapped.pk)


def test_unmapped_names_are_listed_with_a_link_to_add_a_mapping(
    site: Site, admin: Client, mapped: StatusMapping
) -> None:
    mapped.delete()
    page = admin.get(f"{ROOT}statusmapping/unmapped/").content.decode()
    link = re.search(r'href="([^"]*statusmapping/add/\?[^"]*)"', page)
    assert link
    form = admin.get(unescape(link[1])).content.decode()
    assert 'value="QA"' in form


def test_viewers_and_operators_see_mappings_but_cannot_change_them(
    site: Site, visit: Visit, mapped: StatusMapping
) -> None:
    for role in (Role.VIEWER, Role.OPERATOR):
        browser = visit(role, site.tenant)
        assert browser.get(f"{ROOT}statusmapping/").status_code == 200
        assert browser.get(f"{ROOT}statusmapping/unmapped/").status_code == 200
        page = f"{ROOT}statusmapping/{mapped.pk}"
        assert browser.get(f"{page}/change/").status_code == 200
        form = {"provider_status": "QA", "flow_step": site.step("Done").pk, "_confirmed": "1"}
        for address in (
            f"{page}/change/",
            f"{page}/delete/",
            f"{ROOT}statusmapping/add/",
            f"{ROOT}statusmapping/import/",
        ):
            assert browser.post(address, form).status_code == 403, address
        for action in ("deactivate", "map_selected"):
            browser.post(
                f"{ROOT}statusmapping/", {"action": action, "_selected_action": [mapped.pk], "_confirmed": "1"}
            )
    assert category(site) == "waiting"


def test_another_tenants_rows_are_invisible_and_unusable(
    site: Site, other_site: Site, admin: Client, mapped: StatusMapping
) -> None:
    foreign = other_site.map_status("Foreign", other_site.step("Done"))
    assert "Foreign" not in admin.get(f"{ROOT}statusmapping/").content.decode()
    assert "globex" not in admin.get(f"{ROOT}statusmapping/unmapped/").content.decode().lower()
    assert "globex" not in admin.get(f"{ROOT}statusmapping/add/").content.decode().lower()
    for page in ("change", "delete"):
        assert admin.get(f"{ROOT}statusmapping/{foreign.pk}/{page}/").status_code in {302, 404}
    form = {"provider_status": "QA", "is_active": "on", "flow_step": other_site.step("Done").pk, "_confirmed": "1"}
    assert "Select a valid choice" in admin.post(f"{ROOT}statusmapping/{mapped.pk}/change/", form).content.decode()
    sent = {"tenant": other_site.tenant.pk, "text": "name,level,is_active\nX,1,yes\n", "_confirmed": "1"}
    admin.post(f"{ROOT}standardtype/import/", sent)
    assert not StandardType.across_tenants.filter(name="X").exists()
    target = {"reassign_to": other_site.step("Done").pk, "_confirmed": "1"}
    page = admin.post(f"{ROOT}flowstep/{site.step('Review').pk}/delete/", target).content.decode()
    assert "Select a valid choice" in page


def test_a_selection_over_two_tenants_is_not_mapped_to_a_step_of_one(
    site: Site, other_site: Site, visit: Visit, mapped: StatusMapping
) -> None:
    both = visit(Role.ADMIN, site.tenant, other_site.tenant)
    foreign = other_site.map_status("QA", other_site.step("Review"))
    form = {"action": "map_selected", "_selected_action": [mapped.pk, foreign.pk], "flow_step": site.step("Done").pk}
    confirm(both, both.post(f"{ROOT}statusmapping/", form))
    foreign.refresh_from_db()
    assert foreign.flow_step == other_site.step("Review")
    assert category(site) == "done"
    form = {"action": "export_selected", "_selected_action": [mapped.pk, foreign.pk]}
    assert "Choose rows of one tenant" in both.post(f"{ROOT}statusmapping/", form, follow=True).content.decode()
