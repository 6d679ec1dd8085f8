"""What is mapped, what is not mapped, and which parents does the hierarchy not allow?"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Length, Lower

from apps.core.sql import rows
from apps.integrations.models import Integration
from apps.mappings.choices import FlowCategory
from apps.mappings.models import NAME_LENGTH, StatusMapping, Workflow, WorkItemTypeMapping
from apps.tenants.models import Tenant
from apps.warehouse.models import Status, WorkItemType


class ReportedStatus(NamedTuple):
    """A status of a source. ``key`` is its name, lowered by the database."""

    key: str
    name: str
    category: str
    project: str


@dataclass(frozen=True)
class Unmapped:
    """A type or status (``kind``) of a provider without an active mapping.

    ``issues`` is how many issues have it now. A status is looked up in one workflow, because a type may have its own.
    ``is_deactivated`` says that a mapping exists, but it or its target is inactive.
    """

    kind: str
    integration_id: int
    integration: str
    name: str
    workflow: str
    issues: int
    is_deactivated: bool


@dataclass(frozen=True)
class Misplaced:
    """How many issues of one standard type have a parent whose type is not allowed."""

    parent: str
    child: str
    issues: int


def _of_integration(mappings: QuerySet[Any], tenant: Tenant, integration: Integration, name: str) -> QuerySet[Any]:
    """The mappings for ``integration`` or for all integrations, with their name in lower case as ``key``."""
    is_for_it = Q(integration=integration) | Q(integration=None)
    own: QuerySet[Any] = mappings.filter(is_for_it, tenant=tenant).annotate(key=Lower(name))
    return own


def _reported(model: Any, tenant: Tenant, integration: Integration) -> QuerySet[Any]:
    named: QuerySet[Any] = model.objects.for_tenant(tenant).annotate(key=Lower("name"), length=Length("name"))
    return named.filter(integration=integration, deleted_at=None, length__range=(1, NAME_LENGTH))


def types_without_mapping(tenant: Tenant, integration: Integration) -> QuerySet[WorkItemType]:
    """Types of the source without any mapping, active or inactive. Names that differ only in case count as one."""
    mappings = _of_integration(WorkItemTypeMapping.across_tenants.all(), tenant, integration, "provider_type")
    reported = _reported(WorkItemType, tenant, integration)
    return reported.exclude(Exists(mappings.filter(key=OuterRef("key")))).order_by("key", "pk").distinct("key")


def reported_statuses(tenant: Tenant, integration: Integration) -> list[ReportedStatus]:
    """The statuses of the source that are not deleted."""
    statuses = _reported(Status, tenant, integration).order_by("pk")
    return [ReportedStatus(*status) for status in statuses.values_list("key", "name", "category", "project")]


def status_keys_with_mapping(tenant: Tenant, integration: Integration) -> set[tuple[int, str]]:
    """The keys (workflow id, status name in lower case) of all mappings for ``integration``, active or inactive."""
    mappings = _of_integration(StatusMapping.across_tenants.all(), tenant, integration, "provider_status")
    return set(mappings.values_list("workflow_id", "key"))


UNMAPPED = """
SELECT kind, integration_id, integration, name, workflow, issues, is_deactivated
FROM mappings_unmapped WHERE tenant_id = %(tenant)s ORDER BY issues DESC, kind, name
"""
MISPLACED = """
SELECT parent, child, issues FROM mappings_misplaced WHERE tenant_id = %(tenant)s ORDER BY issues DESC, parent, child
"""


def unmapped(tenant: Tenant) -> list[Unmapped]:
    """Types and statuses without an active mapping, those with the most issues first."""
    return [Unmapped(*row) for row in rows(UNMAPPED, tenant=tenant.pk)]


def misplaced(tenant: Tenant) -> list[Misplaced]:
    """Pairs of parent and child types that occur at the provider and that the hierarchy does not allow."""
    return [Misplaced(*row) for row in rows(MISPLACED, tenant=tenant.pk)]


def faults(tenants: list[int]) -> set[str]:
    """What is wrong with the workflows of ``tenants``, as sentences; empty if every metric can be computed."""
    done = Count("steps", filter=Q(steps__is_active=True, steps__category=FlowCategory.DONE))
    active = Workflow.across_tenants.filter(tenant__in=tenants, is_active=True).annotate(done_steps=done)
    found = {
        f"The workflow “{workflow}” has no active step of the category Done, so no issue could ever be finished."
        for workflow in active.filter(done_steps=0)
    }
    with_default = set(active.filter(is_default=True).values_list("tenant", flat=True))
    if set(active.values_list("tenant", flat=True)) - with_default:
        found.add("No active workflow is the default one, so types without a workflow of their own would have none.")
    return found
