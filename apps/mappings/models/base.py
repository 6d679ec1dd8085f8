"""What do all mapping tables have in common? An active flag, and a check for rows with the same name."""

from typing import Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Value
from django.db.models.functions import Lower

from apps.core.models import TenantModel
from apps.integrations.models import Integration

NAME_LENGTH = 255


class MappingModel(TenantModel):
    """A row that people edit. Metrics ignore inactive rows."""

    is_active = models.BooleanField("active", default=True, help_text="Metrics ignore inactive rows.")

    class Meta:
        abstract = True

    def has_all(self, *references: str) -> bool:
        """Whether all of these are set. If one is not, its own error says so, and ``clean`` adds nothing."""
        return all(getattr(self, f"{reference}_id") is not None for reference in references)

    def twin(self, name_field: str, *scope: str) -> Self | None:
        """Another row with the same name (ignoring case) and the same ``scope`` fields."""
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
        """Raise an error that names the other row if :meth:`twin` finds one."""
        twin = self.twin(name_field, *scope)
        if twin:
            what = self._meta.verbose_name
            raise ValidationError(
                {name_field: f"The {what} “{twin}” (id {twin.pk}) already exists. Names are not case-sensitive."}
            )

    def refuse_inactive(self, target_field: str) -> None:
        """Raise an error if this active row refers to an inactive one."""
        if not self.has_all(target_field):
            return
        target = getattr(self, target_field)
        if self.is_active and not target.is_active:
            what = target._meta.verbose_name
            raise ValidationError(
                {target_field: f"The {what} “{target}” is inactive. Activate it first, or choose another one."}
            )


class ProviderNameMapping(MappingModel):
    """A mapping of a provider's name to a row of the tenant, for one integration or for all of them."""

    integration = models.ForeignKey(
        Integration,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="Leave empty to map this name for all integrations.",
    )

    class Meta:
        abstract = True
