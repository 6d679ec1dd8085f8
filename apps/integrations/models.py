"""Which connections to providers are stored, and how are their credentials kept?"""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from apps.core.crypto import EncryptedField
from apps.core.models import TenantModel
from apps.integrations.address import check_base_url
from apps.sources.base import Connection
from apps.sources.registry import SOURCES


def provider_choices() -> list[tuple[str, str]]:
    """Every registered source."""
    return [(name, source.definition.title) for name, source in SOURCES.items()]


class Integration(TenantModel):
    """A stored connection of one tenant to one provider."""

    provider = models.CharField(max_length=30, choices=provider_choices)
    name = models.CharField(max_length=100, help_text="How people call this connection; unique within the tenant.")
    base_url = models.CharField(
        max_length=200,
        validators=[check_base_url],
        help_text="For example https://company.atlassian.net or https://api.github.com.",
    )
    username = models.CharField(
        max_length=200, blank=True, help_text="Jira Cloud: the e-mail address of the token's owner."
    )
    token = EncryptedField()
    scopes = ArrayField(
        models.CharField(max_length=200),
        default=list,
        blank=True,
        help_text="Project keys or repositories (owner/name). Empty: all that the token can see.",
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    tested_at = models.DateTimeField(null=True, editable=False)
    problem = models.TextField(blank=True, editable=False, help_text="What the last connection test found wrong.")
    token_expires_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="integration_name_per_tenant")]

    def __str__(self) -> str:
        return self.name

    def connection(self) -> Connection:
        """What the source needs to talk to the provider. The only place where the token is revealed."""
        return Connection(self.base_url, self.username, self.token.reveal(), tuple(self.scopes))


class BulkModel(TenantModel):
    """A row that is written in bulk for an integration."""

    # Neither key is a constraint of the database: who writes in bulk checks the integration and its tenant once
    # per batch instead of once per row. Neither has an index of its own: every index costs loading time.
    tenant = models.ForeignKey(
        "tenants.Tenant", on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    integration = models.ForeignKey(
        Integration, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )

    class Meta:
        abstract = True
