"""The housekeeping finds replaced versions without a look at the current ones."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("raw", "0001_initial")]

    operations = [
        migrations.AddIndex(
            "rawrecord",
            models.Index(condition=models.Q(("is_current", False)), fields=["id"], name="raw_replaced"),
        )
    ]
