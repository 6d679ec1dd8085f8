"""Which work item types does a tenant use, what is their hierarchy, and how are a provider's types mapped to them?"""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from apps.mappings.hierarchy import find_path
from apps.mappings.models.base import NAME_LENGTH, MappingModel, ProviderNameMapping


class StandardType(MappingModel):
    """A work item type of the tenant, whatever the providers call it. Types with a higher level are parents."""

    name = models.CharField(max_length=NAME_LENGTH)
    level = models.PositiveSmallIntegerField(help_text="1: sub-task, 2: story, task or bug, 3: epic, 4: initiative.")

    class Meta:
        ordering = ["-level", "name"]
        constraints = [models.UniqueConstraint("tenant", Lower("name"), name="standard_type_name")]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a second type with this name, and a level that contradicts the hierarchy."""
        self.refuse_twin("name")
        if self.pk and self.level is not None:
            self.refuse_inverted_links()

    def refuse_inverted_links(self) -> None:
        """Raise an error if a parent in a link of this type would have a lower level than its child."""
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
                violation_error_message="This parent and child are already linked.",
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
        """Refuse inactive types, a parent with a lower level than its child, and cycles (also over inactive links)."""
        if not self.has_all("parent", "child") or self.parent_id == self.child_id:
            return  # the fields and the constraint report these errors
        self.refuse_inactive("parent")
        self.refuse_inactive("child")
        if self.parent.level < self.child.level:
            raise ValidationError(level_sentence(self.parent, self.parent.level, self.child, self.child.level))
        links = type(self).across_tenants.filter(tenant=self.tenant_id).exclude(pk=self.pk)
        path = find_path(links.values_list("parent_id", "child_id"), self.child_id, self.parent_id)
        if path:
            names = StandardType.across_tenants.in_bulk(path)
            cycle = " → ".join(str(names[pk]) for pk in [self.parent_id, *path])
            raise ValidationError(f"This would create a cycle: {cycle}. Remove one of its links first.")


def level_sentence(parent: StandardType, parent_level: int, child: StandardType, child_level: int) -> str:
    """Why this type cannot be the parent of that type."""
    return (
        f"{parent} (level {parent_level}) cannot be the parent of {child} (level {child_level}): "
        "the level of a parent must not be lower than the level of its child."
    )


class WorkItemTypeMapping(ProviderNameMapping):
    """Maps the provider's type ``provider_type`` to a standard type, for one integration or for all of them."""

    provider_type = models.CharField(
        max_length=NAME_LENGTH, help_text="Name of the type at the provider. Not case-sensitive."
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
