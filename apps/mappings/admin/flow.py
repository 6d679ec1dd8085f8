"""How do people edit workflows and their steps, which types take them, and which statuses stand for them?"""

from collections import Counter
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from apps.mappings.admin.base import MappingAdmin
from apps.mappings.admin.remap import RemapAdmin
from apps.mappings.models import FlowStep, StatusMapping, TypeWorkflow, Workflow
from apps.tenants.admin_base import TenantForm, TenantInline, TenantInlineFormSet


class StepForm(TenantForm):
    """A step within its workflow's page."""

    def _get_validation_exclusions(self) -> set[str]:
        # Steps may change places in one save: the formset compares the positions, not each form with the
        # stored ones.
        return super()._get_validation_exclusions() | {"position"}


class StepFormSet(TenantInlineFormSet):
    """The steps of one workflow."""

    def clean(self) -> None:
        """Refuse two steps at one position."""
        super().clean()
        positions = Counter(
            form.cleaned_data.get("position") for form in self.forms if form.has_changed() or form.instance.pk
        )
        doubled = [str(position) for position, count in positions.items() if position and count > 1]
        if doubled:
            raise ValidationError(f"Two steps have the position {', '.join(doubled)}: number them one after another.")


class StepInline(TenantInline):
    """The steps, in the page of their workflow. Their own page deletes them: it asks where to reassign."""

    model = FlowStep
    form = StepForm
    formset = StepFormSet
    can_delete = False
    show_change_link = True
    extra = 1


@admin.register(Workflow)
class WorkflowAdmin(MappingAdmin):
    is_used_by_others = True
    inlines = (StepInline,)
    list_display = ("name", "is_default", "is_active")
    list_editable = ("is_active",)
    list_filter = ("is_active",)
    search_fields = ("name", "steps__name")


@admin.register(FlowStep)
class FlowStepAdmin(MappingAdmin):
    is_used_by_others = True
    list_display = ("name", "workflow", "position", "category", "is_active")
    list_editable = ("category", "is_active")
    list_filter = ("is_active", "category", "workflow")
    list_select_related = ("workflow",)
    search_fields = ("name", "workflow__name")


@admin.register(TypeWorkflow)
class TypeWorkflowAdmin(MappingAdmin):
    list_display = ("standard_type", "workflow", "is_active")
    list_editable = ("is_active",)
    list_filter = ("is_active", "workflow")
    list_select_related = ("standard_type", "workflow")
    search_fields = ("standard_type__name", "workflow__name")


@admin.register(StatusMapping)
class StatusMappingAdmin(RemapAdmin):
    list_display = ("provider_status", "integration", "project", "flow_step", "is_active")
    list_editable = ("is_active",)
    list_filter = ("is_active", "integration", "workflow", "flow_step__category")
    list_select_related = ("integration", "project", "flow_step__workflow")
    search_fields = ("provider_status", "flow_step__name", "project__key")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Steps are called with their workflow: one query for all of them."""
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "flow_step":
            field.queryset = field.queryset.select_related("workflow")
        return field
