"""What do all tables of a tenant have in common? Their tenant, and a manager that refuses to forget it."""

from typing import Any, ClassVar, NoReturn, Self, TypeVar

from django.db import models

M = TypeVar("M", bound=models.Model)


class UnscopedQuery(Exception):
    """A query on a tenant's table that does not say for which tenant it is."""


class TenantManager(models.Manager[M]):
    """``Model.objects``: gives rows of one tenant only, and nothing without a tenant."""

    def get_queryset(self) -> NoReturn:
        """Refuse: name the tenant, or say ``across_tenants`` where all of them are meant."""
        raise UnscopedQuery(
            f"{self.model.__name__}.objects needs a tenant: use .for_tenant(tenant), "
            f"or {self.model.__name__}.across_tenants where every tenant is meant."
        )

    def for_tenant(self, tenant: Any) -> models.QuerySet[M]:
        """The rows of ``tenant`` (an instance or its id)."""
        return super().get_queryset().filter(tenant=tenant)


class TenantModel(models.Model):
    """A row that belongs to one tenant.

    ``objects`` is for code that serves a tenant; ``across_tenants`` for the machinery that serves all (workers that
    hold a row's id already, the scheduler, the admin with its own filter).
    """

    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="+")

    across_tenants: ClassVar[models.Manager[Self]] = models.Manager()
    objects: ClassVar[TenantManager[Self]] = TenantManager()

    class Meta:
        abstract = True
