"""The project or repository of a text is a column of its own: counting by it computes no payload."""

from importlib import import_module

from django.db import migrations, models

before = import_module("apps.warehouse.migrations.0002_views").DOCUMENT
PAYLOAD = ") AS payload\nFROM"

OLD = before.replace("CREATE VIEW", "CREATE OR REPLACE VIEW")
NEW = OLD.replace(PAYLOAD, ") AS payload, coalesce(scope, '') AS scope\nFROM")


class Migration(migrations.Migration):
    dependencies = [("warehouse", "0003_issue_key")]

    operations = [
        migrations.RunSQL(NEW, "DROP VIEW warehouse_document; " + before),
        migrations.AddField("document", "scope", models.TextField(default=""), preserve_default=False),
    ]
