"""A record is looked up by a unique constraint: no other index begins with the integration any more."""

import django.db.models.deletion
from django.db import migrations, models


def integration(**options: bool) -> models.ForeignKey:
    """The integration of a row, without an index of its own."""
    return models.ForeignKey(
        db_index=False,
        on_delete=django.db.models.deletion.CASCADE,
        related_name="+",
        to="integrations.integration",
        **options,
    )


class Migration(migrations.Migration):
    dependencies = [("raw", "0004_exact_payload")]

    operations = [
        migrations.RemoveIndex("rawrecord", "raw_by_run"),
        migrations.AddIndex("rawrecord", models.Index(fields=["run", "entity"], name="raw_by_run")),
        migrations.AlterField("rawrecord", "integration", integration(db_constraint=False)),
        migrations.AlterField("listedid", "integration", integration(db_constraint=False)),
        migrations.AlterField("quarantine", "integration", integration()),
        migrations.AlterField("tombstone", "integration", integration()),
    ]
