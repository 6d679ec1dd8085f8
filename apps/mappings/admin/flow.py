"""How do people edit workflows, flow steps, status mappings and the workflows of types?"""

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
    """The form of a flow step on the page of its workflow."""

    def _get_validation_exclusions(self) -> set[str]:
        # Steps may swap positions in one save, so the formset compares the positions and not each form.
        return super()._get_validation_exclusions() | {"position"}


class StepFormSet(TenantInlineFormSet):
    """The flow steps of one workflow."""

    def clean(self) -> None:
        """Refuse two steps with the same position."""
        super().clean()
        positions = Counter(
            form.cleaned_data.get("position") for form in self.forms if form.has_changed() or form.instance.pk
        )
        shared = [str(position) for position, count in positions.items() if position and count > 1]
        if shared:
            raise ValidationError(f"Two steps have the position {', '.join(shared)}. Give each step its own position.")


class StepInline(TenantInline):
    """The flow steps on the page of their workflow. A step is deleted on its own page, which asks what replaces it."""

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
        """Name steps with their workflow and projects with their integration, in one query for all of them."""
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "flow_step":
            field.queryset = field.queryset.select_related("workflow")
        if db_field.name == "project":
            field.queryset = field.queryset.select_related("integration").order_by("key")
            field.label_from_instance = lambda project: f"{project} ({project.integration})"
        return field
