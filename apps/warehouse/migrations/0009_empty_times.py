"""A time that cannot be read is empty. Before, it set the whole record aside."""

from django.db import migrations, models

COLUMNS = (
    ("deployment", "created_at"),
    ("issue", "created_at"),
    ("issue", "updated_at"),
    ("issuechange", "changed_at"),
    ("issuecomment", "created_at"),
    ("issuekey", "until"),
    ("pullrequest", "created_at"),
    ("pullrequest", "updated_at"),
    ("pullrequestcomment", "created_at"),
    ("workflowrun", "created_at"),
)


class Migration(migrations.Migration):
    dependencies = [("warehouse", "0008_scope_names")]

    operations = [
        *(migrations.AlterField(model, column, models.DateTimeField(null=True)) for model, column in COLUMNS),
        migrations.RunSQL(
            migrations.RunSQL.noop,
            [f"UPDATE warehouse_{model} SET {column} = loaded_at WHERE {column} IS NULL" for model, column in COLUMNS],
        ),
    ]
