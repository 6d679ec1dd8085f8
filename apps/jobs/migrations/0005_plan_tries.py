"""A plan that fails again and again fails its run."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0004_longest_interval")]

    operations = [
        migrations.AddField(
            "run",
            "plan_tries",
            models.PositiveSmallIntegerField(
                default=0, db_default=0, help_text="How often planning the step has failed."
            ),
        )
    ]
