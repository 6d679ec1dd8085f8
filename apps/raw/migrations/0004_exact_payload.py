"""A payload that is no valid text is kept byte for byte as well."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("raw", "0003_listed_id")]

    operations = [
        migrations.AddField(
            "rawrecord",
            "exact_payload",
            models.BinaryField(
                help_text="Its bytes, only if the database cannot hold them as text.", null=True
            ),
        ),
        migrations.AlterField(
            "rawrecord",
            "payload",
            models.TextField(help_text="The provider's JSON; read it by the property content or text."),
        ),
    ]
