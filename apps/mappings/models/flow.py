"""Through which steps does work flow, which statuses stand for them, and which types take which workflow?"""

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
    """An ordered row of flow steps. The default one is for every type that has none of its own."""

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
                violation_error_message="Another workflow is the default one: take its mark away first.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a second workflow of this name."""
        self.refuse_twin("name")


class FlowStep(MappingModel):
    """A stage of the work, for example Review. Its category says whether somebody works on it."""

    workflow = models.ForeignKey(Workflow, on_delete=models.CASCADE, related_name="steps")
    name = models.CharField(max_length=NAME_LENGTH)
    position = models.PositiveSmallIntegerField(help_text="The order of the steps; a move to a lower one is rework.")
    category = models.CharField(max_length=10, choices=FlowCategory)

    class Meta:
        ordering = ["workflow", "position"]
        constraints = [
            models.UniqueConstraint("workflow", Lower("name"), name="flow_step_name"),
            # Deferred, so that two steps can change places in one save.
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
        """Refuse a second step of this name, and leaving a workflow whose statuses are mapped to it."""
        if self.lacks("workflow"):
            return
        self.refuse_twin("name", "workflow")
        if self.pk and self.status_mappings.exclude(workflow=self.workflow_id).exists():
            raise ValidationError(
                {"workflow": f"The old workflow maps statuses to “{self.name}”: make a new step instead."}
            )


class StatusMapping(ProviderNameMapping):
    """What a provider calls ``provider_status`` is a flow step: one per workflow and place.

    The most specific place decides: a project, else an integration, else all of them.
    """

    project = models.ForeignKey(
        Project,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="Only where a status of this name means something else in one project.",
    )
    provider_status = models.CharField(
        max_length=NAME_LENGTH, help_text="The status's name at the provider; case does not count."
    )
    flow_step = models.ForeignKey(FlowStep, on_delete=models.RESTRICT, related_name="status_mappings")
    # The step's workflow, kept equal by a foreign key over both columns: the database needs it for "one per
    # workflow".
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
        """Take workflow and integration from what they follow; refuse twins and inactive targets."""
        if self.lacks("flow_step"):
            return
        self.workflow = self.flow_step.workflow
        if self.project and not self.integration_id:
            self.integration_id = self.project.integration_id
        if self.project and self.project.integration_id != self.integration_id:
            raise ValidationError({"project": f"The project {self.project} belongs to another integration."})
        self.refuse_twin("provider_status", "integration", "project", "workflow")
        self.refuse_inactive("flow_step")

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save with the workflow of the step."""
        self.workflow_id = self.flow_step.workflow_id
        super().save(*args, **kwargs)


class TypeWorkflow(MappingModel):
    """Issues of this type take this workflow instead of the default one."""

    standard_type = models.OneToOneField(
        StandardType,
        on_delete=models.CASCADE,
        related_name="type_workflow",
        error_messages={"unique": "This type has a workflow already: change that row instead."},
    )
    workflow = models.ForeignKey(Workflow, on_delete=models.RESTRICT, related_name="type_workflows")

    class Meta:
        verbose_name = "workflow of a type"
        verbose_name_plural = "workflows of types"
        ordering = ["standard_type__name"]

    def __str__(self) -> str:
        return f"{self.standard_type} → {self.workflow}"

    def clean(self) -> None:
        """Refuse inactive ends."""
        self.refuse_inactive("standard_type")
        self.refuse_inactive("workflow")
