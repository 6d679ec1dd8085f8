"""How are connections stored, tested and changed? All writes to them are here."""

from collections.abc import Iterable
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from apps.core.crypto import Secret, UndecryptableSecretError
from apps.integrations.connect import open_tokens
from apps.integrations.models import Integration, Token
from apps.sources.base import ConnectionReport
from apps.sources.errors import SourceError
from apps.sources.http import HttpOptions
from apps.sources.text import clean
from apps.tenants.models import Tenant

# A person waits for the result of a test, so it gives up sooner than a run.
TEST_OPTIONS = HttpOptions(attempts=2, timeout=(5, 20))


@transaction.atomic
def add_integration(
    *,
    tenant: Tenant,
    provider: str,
    name: str,
    base_url: str,
    token: Secret,
    label: str = "main",
    username: str = "",
    expires_at: datetime | None = None,
    scopes: Iterable[str] = (),
) -> Integration:
    """Store a new connection with its first token.

    Raises :class:`ValidationError` for a taken name, an unknown provider or a refused address.
    """
    integration = Integration(
        tenant=tenant,
        provider=provider,
        name=name.strip(),
        base_url=base_url.strip().rstrip("/"),
        scopes=clean_scopes(scopes),
    )
    integration.full_clean()
    integration.save()
    set_token(integration=integration, label=label, token=token, username=username, expires_at=expires_at)
    return integration


def set_token(
    *, integration: Integration, label: str, token: Secret, username: str = "", expires_at: datetime | None = None
) -> Token:
    """Add a token to a connection, or replace its token with this label."""
    existing = integration.tokens.filter(label=label.strip()).first()
    stored = existing or Token(integration=integration, tenant_id=integration.tenant_id, label=label.strip())
    stored.secret, stored.username, stored.expires_at = token, username.strip(), expires_at
    stored.is_active = True
    forget_check(stored)
    stored.full_clean(exclude=["secret"])
    stored.save()
    return stored


def test_connection(integration: Integration) -> ConnectionReport:
    """Test every active token and store the result; never raises for a connection that fails."""
    tokens = list(integration.tokens.filter(is_active=True))
    report = combined([(token, test_token(integration, token)) for token in tokens])
    integration.tested_at = timezone.now()
    integration.problem = report.problem
    integration.save(update_fields=["tested_at", "problem"])
    return report


def test_token(integration: Integration, token: Token) -> ConnectionReport:
    """Test one token and store the result with it."""
    report = _try(integration, token)
    token.checked_at = timezone.now()
    token.problem = report.problem
    token.account = clean(report.account)[:200]
    changed = ["checked_at", "problem", "account"]
    if report.expires_at:
        token.expires_at = report.expires_at
        changed.append("expires_at")
    if report.is_ok:
        token.refused_at = None
        changed.append("refused_at")
    token.save(update_fields=changed)
    return report


def _try(integration: Integration, token: Token) -> ConnectionReport:
    try:
        source, connection, http = open_tokens(integration, [token], TEST_OPTIONS)
        with http:
            return source.test(connection, http)
    except ValidationError as error:
        return ConnectionReport(is_ok=False, problem=" ".join(error.messages))
    except (SourceError, UndecryptableSecretError) as error:
        return ConnectionReport(is_ok=False, problem=clean(str(error)))


def combined(reports: list[tuple[Token, ConnectionReport]]) -> ConnectionReport:
    """The report for a connection. It is good if the reports of all its tokens are good."""
    if not reports:
        return ConnectionReport(is_ok=False, problem="There is no active token. Enter one.")
    if len(reports) == 1:
        return reports[0][1]
    broken = [f"Token “{token.label}”: {report.problem}" for token, report in reports if not report.is_ok]
    best = next((report for _, report in reports if report.is_ok), reports[0][1])
    warnings = [f"Token “{token.label}”: {warning}" for token, report in reports for warning in report.warnings]
    return ConnectionReport(not broken, best.account, " ".join(broken), best.scopes_found, warnings=tuple(warnings))


@transaction.atomic
def rotate_credentials() -> int:
    """Encrypt all tokens with the newest key, or none of them; gives their number.

    :class:`UndecryptableSecretError` names the connection whose key is missing.
    """
    tokens = Token.across_tenants.select_related("integration").select_for_update(of=("self",))
    for token in tokens:
        try:
            token.save(update_fields=["secret"])
        except UndecryptableSecretError as error:
            raise UndecryptableSecretError(f"Integration {token.integration}, token {token}: {error}") from error
    return len(tokens)


def forget_test(integration: Integration) -> None:
    """Clear the result of the last test, without saving."""
    integration.tested_at = None
    integration.problem = ""


def forget_check(token: Token) -> None:
    """Clear what was known about a token, because it is replaced by another one; without saving."""
    token.checked_at = token.refused_at = token.resets_at = token.allowed = token.remaining = None
    token.problem = token.account = ""


def clean_scopes(scopes: Iterable[str]) -> list[str]:
    """``scopes`` without blanks and duplicates, in their order."""
    return list(dict.fromkeys(scope.strip() for scope in scopes if scope.strip()))
