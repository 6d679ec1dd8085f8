"""What do all tables of a tenant have in common? A tenant, and a manager that refuses queries without one."""

from typing import Any, ClassVar, NoReturn, Self, TypeVar

from django.db import models

M = TypeVar("M", bound=models.Model)


class UnscopedQueryError(Exception):
    """A query on a tenant's table that names no tenant."""


class TenantManager(models.Manager[M]):
    """``Model.objects``: returns rows of one tenant only, and raises an error without a tenant."""

    def get_queryset(self) -> NoReturn:
        """Raise an error: the caller must name a tenant, or use ``across_tenants``."""
        raise UnscopedQueryError(
            f"{self.model.__name__}.objects needs a tenant: use .for_tenant(tenant), "
            f"or {self.model.__name__}.across_tenants if you mean all tenants."
        )

    def for_tenant(self, tenant: Any) -> models.QuerySet[M]:
        """The rows of ``tenant`` (an instance or its id)."""
        return super().get_queryset().filter(tenant=tenant)


class TenantModel(models.Model):
    """A row that belongs to one tenant.

    Code that works for one tenant uses ``objects``. Code that works for all tenants uses ``across_tenants``: workers
    that already have a row's id, the scheduler, and the admin, which has its own filter.
    """

    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="+")

    across_tenants: ClassVar[models.Manager[Self]] = models.Manager()
    objects: ClassVar[TenantManager[Self]] = TenantManager()

    class Meta:
        abstract = True
