"""Which connections does a tenant have, and which of their tokens need a person?"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.integrations.models import Integration, Token
from apps.tenants.models import Tenant

WARN_BEFORE = timedelta(days=14)
MAX_CLOCK_OFFSET = timedelta(minutes=2)
FAR_AWAY = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class TokenWarning:
    """A token that needs a person; ``expires_at`` is set if its expiry is the reason."""

    integration: Integration
    label: str
    sentence: str
    expires_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether the token has expired."""
        return self.expires_at is not None and self.expires_at <= timezone.now()


def integrations_of(tenant: Tenant) -> QuerySet[Integration]:
    """The tenant's connections by name."""
    return Integration.objects.for_tenant(tenant)


def integration_named(name: str, tenant: Tenant | None = None) -> Integration:
    """The connection called ``name``, in ``tenant`` or in any tenant.

    Raises :class:`Integration.DoesNotExist` with the names that exist, or
    :class:`Integration.MultipleObjectsReturned` when several tenants have a connection of this name.
    """
    stored = integrations_of(tenant) if tenant else Integration.across_tenants.all()
    found = list(stored.filter(name=name).select_related("tenant"))
    if not found:
        names = ", ".join(stored.values_list("name", flat=True))
        existing = f"There are: {names}." if names else "There is none yet: add one with `integration add`."
        raise Integration.DoesNotExist(f"There is no integration {name!r}. {existing}")
    if len(found) > 1:
        slugs = ", ".join(sorted(integration.tenant.slug for integration in found))
        raise Integration.MultipleObjectsReturned(
            f"Several tenants have an integration {name!r}: add --tenant ({slugs})."
        )
    return found[0]


def clock_warning(integration: Integration) -> str:
    """A sentence about a provider's clock that differs much from ours, "" if it does not. It loses no data."""
    offset = integration.clock_offset or 0
    if abs(offset) <= MAX_CLOCK_OFFSET.total_seconds():
        return ""
    direction = "ahead of" if offset > 0 else "behind"
    return (
        f"{integration.name}: the provider's clock is {abs(offset) / 60:,.0f} minutes {direction} ours. Set this "
        "server's clock by NTP. No data is lost: each run asks for changes by the provider's clock."
    )


def token_warnings(tenant: Tenant) -> list[TokenWarning]:
    """The active tokens that have expired, expire soon, are refused or have a problem; the most urgent first."""
    soon = Q(expires_at__lt=timezone.now() + WARN_BEFORE)
    tokens = (
        Token.objects.for_tenant(tenant)
        .filter(soon | ~Q(problem=""), is_active=True, integration__is_active=True)
        .select_related("integration")
        .defer("secret")
    )
    found = [_warning(token) for token in tokens]
    return sorted(found, key=lambda each: (each.expires_at or FAR_AWAY, each.label))


def _warning(token: Token) -> TokenWarning:
    if token.expires_at and token.expires_at < timezone.now() + WARN_BEFORE:
        return TokenWarning(token.integration, token.label, token.expiry_sentence(), token.expires_at)
    what = "is refused" if token.refused_at else "has a problem"
    sentence = f"The token “{token.label}” of {token.integration} {what}. {token.problem}"
    return TokenWarning(token.integration, token.label, sentence)
