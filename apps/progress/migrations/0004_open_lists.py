"""A stage counts the open batches that may add to its total: until they are closed it is an estimate."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("progress", "0003_notice_body"),
    ]

    operations = [
        migrations.AddField(
            model_name="stageprogress",
            name="open_lists",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
    ]
