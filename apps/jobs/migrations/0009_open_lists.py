"""The batches of unknown size are found among many others, because they come first."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0008_holes"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="batch",
            index=models.Index(
                condition=models.Q(("size", 0), ("state__in", ("queued", "running"))),
                fields=["run", "step", "stage"],
                name="open_lists",
            ),
        ),
    ]
