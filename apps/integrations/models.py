"""Which connections to providers are stored, and how are their credentials stored?"""

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
    name = models.CharField(max_length=100, help_text="The name of this connection for people; unique in the tenant.")
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
    clock_offset = models.FloatField(
        null=True,
        editable=False,
        help_text="By how many seconds the provider's clock was ahead of ours in the last run.",
    )

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="integration_name_per_tenant")]

    def __str__(self) -> str:
        return self.name


class TokenManager(models.Manager["Token"]):
    """Loads tokens without their secrets. A secret is loaded and decrypted only when it is used."""

    def get_queryset(self) -> models.QuerySet["Token"]:
        """All tokens without their secrets."""
        return super().get_queryset().defer("secret")


class Token(TenantModel):
    """One credential of an integration. With several, each request uses the token with the most requests left."""

    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="tokens")
    label = models.CharField(
        max_length=100, default="main", help_text="The name of this token for people; unique in the integration."
    )
    username = models.CharField(
        max_length=200, blank=True, help_text="Jira Cloud: the e-mail address of the token's owner."
    )
    secret = EncryptedField()
    is_active = models.BooleanField(default=True)
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="GitHub sends it. Enter it here for a Jira token, to be warned in time."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    account = models.CharField(
        max_length=200, blank=True, editable=False, help_text="The account that the token belongs to."
    )
    checked_at = models.DateTimeField(null=True, editable=False)
    problem = models.TextField(blank=True, editable=False, help_text="What the last check or request found wrong.")
    refused_at = models.DateTimeField(
        null=True, editable=False, help_text="Since when the provider does not accept it: other tokens are used first."
    )
    allowed = models.PositiveIntegerField(
        null=True, editable=False, help_text="Requests per period, as the provider last said."
    )
    remaining = models.PositiveIntegerField(null=True, editable=False, help_text="The requests that were left.")
    resets_at = models.DateTimeField(null=True, editable=False, help_text="When all of them are allowed again.")

    across_tenants: ClassVar[models.Manager[Any]] = TokenManager()

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["integration", "label"], name="token_label_per_integration")]

    def __str__(self) -> str:
        return self.label

    @property
    def is_expired(self) -> bool:
        """Whether its expiry time has passed."""
        return self.expires_at is not None and self.expires_at <= timezone.now()

    def expiry_sentence(self) -> str:
        """When the token expires or expired, and what to do; only for a token with an expiry time."""
        verb = "expired" if self.is_expired else "expires"
        return (
            f"The token “{self.label}” of {self.integration} {verb} on {self.expires_at:%d %b %Y, %H:%M} UTC. "
            "Create a new one at the provider and enter it in the admin under Integrations."
        )

    def connection(self) -> Connection:
        """What the source needs to connect to the provider. Only this function reveals the secret."""
        integration = self.integration
        return Connection(integration.base_url, self.username, self.secret.reveal(), tuple(integration.scopes))


class BulkModel(TenantModel):
    """A row that is written in bulk for an integration."""

    # The database does not check these keys: the bulk loader checks the integration and its tenant once per batch
    # instead of once per row. The keys have no index of their own, because every index costs loading time.
    tenant = models.ForeignKey(
        "tenants.Tenant", on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    integration = models.ForeignKey(
        Integration, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )

    class Meta:
        abstract = True
