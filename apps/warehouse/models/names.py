"""Under which names were projects and repositories known? People, branches and addresses go on to use former ones."""

from django.db import models
from django.db.models.functions import Upper

from apps.warehouse.models.base import LoadedModel


class ScopeName(LoadedModel):
    """A name that a project (its key) or a repository (``owner/name``) has or had; ``scope`` is its external id.

    No row is deleted while the project or repository exists.
    """

    scope = models.TextField(default="")
    name = models.TextField(default="")

    class Meta(LoadedModel.Meta):
        indexes = [
            models.Index(fields=["scope", "tenant"], name="warehouse_name_scope"),
            models.Index(Upper("name"), "tenant", name="warehouse_name_by_name"),
        ]

    def __str__(self) -> str:
        return self.name
