"""What is mapped, what is not, and what stands where the hierarchy does not allow it?"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Length, Lower

from apps.integrations.models import Integration
from apps.mappings.choices import FlowCategory
from apps.mappings.models import NAME_LENGTH, StatusMapping, Workflow, WorkItemTypeMapping
from apps.tenants.models import Tenant
from apps.warehouse.models import Status, WorkItemType


class ReportedStatus(NamedTuple):
    """A status of a source; ``key`` is its name in lower case as the database sees it."""

    key: str
    name: str
    category: str
    project: str


@dataclass(frozen=True)
class Unmapped:
    """A provider's type or status (``kind``) that leads nowhere; ``deactivated``: an inactive row is why.

    ``issues`` have it now. A status is looked up in one workflow: a type may have its own.
    """

    kind: str
    integration_id: int
    integration: str
    name: str
    workflow: str
    issues: int
    deactivated: bool


@dataclass(frozen=True)
class Misplaced:
    """How many issues of one standard type have a parent of a type that may not be it."""

    parent: str
    child: str
    issues: int


def _of_integration(rows: QuerySet[Any], tenant: Tenant, integration: Integration, name: str) -> QuerySet[Any]:
    """Rows that count for ``integration``, their name in lower case as ``key``."""
    for_it = Q(integration=integration) | Q(integration=None)
    own: QuerySet[Any] = rows.filter(for_it, tenant=tenant).annotate(key=Lower(name))
    return own


def _reported(model: Any, tenant: Tenant, integration: Integration) -> QuerySet[Any]:
    named: QuerySet[Any] = model.objects.for_tenant(tenant).annotate(key=Lower("name"), length=Length("name"))
    return named.filter(integration=integration, deleted_at=None, length__range=(1, NAME_LENGTH))


def types_nobody_mapped(tenant: Tenant, integration: Integration) -> QuerySet[WorkItemType]:
    """Living types of the source without any mapping, active or not; one per name, whatever its case."""
    mappings = _of_integration(WorkItemTypeMapping.across_tenants.all(), tenant, integration, "provider_type")
    reported = _reported(WorkItemType, tenant, integration)
    return reported.exclude(Exists(mappings.filter(key=OuterRef("key")))).order_by("key", "pk").distinct("key")


def reported_statuses(tenant: Tenant, integration: Integration) -> list[ReportedStatus]:
    """Living statuses of the source."""
    rows = _reported(Status, tenant, integration).order_by("pk")
    return [ReportedStatus(*row) for row in rows.values_list("key", "name", "category", "project")]


def status_keys_with_mapping(tenant: Tenant, integration: Integration) -> set[tuple[int, str]]:
    """(workflow id, status name in lower case) of every row that maps a status of ``integration``, active or
    not.
    """
    rows = _of_integration(StatusMapping.across_tenants.all(), tenant, integration, "provider_status")
    return set(rows.values_list("workflow_id", "key"))


UNMAPPED = """
WITH lost_types AS (
    SELECT flow.tenant_id, flow.integration_id, lower(type.name) AS key, min(type.name) AS name,
           count(issue.id) AS issues
    FROM mappings_type_flow flow
    JOIN warehouse_workitemtype type ON type.id = flow.work_item_type_id
    LEFT JOIN warehouse_issue issue ON issue.integration_id = flow.integration_id
         AND issue.work_item_type = flow.external_id AND issue.deleted_at IS NULL
    WHERE flow.tenant_id = %(tenant)s AND flow.standard_type_id IS NULL
      AND (type.deleted_at IS NULL OR issue.id IS NOT NULL)
    GROUP BY 1, 2, 3
), seen_statuses AS (
    SELECT flow.tenant_id, flow.integration_id, status.name, flow.workflow_id, count(*) AS issues
    FROM mappings_issue_flow flow
    JOIN warehouse_issue issue ON issue.id = flow.issue_id
    JOIN warehouse_status status
         ON status.integration_id = issue.integration_id AND status.external_id = issue.status
    WHERE flow.tenant_id = %(tenant)s AND flow.workflow_id IS NOT NULL AND flow.flow_step_id IS NULL
    GROUP BY 1, 2, 3, 4
    UNION ALL  -- no issue has them yet
    SELECT integration.tenant_id, integration.id, status.name, workflow.id, 0
    FROM integrations_integration integration
    JOIN warehouse_status status ON status.integration_id = integration.id AND status.deleted_at IS NULL
    JOIN mappings_workflow workflow
         ON workflow.tenant_id = integration.tenant_id AND workflow.is_default AND workflow.is_active
    WHERE integration.tenant_id = %(tenant)s AND integration.is_active AND NOT EXISTS (
        SELECT FROM mappings_statusmapping mapping
        WHERE mapping.tenant_id = integration.tenant_id
          AND lower(mapping.provider_status) = lower(status.name)
          AND (mapping.integration_id = integration.id OR mapping.integration_id IS NULL))
), lost_statuses AS (
    SELECT tenant_id, integration_id, lower(name) AS key, min(name) AS name, workflow_id,
           sum(issues) AS issues
    FROM seen_statuses GROUP BY 1, 2, 3, workflow_id
)
SELECT 'type', integration.id, integration.name, lost.name, '', lost.issues, EXISTS (
    SELECT FROM mappings_workitemtypemapping mapping
    WHERE mapping.tenant_id = lost.tenant_id AND lower(mapping.provider_type) = lost.key
      AND (mapping.integration_id = lost.integration_id OR mapping.integration_id IS NULL))
