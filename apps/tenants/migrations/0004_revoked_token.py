"""The model is named after what it holds; its table keeps its name."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("tenants", "0003_at_least_one_job")]

    operations = [
        migrations.AlterModelTable("SpentToken", "tenants_spenttoken"),
        migrations.RenameModel("SpentToken", "RevokedToken"),
    ]
