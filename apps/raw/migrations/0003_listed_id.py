"""An id that a list contained is called a listed id. The table keeps its name."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("raw", "0002_replaced")]

    operations = [
        migrations.RenameModel("Seen", "ListedId"),
        migrations.AlterModelOptions("ListedId", {"verbose_name_plural": "listed ids"}),
    ]
