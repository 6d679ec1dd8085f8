"""What do all mapping tables have in common? A switch, and a sentence about the row that is already there."""

from typing import Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Value
from django.db.models.functions import Lower

from apps.core.models import TenantModel
from apps.integrations.models import Integration

NAME_LENGTH = 255


class MappingModel(TenantModel):
    """A row that people edit. An inactive one takes no part in any figure."""

    is_active = models.BooleanField("active", default=True, help_text="Inactive rows take no part in any figure.")

    class Meta:
        abstract = True

    def lacks(self, *references: str) -> bool:
        """Whether one of these is not set: then its own error says so, and ``clean`` has nothing to add."""
        return any(getattr(self, f"{reference}_id") is None for reference in references)

    def twin(self, name_field: str, *scope: str) -> Self | None:
        """Another row with the same name, whatever its case, and equal ``scope`` fields."""
        where = {field: getattr(self, f"{field}_id") for field in ("tenant", *scope)}
        return (
            type(self)
            .across_tenants.filter(**where)
            .exclude(pk=self.pk)
            .alias(name_key=Lower(name_field))
            .filter(name_key=Lower(Value(getattr(self, name_field))))
            .first()
        )

    def refuse_twin(self, name_field: str, *scope: str) -> None:
        """Raise when :meth:`twin` finds a row; the sentence names it."""
        twin = self.twin(name_field, *scope)
        if twin:
            what = self._meta.verbose_name
            raise ValidationError(
                {name_field: f"There is already the {what} “{twin}” (id {twin.pk}); case does not count."}
            )

    def refuse_inactive(self, target_field: str) -> None:
        """Raise when this active row points to an inactive one."""
        if self.lacks(target_field):
            return
        target = getattr(self, target_field)
        if self.is_active and not target.is_active:
            what = target._meta.verbose_name
            raise ValidationError(
                {target_field: f"The {what} “{target}” is inactive: activate it first, or choose another."}
            )


class ProviderNameMapping(MappingModel):
    """What a provider calls something is something of the tenant's; without integration, for all of them."""

    integration = models.ForeignKey(
        Integration,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="Empty: all.",
    )

    class Meta:
        abstract = True
