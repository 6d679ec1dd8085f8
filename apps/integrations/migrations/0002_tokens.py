import apps.core.crypto
import django.db.models.deletion
import django.db.models.manager
from django.db import migrations, models

# The secrets move as they are stored, still encrypted: no key is needed.
MOVE = """
INSERT INTO integrations_token
    (tenant_id, integration_id, label, username, secret, is_active, expires_at, created_at, account, checked_at, problem)
SELECT tenant_id, id, 'main', username, token, true, token_expires_at, created_at, '', tested_at, problem
FROM integrations_integration WHERE length(token) > 0
"""
MOVE_BACK = """
UPDATE integrations_integration i SET username = t.username, token = t.secret, token_expires_at = t.expires_at
FROM (SELECT DISTINCT ON (integration_id) * FROM integrations_token ORDER BY integration_id, id) t
WHERE t.integration_id = i.id
"""


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Token',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('label', models.CharField(default='main', help_text='How people call this token; unique within the integration.', max_length=100)),
                ('username', models.CharField(blank=True, help_text="Jira Cloud: the e-mail address of the token's owner.", max_length=200)),
                ('secret', apps.core.crypto.EncryptedField()),
                ('is_active', models.BooleanField(default=True)),
                ('expires_at', models.DateTimeField(blank=True, help_text='GitHub tells it; of a Jira token enter it here, to be warned in time.', null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('account', models.CharField(blank=True, editable=False, help_text='Whose token it is.', max_length=200)),
                ('checked_at', models.DateTimeField(editable=False, null=True)),
                ('problem', models.TextField(blank=True, editable=False, help_text='What the last check or request found wrong.')),
                ('refused_at', models.DateTimeField(editable=False, help_text='Since when the provider does not accept it: others go first.', null=True)),
                ('allowed', models.PositiveIntegerField(editable=False, help_text='Requests per period, as the provider last said.', null=True)),
                ('remaining', models.PositiveIntegerField(editable=False, help_text='What was left of them.', null=True)),
                ('resets_at', models.DateTimeField(editable=False, help_text='When they are renewed.', null=True)),
                ('integration', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tokens', to='integrations.integration')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'ordering': ['pk'],
                'constraints': [models.UniqueConstraint(fields=('integration', 'label'), name='token_label_per_integration')],
            },
            managers=[
                ('across_tenants', django.db.models.manager.Manager()),
            ],
        ),
        migrations.RunSQL(MOVE, MOVE_BACK),
        migrations.RemoveField(model_name='integration', name='token'),
        migrations.RemoveField(model_name='integration', name='token_expires_at'),
        migrations.RemoveField(model_name='integration', name='username'),
    ]
