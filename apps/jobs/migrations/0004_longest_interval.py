"""A job runs at least once a year: further times cannot all be told."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0003_history")]

    operations = [
        migrations.AlterField(
            "job",
            "interval_minutes",
            models.PositiveIntegerField(default=60, validators=[MinValueValidator(1), MaxValueValidator(527_040)]),
        )
    ]
