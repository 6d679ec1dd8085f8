"""Which connections does a tenant have?"""

from django.db.models import QuerySet

from apps.integrations.models import Integration
from apps.tenants.models import Tenant


def integrations_of(tenant: Tenant) -> QuerySet[Integration]:
    """The tenant's connections by name; their tokens stay encrypted until they are used."""
    return Integration.objects.for_tenant(tenant).defer("token")


def integration_named(name: str, tenant: Tenant | None = None) -> Integration:
    """The connection called ``name``, looked for in ``tenant`` or everywhere.

    :class:`Integration.DoesNotExist` says which ones there are, :class:`Integration.MultipleObjectsReturned`
    that several tenants have one of this name.
    """
    known = integrations_of(tenant) if tenant else Integration.across_tenants.defer("token")
    found = list(known.filter(name=name).select_related("tenant"))
    if not found:
        names = ", ".join(known.values_list("name", flat=True))
        there_are = f"There are: {names}." if names else "There is none yet: add one with `integration add`."
        raise Integration.DoesNotExist(f"There is no integration {name!r}. {there_are}")
    if len(found) > 1:
        slugs = ", ".join(sorted(integration.tenant.slug for integration in found))
        raise Integration.MultipleObjectsReturned(
            f"Several tenants have an integration {name!r}: add --tenant ({slugs})."
        )
    return found[0]
