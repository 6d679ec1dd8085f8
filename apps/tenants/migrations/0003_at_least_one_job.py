"""A tenant that may run no job would wait for ever."""

from django.core.validators import MinValueValidator
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenants", "0002_preferences")]

    operations = [
        migrations.AlterField(
            "tenant",
            "max_concurrent_jobs",
            models.PositiveSmallIntegerField(
                default=1,
                validators=[MinValueValidator(1)],
                help_text="How many jobs of this tenant may run at the same time.",
            ),
        )
    ]
