"""Which types of work does a tenant count, how do they stand to each other, and what is a provider's type to
it?
"""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from apps.mappings.hierarchy import find_path
from apps.mappings.models.base import NAME_LENGTH, MappingModel, ProviderNameMapping


class StandardType(MappingModel):
    """A type of work as the tenant counts it, whatever the providers call it; a higher level stands above."""

    name = models.CharField(max_length=NAME_LENGTH)
    level = models.PositiveSmallIntegerField(help_text="1 sub-task, 2 story, task or bug, 3 epic, 4 initiative.")

    class Meta:
        ordering = ["-level", "name"]
        constraints = [models.UniqueConstraint("tenant", Lower("name"), name="standard_type_name")]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a second type of this name, and a level that turns the hierarchy round."""
        self.refuse_twin("name")
        if self.pk and self.level is not None:
            self.refuse_turned_links()

    def refuse_turned_links(self) -> None:
        """Raise when a link of this type would lead from a lower level up to a higher one."""
        for link in WorkItemHierarchy.across_tenants.filter(Q(parent=self.pk) | Q(child=self.pk)).select_related(
            "parent", "child"
        ):
            parent = self.level if link.parent_id == self.pk else link.parent.level
            child = self.level if link.child_id == self.pk else link.child.level
            if parent < child:
                raise ValidationError({"level": level_sentence(link.parent, parent, link.child, child)})


class WorkItemHierarchy(MappingModel):
    """Issues of the type ``parent`` may have children of the type ``child``."""

    parent = models.ForeignKey(StandardType, on_delete=models.CASCADE, related_name="child_links")
    child = models.ForeignKey(StandardType, on_delete=models.CASCADE, related_name="parent_links")

    class Meta:
        verbose_name = "work item hierarchy"
        verbose_name_plural = "work item hierarchies"
        ordering = ["-parent__level", "parent__name", "child__name"]
        constraints = [
            models.UniqueConstraint(
                fields=["parent", "child"],
                name="hierarchy_once",
                violation_error_message="This parent and child are linked already.",
            ),
            models.CheckConstraint(
                condition=~Q(parent=F("child")),
                name="hierarchy_not_itself",
                violation_error_message="A type cannot be its own parent.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.parent} → {self.child}"

    def clean(self) -> None:
        """Refuse an inactive end, a parent below its child, and a cycle (also through inactive links)."""
        if self.lacks("parent", "child") or self.parent_id == self.child_id:
            return  # the database's rule says so
        self.refuse_inactive("parent")
        self.refuse_inactive("child")
        if self.parent.level < self.child.level:
            raise ValidationError(level_sentence(self.parent, self.parent.level, self.child, self.child.level))
        links = type(self).across_tenants.filter(tenant=self.tenant_id).exclude(pk=self.pk)
        path = find_path(links.values_list("parent_id", "child_id"), self.child_id, self.parent_id)
        if path:
            names = StandardType.across_tenants.in_bulk(path)
            circle = " → ".join(str(names[pk]) for pk in [self.parent_id, *path])
            raise ValidationError(f"This makes a circle: {circle}. Remove one of its links first.")


def level_sentence(parent: StandardType, parent_level: int, child: StandardType, child_level: int) -> str:
    """Why this parent cannot stand above this child."""
    return (
        f"{parent} (level {parent_level}) cannot be the parent of {child} (level {child_level}): "
        "a parent's level must be at least its child's."
    )


class WorkItemTypeMapping(ProviderNameMapping):
    """What a provider calls ``provider_type`` is a ``standard_type``; without integration, for all."""

    provider_type = models.CharField(
        max_length=NAME_LENGTH, help_text="The type's name at the provider; case does not count."
    )
    standard_type = models.ForeignKey(StandardType, on_delete=models.RESTRICT, related_name="type_mappings")

    class Meta:
        verbose_name = "work item type mapping"
        ordering = ["provider_type", "pk"]
        constraints = [
            models.UniqueConstraint(
                "tenant", "integration", Lower("provider_type"), name="type_mapped_once", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.provider_type} → {self.standard_type}"

    def clean(self) -> None:
        """Refuse a second mapping of this type in the same place, and an inactive target."""
        self.refuse_twin("provider_type", "integration")
        self.refuse_inactive("standard_type")
