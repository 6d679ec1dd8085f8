"""The address of a pull request changes with the name of its repository: links are resolved by former addresses, too."""

from importlib import import_module

from django.db import migrations

before = import_module("apps.warehouse.migrations.0008_scope_names")
resolved_link = import_module("apps.warehouse.migrations.0003_issue_key").resolved_link

# A former name that another repository has by now leads to that repository alone.
PULL_REQUEST_ADDRESS = """
CREATE VIEW warehouse_pull_request_address WITH (security_invoker = true) AS
SELECT tenant_id, id AS pull_request_id, lower(url) AS url FROM warehouse_pullrequest WHERE deleted_at IS NULL
UNION ALL
SELECT DISTINCT pull_request.tenant_id, pull_request.id,
    lower(regexp_replace(pull_request.url, '[^/]+/[^/]+/pull/[0-9]+$', known.name || '/pull/' || pull_request.number))
FROM warehouse_scopename AS known
JOIN warehouse_repository AS repository
    ON repository.integration_id = known.integration_id AND repository.external_id = known.scope
    AND lower(repository.full_name) <> lower(known.name)
JOIN warehouse_pullrequest AS pull_request
    ON pull_request.integration_id = known.integration_id AND pull_request.repository = known.scope
WHERE known.deleted_at IS NULL AND repository.deleted_at IS NULL AND pull_request.deleted_at IS NULL AND NOT EXISTS (
    SELECT FROM warehouse_repository AS owner
    WHERE owner.integration_id = known.integration_id AND lower(owner.full_name) = lower(known.name)
        AND owner.deleted_at IS NULL
)
"""

RESOLVED_LINK = f"""
CREATE OR REPLACE VIEW warehouse_resolved_link WITH (security_invoker = true) AS
SELECT known.tenant_id, known.link_id, pull_request.pull_request_id, known.issue_id, known.evidence, known.excerpt
FROM ({before.RESOLVED_ISSUE}) AS known
LEFT JOIN warehouse_pull_request_address AS pull_request
    ON pull_request.tenant_id = known.tenant_id AND pull_request.url = lower(known.pull_request_url)
"""


class Migration(migrations.Migration):
    dependencies = [("warehouse", "0010_announced_children")]

    operations = [
        migrations.RunSQL(PULL_REQUEST_ADDRESS, "DROP VIEW warehouse_pull_request_address"),
        migrations.RunSQL(RESOLVED_LINK, resolved_link(before.RESOLVED_ISSUE)),
    ]
