"""A key beside an underscore may be part of a longer key: the longest key that an issue has makes the link."""

from importlib import import_module

import django.contrib.postgres.fields
from django.db import migrations, models

before = import_module("apps.warehouse.migrations.0003_issue_key")

# Almost no row has longer keys, so the tables are asked for few rows.
IS_LONGEST = """
    (link.longer_keys = '{}' OR NOT EXISTS (
        SELECT FROM warehouse_issue AS issue
        WHERE issue.tenant_id = link.tenant_id AND upper(issue.key) = ANY (link.longer_keys)
            AND issue.deleted_at IS NULL
    ) AND NOT EXISTS (
        SELECT FROM warehouse_issuekey AS former
        JOIN warehouse_issue AS issue
            ON issue.integration_id = former.integration_id AND issue.external_id = former.issue
        WHERE former.tenant_id = link.tenant_id AND upper(former.key) = ANY (link.longer_keys)
            AND former.deleted_at IS NULL AND issue.deleted_at IS NULL
    ))
"""
OLD = before.NEW_KEY + before.OLD_KEY
NEW = OLD.replace("WHERE link.issue = ''", f"WHERE {IS_LONGEST} AND link.issue = ''")


class Migration(migrations.Migration):
    dependencies = [("warehouse", "0005_link_pull_request")]

    operations = [
        migrations.AddField(
            "pullrequestissuelink",
            "longer_keys",
            django.contrib.postgres.fields.ArrayField(models.TextField(), default=list),
        ),
        migrations.RunSQL(before.resolved_link(NEW), before.resolved_link(OLD)),
    ]
