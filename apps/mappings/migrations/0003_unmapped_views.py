"""Two views of what the mappings do not cover. They are read by apps/mappings/selectors.py."""

from django.db import migrations

# A type or status of a provider without an active mapping. A status is looked up in one workflow.
UNMAPPED = """
CREATE VIEW mappings_unmapped WITH (security_invoker = true) AS
WITH unmapped_types AS (
    SELECT flow.tenant_id, flow.integration_id, lower(type.name) AS key, min(type.name) AS name,
           count(issue.id) AS issues
    FROM mappings_type_flow flow
    JOIN warehouse_workitemtype type ON type.id = flow.work_item_type_id
    LEFT JOIN warehouse_issue issue ON issue.integration_id = flow.integration_id
         AND issue.work_item_type = flow.external_id AND issue.deleted_at IS NULL
    WHERE flow.standard_type_id IS NULL AND (type.deleted_at IS NULL OR issue.id IS NOT NULL)
    GROUP BY 1, 2, 3
), statuses AS (
    SELECT flow.tenant_id, flow.integration_id, status.name, flow.workflow_id, count(*) AS issues
    FROM mappings_issue_flow flow
    JOIN warehouse_issue issue ON issue.id = flow.issue_id
    JOIN warehouse_status status
         ON status.integration_id = issue.integration_id AND status.external_id = issue.status
    WHERE flow.workflow_id IS NOT NULL AND flow.flow_step_id IS NULL
    GROUP BY 1, 2, 3, 4
    UNION ALL  -- no issue has them yet
    SELECT integration.tenant_id, integration.id, status.name, workflow.id, 0
    FROM integrations_integration integration
    JOIN warehouse_status status ON status.integration_id = integration.id AND status.deleted_at IS NULL
    JOIN mappings_workflow workflow
         ON workflow.tenant_id = integration.tenant_id AND workflow.is_default AND workflow.is_active
    WHERE integration.is_active AND NOT EXISTS (
        SELECT FROM mappings_statusmapping mapping
        WHERE mapping.tenant_id = integration.tenant_id
          AND lower(mapping.provider_status) = lower(status.name)
          AND (mapping.integration_id = integration.id OR mapping.integration_id IS NULL))
), unmapped_statuses AS (
    SELECT tenant_id, integration_id, lower(name) AS key, min(name) AS name, workflow_id, sum(issues) AS issues
    FROM statuses GROUP BY 1, 2, 3, workflow_id
)
SELECT unmapped.tenant_id, 'type' AS kind, integration.id AS integration_id, integration.name AS integration,
       unmapped.name, '' AS workflow, unmapped.issues, EXISTS (
    SELECT FROM mappings_workitemtypemapping mapping
    WHERE mapping.tenant_id = unmapped.tenant_id AND lower(mapping.provider_type) = unmapped.key
      AND (mapping.integration_id = unmapped.integration_id OR mapping.integration_id IS NULL)) AS is_deactivated
FROM unmapped_types unmapped
JOIN integrations_integration integration ON integration.id = unmapped.integration_id
UNION ALL
SELECT unmapped.tenant_id, 'status', integration.id, integration.name, unmapped.name, workflow.name,
       unmapped.issues, EXISTS (
    SELECT FROM mappings_statusmapping mapping
    WHERE mapping.tenant_id = unmapped.tenant_id AND lower(mapping.provider_status) = unmapped.key
      AND mapping.workflow_id = unmapped.workflow_id
      AND (mapping.integration_id = unmapped.integration_id OR mapping.integration_id IS NULL))
FROM unmapped_statuses unmapped
JOIN integrations_integration integration ON integration.id = unmapped.integration_id
JOIN mappings_workflow workflow ON workflow.id = unmapped.workflow_id
"""

# Parents and children at the provider whose standard types no active row of the hierarchy links.
MISPLACED = """
CREATE VIEW mappings_misplaced WITH (security_invoker = true) AS
SELECT child.tenant_id, parent_type.name AS parent, child_type.name AS child, count(*) AS issues
FROM mappings_issue_flow child
JOIN warehouse_issue issue ON issue.id = child.issue_id
JOIN warehouse_issue above ON above.integration_id = issue.integration_id AND above.external_id = issue.parent
JOIN mappings_issue_flow parent ON parent.issue_id = above.id AND parent.tenant_id = child.tenant_id
JOIN mappings_standardtype child_type ON child_type.id = child.standard_type_id
JOIN mappings_standardtype parent_type ON parent_type.id = parent.standard_type_id
WHERE issue.parent <> '' AND NOT EXISTS (
    SELECT FROM mappings_workitemhierarchy link
    WHERE link.parent_id = parent_type.id AND link.child_id = child_type.id AND link.is_active)
GROUP BY 1, 2, 3
"""


class Migration(migrations.Migration):
    dependencies = [("mappings", "0002_views")]

    operations = [
        migrations.RunSQL(UNMAPPED, "DROP VIEW mappings_unmapped"),
        migrations.RunSQL(MISPLACED, "DROP VIEW mappings_misplaced"),
    ]
