"""The names that projects and repositories have and had. A former key of a project goes on to resolve links."""

from importlib import import_module

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.manager
from django.db import migrations, models

before = import_module("apps.warehouse.migrations.0006_longer_keys")
resolved_link = import_module("apps.warehouse.migrations.0003_issue_key").resolved_link

# What is loaded already has its present name. The next load adds the former names that the provider tells.
PRESENT_NAMES = """
INSERT INTO warehouse_scopename (tenant_id, integration_id, external_id, raw, loaded_at, deleted_at, scope, name)
SELECT tenant_id, integration_id, external_id || ':' || key, raw, loaded_at, deleted_at, external_id, key
FROM warehouse_project WHERE key <> ''
UNION ALL
SELECT tenant_id, integration_id, external_id || ':' || full_name, raw, loaded_at, deleted_at, external_id, full_name
FROM warehouse_repository WHERE full_name <> ''
"""

# For which other keys does a project key stand? One that another project has by now stands for that project alone.
OTHER_KEY = """
CREATE VIEW warehouse_other_key WITH (security_invoker = true) AS
SELECT DISTINCT named.tenant_id, named.integration_id, upper(named.name) AS key, upper(other.name) AS other
FROM warehouse_scopename AS named
JOIN warehouse_scopename AS other
    ON other.integration_id = named.integration_id AND other.scope = named.scope
    AND upper(other.name) <> upper(named.name)
WHERE named.deleted_at IS NULL AND other.deleted_at IS NULL AND NOT EXISTS (
    SELECT FROM warehouse_project AS owner
    WHERE owner.integration_id = named.integration_id AND upper(owner.key) = upper(named.name)
        AND owner.external_id <> named.scope AND owner.deleted_at IS NULL
)
"""

# By which keys is an issue known? By its own, by those that it had before it was moved, and by all of these with
# another key of the project.
KNOWN_KEY = """
CREATE VIEW warehouse_known_key WITH (security_invoker = true) AS
WITH own AS NOT MATERIALIZED (
    SELECT tenant_id, integration_id, id AS issue_id, upper(key) AS key
    FROM warehouse_issue WHERE deleted_at IS NULL
    UNION
    SELECT issue.tenant_id, issue.integration_id, issue.id, upper(former.key)
    FROM warehouse_issuekey AS former
    JOIN warehouse_issue AS issue
        ON issue.integration_id = former.integration_id AND issue.external_id = former.issue
    WHERE former.deleted_at IS NULL AND issue.deleted_at IS NULL
)
SELECT tenant_id, issue_id, key FROM own
UNION
SELECT own.tenant_id, own.issue_id, known.key || '-' || split_part(own.key, '-', 2)
FROM own
JOIN warehouse_other_key AS known
    ON known.integration_id = own.integration_id AND known.other = split_part(own.key, '-', 1)
"""

# Almost no row has longer keys. For those that have some, the tables are asked by index, not through the view above.
IS_LONGEST = """
    (link.longer_keys = '{}' OR NOT EXISTS (
        SELECT FROM unnest(link.longer_keys) AS longer (key)
        LEFT JOIN warehouse_other_key AS known
            ON known.tenant_id = link.tenant_id AND known.key = split_part(longer.key, '-', 1)
        CROSS JOIN LATERAL (
            VALUES (longer.key), (known.other || '-' || split_part(longer.key, '-', 2))
        ) AS meant (key)
        WHERE EXISTS (
            SELECT FROM warehouse_issue AS issue
            WHERE issue.tenant_id = link.tenant_id AND upper(issue.key) = meant.key AND issue.deleted_at IS NULL
        ) OR EXISTS (
            SELECT FROM warehouse_issuekey AS former
            JOIN warehouse_issue AS issue
                ON issue.integration_id = former.integration_id AND issue.external_id = former.issue
            WHERE former.tenant_id = link.tenant_id AND upper(former.key) = meant.key
                AND former.deleted_at IS NULL AND issue.deleted_at IS NULL
        )
    ))
"""

RESOLVED_ISSUE = f"""
    SELECT link.tenant_id, link.id AS link_id, issue.id AS issue_id, link.pull_request_url, link.evidence, link.excerpt
    FROM warehouse_pullrequestissuelink AS link
    JOIN warehouse_issue AS issue
        ON issue.integration_id = link.integration_id AND issue.external_id = link.issue
    WHERE link.issue <> '' AND link.deleted_at IS NULL AND issue.deleted_at IS NULL
    UNION ALL
    SELECT link.tenant_id, link.id, known.issue_id, link.pull_request_url, link.evidence, link.excerpt
    FROM warehouse_pullrequestissuelink AS link
    JOIN warehouse_known_key AS known ON known.tenant_id = link.tenant_id AND known.key = upper(link.issue_key)
    WHERE link.issue = '' AND link.issue_key <> '' AND link.deleted_at IS NULL AND {IS_LONGEST}
"""


class Migration(migrations.Migration):
    dependencies = [("warehouse", "0007_comment_kind")]

    operations = [
        migrations.CreateModel(
            name="ScopeName",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("external_id", models.TextField()),
                (
                    "raw",
                    models.BigIntegerField(help_text="Id of the raw version that this row came from.", null=True),
                ),
                ("loaded_at", models.DateTimeField(help_text="When a column of this row last changed.")),
                (
                    "deleted_at",
                    models.DateTimeField(help_text="When its absence at the provider was noticed.", null=True),
                ),
                ("scope", models.TextField(default="")),
                ("name", models.TextField(default="")),
                (
                    "integration",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="integrations.integration",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "indexes": [
                    models.Index(fields=["scope", "tenant"], name="warehouse_name_scope"),
                    models.Index(
                        django.db.models.functions.text.Upper("name"),
                        models.F("tenant"),
                        name="warehouse_name_by_name",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("integration", "external_id"), name="warehouse_scopename_key")
                ],
            },
            managers=[("across_tenants", django.db.models.manager.Manager())],
        ),
        migrations.RunSQL(PRESENT_NAMES, migrations.RunSQL.noop),
        migrations.RunSQL(OTHER_KEY, "DROP VIEW warehouse_other_key"),
        migrations.RunSQL(KNOWN_KEY, "DROP VIEW warehouse_known_key"),
        migrations.RunSQL(resolved_link(RESOLVED_ISSUE), resolved_link(before.NEW)),
    ]
