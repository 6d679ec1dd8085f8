from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("progress", "0002_notices")]

    operations = [
        migrations.RenameField("notice", "told", "body"),
        migrations.AlterField(
            "notice",
            "due_at",
            models.DateTimeField(
                help_text="When it may be sent (again). Moved by the worker that sends it.", null=True
            ),
        ),
    ]
