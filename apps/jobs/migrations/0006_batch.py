"""A row of the queue is called a batch. The table keeps its name."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0005_plan_tries")]

    operations = [
        migrations.RenameModel("QueueItem", "Batch"),
        migrations.AlterModelOptions("Batch", {"verbose_name_plural": "batches"}),
        migrations.AlterField(
            "batch",
            "run",
            models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="batches", to="jobs.run"
            ),
        ),
    ]
