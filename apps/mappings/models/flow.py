"""Which steps does a workflow have, which statuses map to them, and which types use which workflow?"""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from apps.mappings.choices import FlowCategory
from apps.mappings.models.base import NAME_LENGTH, MappingModel, ProviderNameMapping
from apps.mappings.models.work_item_types import StandardType
from apps.warehouse.models import Project


class Workflow(MappingModel):
    """An ordered list of flow steps. Types without a workflow of their own use the default workflow."""

    name = models.CharField(max_length=NAME_LENGTH)
    is_default = models.BooleanField("default", default=False)

    class Meta:
        ordering = ["-is_default", "name"]
        constraints = [
            models.UniqueConstraint("tenant", Lower("name"), name="workflow_name"),
            models.UniqueConstraint(
                fields=["tenant"],
                condition=Q(is_default=True),
                name="one_default_workflow",
                violation_error_message="Another workflow is the default. Clear its default flag first.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a second workflow with this name."""
        self.refuse_twin("name")


class FlowStep(MappingModel):
    """A step of the work, for example Review. Its category says whether somebody is working on it."""

    workflow = models.ForeignKey(Workflow, on_delete=models.CASCADE, related_name="steps")
    name = models.CharField(max_length=NAME_LENGTH)
    position = models.PositiveSmallIntegerField(
        help_text="The order of the steps. A move back to a lower position is rework."
    )
    category = models.CharField(max_length=10, choices=FlowCategory)

    class Meta:
        ordering = ["workflow", "position"]
        constraints = [
            models.UniqueConstraint("workflow", Lower("name"), name="flow_step_name"),
            # Deferred, so that two steps can swap positions in one save.
            models.UniqueConstraint(
                fields=["workflow", "position"],
                deferrable=models.Deferrable.DEFERRED,
                name="flow_step_position",
                violation_error_message="Another step of this workflow has this position.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.workflow}: {self.name}"

    def clean(self) -> None:
        """Refuse a second step with this name, and a move to another workflow while statuses are mapped to it."""
        if not self.has_all("workflow"):
            return
        self.refuse_twin("name", "workflow")
        if self.pk and self.status_mappings.exclude(workflow=self.workflow_id).exists():
            raise ValidationError(
                {"workflow": f"Statuses of the old workflow are mapped to “{self.name}”. Create a new step instead."}
            )


class StatusMapping(ProviderNameMapping):
    """Maps the provider's status ``provider_status`` to a flow step, once per workflow and place.

    The most specific place wins: a project, else an integration, else all integrations.
    """

    project = models.ForeignKey(
        Project,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="Choose a project only if this status means something else there.",
    )
    provider_status = models.CharField(
        max_length=NAME_LENGTH, help_text="Name of the status at the provider. Not case-sensitive."
    )
    flow_step = models.ForeignKey(FlowStep, on_delete=models.RESTRICT, related_name="status_mappings")
    # The workflow of the step. The unique constraint needs it; a foreign key over both columns keeps the two equal.
    workflow = models.ForeignKey(Workflow, on_delete=models.CASCADE, editable=False, related_name="status_mappings")

    class Meta:
        ordering = ["provider_status", "pk"]
        constraints = [
            models.UniqueConstraint(
                "tenant",
                "integration",
                "project",
                Lower("provider_status"),
                "workflow",
                name="status_mapped_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(project=None) | Q(integration__isnull=False), name="project_has_integration"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider_status} → {self.flow_step}"

    def clean(self) -> None:
        """Copy the workflow of the step and the integration of the project; refuse duplicates and inactive steps."""
        if not self.has_all("flow_step"):
            return
        self.workflow = self.flow_step.workflow
        if self.project and not self.integration_id:
            self.integration_id = self.project.integration_id
        if self.project and self.project.integration_id != self.integration_id:
            raise ValidationError({"project": f"The project {self.project} belongs to another integration."})
        self.refuse_twin("provider_status", "integration", "project", "workflow")
        self.refuse_inactive("flow_step")

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the row with the workflow of its step."""
        self.workflow_id = self.flow_step.workflow_id
        super().save(*args, **kwargs)


class TypeWorkflow(MappingModel):
    """Issues of this type use this workflow instead of the default one."""

    standard_type = models.OneToOneField(
        StandardType,
        on_delete=models.CASCADE,
        related_name="type_workflow",
        error_messages={"unique": "This type already has a workflow. Change that row instead."},
    )
    workflow = models.ForeignKey(Workflow, on_delete=models.RESTRICT, related_name="type_workflows")

    class Meta:
        verbose_name = "workflow assignment"
        verbose_name_plural = "workflow assignments"
        ordering = ["standard_type__name"]

    def __str__(self) -> str:
        return f"{self.standard_type} → {self.workflow}"

    def clean(self) -> None:
        """Refuse an inactive type or workflow."""
        self.refuse_inactive("standard_type")
        self.refuse_inactive("workflow")