FROM lost_types lost JOIN integrations_integration integration ON integration.id = lost.integration_id
UNION ALL
SELECT 'status', integration.id, integration.name, lost.name, workflow.name, lost.issues, EXISTS (
    SELECT FROM mappings_statusmapping mapping
    WHERE mapping.tenant_id = lost.tenant_id AND lower(mapping.provider_status) = lost.key
      AND mapping.workflow_id = lost.workflow_id
      AND (mapping.integration_id = lost.integration_id OR mapping.integration_id IS NULL))
FROM lost_statuses lost
JOIN integrations_integration integration ON integration.id = lost.integration_id
JOIN mappings_workflow workflow ON workflow.id = lost.workflow_id
ORDER BY 6 DESC, 1, 4
"""

MISPLACED = """
SELECT parent_type.name, child_type.name, count(*)
FROM mappings_issue_flow child
JOIN warehouse_issue issue ON issue.id = child.issue_id
JOIN warehouse_issue above ON above.integration_id = issue.integration_id AND above.external_id = issue.parent
JOIN mappings_issue_flow parent ON parent.issue_id = above.id AND parent.tenant_id = child.tenant_id
JOIN mappings_standardtype child_type ON child_type.id = child.standard_type_id
JOIN mappings_standardtype parent_type ON parent_type.id = parent.standard_type_id
WHERE child.tenant_id = %(tenant)s AND issue.parent <> '' AND NOT EXISTS (
    SELECT FROM mappings_workitemhierarchy link
    WHERE link.parent_id = parent_type.id AND link.child_id = child_type.id AND link.is_active)
GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
"""


def unmapped(tenant: Tenant | int) -> list[Unmapped]:
    """Types and statuses that lead nowhere, those with the most issues first."""
    return [Unmapped(*row) for row in _rows(UNMAPPED, tenant)]


def misplaced(tenant: Tenant | int) -> list[Misplaced]:
    """Parents and children at the provider that no active row of the hierarchy allows."""
    return [Misplaced(*row) for row in _rows(MISPLACED, tenant)]


def _rows(sql: str, tenant: Tenant | int) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"tenant": tenant.pk if isinstance(tenant, Tenant) else tenant})
        return list(cursor.fetchall())


def faults(tenants: list[int]) -> set[str]:
    """What is wrong with the workflows of ``tenants``, a sentence each; none when every figure can be
    computed.
    """
    done = Count("steps", filter=Q(steps__is_active=True, steps__category=FlowCategory.DONE))
    active = Workflow.across_tenants.filter(tenant__in=tenants, is_active=True).annotate(done_steps=done)
    endless = {
        f"The workflow “{workflow}” has no active step of the category Done: nothing is ever finished in it."
        for workflow in active.filter(done_steps=0)
    }
    with_default = set(active.filter(is_default=True).values_list("tenant", flat=True))
    if set(active.values_list("tenant", flat=True)) - with_default:
        endless.add("None of the active workflows is the default one: types without a workflow would have none.")
    return endless
