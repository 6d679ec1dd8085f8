"""A document has a point for each passage of its text. Those that have one point are embedded again, step by step."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("vectors", "0001_initial")]

    operations = [
        migrations.AddField(
            "embedding",
            "passages",
            models.IntegerField(db_default=1, help_text="How many points it has, one for each passage of its text."),
        ),
        migrations.AddField(
            "embedding",
            "preparation",
            models.TextField(
                db_default="", help_text="How its text was cut into passages; empty: a point for the whole text."
            ),
        ),
        migrations.AlterField(
            "embedding", "embedded_at", models.DateTimeField(help_text="When the points were last written.")
        ),
    ]
