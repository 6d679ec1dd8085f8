"""Links name their pull request by its id too: its address changes with the name of its repository."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("warehouse", "0004_document_scope")]

    operations = [
        migrations.AddField("pullrequestissuelink", "pull_request", models.TextField(default="")),
        migrations.AddIndex(
            "pullrequestissuelink", models.Index(fields=["pull_request", "tenant"], name="warehouse_link_pr")
        ),
    ]
