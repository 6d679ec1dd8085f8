"""How do stored connections come, change, get tested and go? All writes to them pass here."""

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from apps.core.crypto import Secret, UndecryptableSecret
from apps.integrations.connect import open_source
from apps.integrations.models import Integration
from apps.sources.base import ConnectionReport
from apps.sources.errors import SourceError
from apps.sources.text import clean
from apps.tenants.models import Tenant


def add_integration(
    *,
    tenant: Tenant,
    provider: str,
    name: str,
    base_url: str,
    token: Secret,
    username: str = "",
    scopes: Iterable[str] = (),
) -> Integration:
    """A new connection; :class:`ValidationError` for a taken name, unknown provider or refused address."""
    integration = Integration(
        tenant=tenant,
        provider=provider,
        name=name.strip(),
        base_url=base_url.strip().rstrip("/"),
        username=username.strip(),
        token=token,
        scopes=clean_scopes(scopes),
    )
    integration.full_clean()
    integration.save()
    return integration


def update_integration(
    *,
    integration: Integration,
    name: str | None = None,
    base_url: str | None = None,
    username: str | None = None,
    token: Secret | None = None,
    scopes: Iterable[str] | None = None,
) -> None:
    """Change what is given. What the last test said is forgotten when the way to the provider changes."""
    changes: dict[str, Any] = {
        "name": None if name is None else name.strip(),
        "base_url": None if base_url is None else base_url.strip().rstrip("/"),
        "username": None if username is None else username.strip(),
        "token": token,
        "scopes": None if scopes is None else clean_scopes(scopes),
    }
    changes = {field: value for field, value in changes.items() if value is not None}
    for field, value in changes.items():
        setattr(integration, field, value)
    integration.full_clean()
    if changes.keys() & {"base_url", "username", "token"}:
        forget_test(integration)
    integration.save()


def deactivate_integration(*, integration: Integration) -> None:
    """Keep the connection and its data, start nothing for it any more."""
    integration.is_active = False
    integration.save(update_fields=["is_active"])


def test_connection(integration: Integration) -> ConnectionReport:
    """Try the stored credentials and store the outcome; never raises for a connection that fails."""
    report = try_connection(integration)
    integration.tested_at = timezone.now()
    integration.problem = report.problem
    integration.token_expires_at = report.expires_at
    integration.save(update_fields=["tested_at", "problem", "token_expires_at"])
    return report


def try_connection(integration: Integration) -> ConnectionReport:
    """Try the credentials of a connection that need not be stored yet."""
    try:
        source, connection, http = open_source(integration)
        with http:
            report = source.test(connection, http)
    except ValidationError as error:
        return ConnectionReport(ok=False, problem=" ".join(error.messages))
    except (SourceError, UndecryptableSecret) as error:
        return ConnectionReport(ok=False, problem=clean(str(error)))
    return report


@transaction.atomic
def rotate_credentials() -> int:
    """Encrypt every token with the newest key; all or none. Gives how many.

    :class:`UndecryptableSecret` names the connection whose key is missing.
    """
    rows = Integration.across_tenants.defer("token").select_for_update()
    for integration in rows:
        try:
            integration.save(update_fields=["token"])
        except UndecryptableSecret as error:
            raise UndecryptableSecret(f"Integration {integration.name}: {error}") from error
    return len(rows)


def forget_test(integration: Integration) -> None:
    """What the last test said counts no more; not saved here."""
    integration.tested_at = None
    integration.problem = ""
    integration.token_expires_at = None


def clean_scopes(scopes: Iterable[str]) -> list[str]:
    """Without blanks and doubles, in the order given."""
    return list(dict.fromkeys(scope.strip() for scope in scopes if scope.strip()))
