"""The keys that moved issues had before, and links that are resolved by them too."""

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.manager
from django.db import migrations, models

NEW_KEY = """
    SELECT link.tenant_id, link.id AS link_id, issue.id AS issue_id, link.pull_request_url, link.evidence, link.excerpt
    FROM warehouse_pullrequestissuelink AS link
    JOIN warehouse_issue AS issue
        ON issue.integration_id = link.integration_id AND issue.external_id = link.issue
    WHERE link.issue <> '' AND link.deleted_at IS NULL AND issue.deleted_at IS NULL
    UNION ALL
    SELECT link.tenant_id, link.id, issue.id, link.pull_request_url, link.evidence, link.excerpt
    FROM warehouse_pullrequestissuelink AS link
    JOIN warehouse_issue AS issue
        ON issue.tenant_id = link.tenant_id AND upper(issue.key) = upper(link.issue_key)
    WHERE link.issue = '' AND link.issue_key <> '' AND link.deleted_at IS NULL AND issue.deleted_at IS NULL
"""
# An issue that was moved back has its old key again: it is found by that once.
OLD_KEY = """
    UNION ALL
    SELECT link.tenant_id, link.id, issue.id, link.pull_request_url, link.evidence, link.excerpt
    FROM warehouse_pullrequestissuelink AS link
    JOIN warehouse_issuekey AS former
        ON former.tenant_id = link.tenant_id AND upper(former.key) = upper(link.issue_key)
    JOIN warehouse_issue AS issue
        ON issue.integration_id = former.integration_id AND issue.external_id = former.issue
    WHERE link.issue = '' AND link.issue_key <> '' AND link.deleted_at IS NULL AND former.deleted_at IS NULL
        AND issue.deleted_at IS NULL AND upper(issue.key) <> upper(former.key)
"""


def resolved_link(known: str) -> str:
    """The view of links whose issue is loaded."""
    return f"""
CREATE OR REPLACE VIEW warehouse_resolved_link WITH (security_invoker = true) AS
SELECT known.tenant_id, known.link_id, pull_request.id AS pull_request_id, known.issue_id, known.evidence, known.excerpt
FROM ({known}) AS known
LEFT JOIN warehouse_pullrequest AS pull_request
    ON pull_request.tenant_id = known.tenant_id AND lower(pull_request.url) = lower(known.pull_request_url)
    AND pull_request.deleted_at IS NULL
"""


class Migration(migrations.Migration):
    dependencies = [("warehouse", "0002_views")]

    operations = [
        migrations.CreateModel(
            name="IssueKey",
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
                ("issue", models.TextField(default="")),
                ("key", models.TextField(default="")),
                ("until", models.DateTimeField()),
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
                    models.Index(fields=["issue", "tenant"], name="warehouse_key_issue"),
                    models.Index(
                        django.db.models.functions.text.Upper("key"),
                        models.F("tenant"),
                        name="warehouse_key_by_key",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("integration", "external_id"), name="warehouse_issuekey_key")
                ],
            },
            managers=[("across_tenants", django.db.models.manager.Manager())],
        ),
        migrations.RunSQL(resolved_link(NEW_KEY + OLD_KEY), resolved_link(NEW_KEY)),
    ]
