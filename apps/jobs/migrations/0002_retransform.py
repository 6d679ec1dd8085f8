"""A run may read what is stored instead of the provider."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial")]

    operations = [
        migrations.AlterField(
            "run",
            "mode",
            models.CharField(
                choices=[
                    ("incremental", "What changed"),
                    ("full", "Everything"),
                    ("range", "A chosen range"),
                    ("retransform", "What is stored"),
                ],
                default="incremental",
                max_length=12,
            ),
        )
    ]
