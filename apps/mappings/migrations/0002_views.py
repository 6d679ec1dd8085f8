"""The views that apply the mappings (apps/mappings/resolve.py has their rules), and a key over two columns."""

from django.db import migrations

# A status mapping names its step's workflow too; the database keeps the two equal.
STEP_OF_WORKFLOW = """
ALTER TABLE mappings_flowstep ADD CONSTRAINT flow_step_of_workflow UNIQUE (id, workflow_id);
ALTER TABLE mappings_statusmapping ADD CONSTRAINT status_mapping_workflow_of_step
    FOREIGN KEY (flow_step_id, workflow_id) REFERENCES mappings_flowstep (id, workflow_id) DEFERRABLE INITIALLY DEFERRED;
"""
NO_STEP_OF_WORKFLOW = """
ALTER TABLE mappings_statusmapping DROP CONSTRAINT status_mapping_workflow_of_step;
ALTER TABLE mappings_flowstep DROP CONSTRAINT flow_step_of_workflow;
"""

# What each type of a provider is. The views run with the rights of who reads them.
TYPE_FLOW = """
CREATE VIEW mappings_type_flow WITH (security_invoker = true) AS
SELECT provider_type.id AS work_item_type_id, integration.tenant_id, integration.id AS integration_id,
       provider_type.external_id, standard_type.id AS standard_type_id, standard_type.level,
       workflow.id AS workflow_id
FROM integrations_integration integration
JOIN warehouse_workitemtype provider_type ON provider_type.integration_id = integration.id
LEFT JOIN mappings_workitemtypemapping own
       ON own.tenant_id = integration.tenant_id AND own.integration_id = integration.id AND own.is_active
      AND lower(own.provider_type) = lower(provider_type.name)
LEFT JOIN mappings_workitemtypemapping shared
       ON shared.tenant_id = integration.tenant_id AND shared.integration_id IS NULL AND shared.is_active
      AND lower(shared.provider_type) = lower(provider_type.name)
LEFT JOIN mappings_standardtype standard_type
       ON standard_type.id = COALESCE(own.standard_type_id, shared.standard_type_id) AND standard_type.is_active
LEFT JOIN mappings_typeworkflow chosen ON chosen.standard_type_id = standard_type.id AND chosen.is_active
LEFT JOIN mappings_workflow fallback ON fallback.tenant_id = integration.tenant_id AND fallback.is_default
LEFT JOIN mappings_workflow workflow
       ON workflow.id = COALESCE(chosen.workflow_id, fallback.id) AND workflow.is_active
      AND standard_type.id IS NOT NULL
WHERE integration.is_active
"""


def step_of(status: str, result: str) -> str:
    """Joins that look up the flow step ``result`` of the status named ``status``, the most specific place first."""
    places = {
        "project": f"{result}_project.integration_id = issue.integration_id AND {result}_project.project_id = project.id",
        "integration": f"{result}_integration.integration_id = issue.integration_id"
        f" AND {result}_integration.project_id IS NULL",
        "shared": f"{result}_shared.integration_id IS NULL",
    }
    joins = "".join(
        f"""
LEFT JOIN mappings_statusmapping {result}_{place}
       ON {result}_{place}.tenant_id = integration.tenant_id AND {where}
      AND {result}_{place}.workflow_id = type_flow.workflow_id AND {result}_{place}.is_active
      AND lower({result}_{place}.provider_status) = lower({status})"""
        for place, where in places.items()
    )
    chosen = ", ".join(f"{result}_{place}.flow_step_id" for place in places)
    return f"""{joins}
LEFT JOIN mappings_flowstep {result} ON {result}.id = COALESCE({chosen}) AND {result}.is_active"""


LIVING_ISSUES = """
FROM integrations_integration integration
JOIN warehouse_issue issue ON issue.integration_id = integration.id AND issue.deleted_at IS NULL
LEFT JOIN mappings_type_flow type_flow
       ON type_flow.integration_id = issue.integration_id AND type_flow.external_id = issue.work_item_type
LEFT JOIN warehouse_project project
       ON project.integration_id = issue.integration_id AND project.external_id = issue.project"""


def status_named_by(column: str, alias: str) -> str:
    """The join to the status whose id is in ``column``."""
    return f"""
LEFT JOIN warehouse_status {alias}
       ON {alias}.integration_id = issue.integration_id AND {alias}.external_id = {column}"""


ISSUE_FLOW = f"""
CREATE VIEW mappings_issue_flow WITH (security_invoker = true) AS
SELECT issue.id AS issue_id, integration.tenant_id, integration.id AS integration_id,
       type_flow.standard_type_id, type_flow.level, type_flow.workflow_id,
       step.id AS flow_step_id, step.position, step.category
{LIVING_ISSUES}{status_named_by("issue.status", "status")}{step_of("status.name", "step")}
WHERE integration.is_active
"""

CHANGE_FLOW = f"""
CREATE VIEW mappings_change_flow WITH (security_invoker = true) AS
SELECT change.id AS change_id, integration.tenant_id, integration.id AS integration_id, issue.id AS issue_id,
       change.changed_at, from_step.id AS from_step_id, to_step.id AS to_step_id
{LIVING_ISSUES}
JOIN warehouse_issuechange change
  ON change.integration_id = issue.integration_id AND change.issue = issue.external_id
 AND change.field = 'status' AND change.deleted_at IS NULL\
{status_named_by("change.from_value", "from_status")}{status_named_by("change.to_value", "to_status")}\
{step_of("COALESCE(from_status.name, change.from_text)", "from_step")}\
{step_of("COALESCE(to_status.name, change.to_text)", "to_step")}
WHERE integration.is_active
"""


class Migration(migrations.Migration):
    dependencies = [("mappings", "0001_initial")]

    operations = [
        migrations.RunSQL(STEP_OF_WORKFLOW, NO_STEP_OF_WORKFLOW),
        migrations.RunSQL(TYPE_FLOW, "DROP VIEW mappings_type_flow"),
        migrations.RunSQL(ISSUE_FLOW, "DROP VIEW mappings_issue_flow"),
        migrations.RunSQL(CHANGE_FLOW, "DROP VIEW mappings_change_flow"),
    ]
