"""Which connections to providers are stored, and how are their credentials kept?"""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

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

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="integration_name_per_tenant")]

    def __str__(self) -> str:
        return self.name


class TokenManager(models.Manager["Token"]):
    """Reads no secret along with a token: it is read, and decrypted, where it is used."""

    def get_queryset(self) -> models.QuerySet["Token"]:
        """All tokens without their secrets."""
        return super().get_queryset().defer("secret")


class Token(TenantModel):
    """One credential of an integration. Several share the work: each request goes out with the one with most left."""

    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="tokens")
    label = models.CharField(
        max_length=100, default="main", help_text="How people call this token; unique within the integration."
    )
    username = models.CharField(
        max_length=200, blank=True, help_text="Jira Cloud: the e-mail address of the token's owner."
    )
    secret = EncryptedField()
    is_active = models.BooleanField(default=True)
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="GitHub tells it; of a Jira token enter it here, to be warned in time."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    account = models.CharField(max_length=200, blank=True, editable=False, help_text="Whose token it is.")
    checked_at = models.DateTimeField(null=True, editable=False)
    problem = models.TextField(blank=True, editable=False, help_text="What the last check or request found wrong.")
    refused_at = models.DateTimeField(
        null=True, editable=False, help_text="Since when the provider does not accept it: others go first."
    )
    allowed = models.PositiveIntegerField(null=True, editable=False, help_text="Requests per period, as last told.")
    remaining = models.PositiveIntegerField(null=True, editable=False, help_text="What was left of them.")
    resets_at = models.DateTimeField(null=True, editable=False, help_text="When they are renewed.")

    across_tenants: ClassVar[models.Manager[Any]] = TokenManager()

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["integration", "label"], name="token_label_per_integration")]

    def __str__(self) -> str:
        return self.label

    @property
    def is_expired(self) -> bool:
        """Whether its end has come."""
        return self.expires_at is not None and self.expires_at <= timezone.now()

    def expiry_sentence(self) -> str:
        """When the token ends or ended, and what to do; of a token that has an end."""
        verb = "expired" if self.is_expired else "expires"
        return (
            f"The token “{self.label}” of {self.integration} {verb} on {self.expires_at:%d %b %Y, %H:%M} UTC. "
            "Create a new one at the provider and enter it in the admin under Integrations."
        )

    def connection(self) -> Connection:
        """What the source needs to talk to the provider. The only place where the secret is revealed."""
        integration = self.integration
        return Connection(integration.base_url, self.username, self.secret.reveal(), tuple(integration.scopes))


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
