"""How does an operator connect a provider without a browser? The parts of the command ``integration``."""

from argparse import ArgumentParser
from datetime import UTC, date, datetime, time
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import transaction

from apps.core.crypto import Secret
from apps.integrations import services
from apps.integrations.models import Integration
from apps.integrations.selectors import integration_named
from apps.sources.base import ConnectionReport
from apps.sources.registry import SOURCES
from apps.tenants.models import Tenant
from apps.tenants.selectors import tenant_named
from apps.tenants.services import create_tenant

SCOPE_OPTIONS = {"jira": "project", "github": "repository"}


def add_arguments(parser: ArgumentParser) -> None:
    """The sub-commands ``add``, ``add-token``, ``test`` and ``list``; ``options["command"]`` is the chosen one."""
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add", help="Test a connection to a provider and store it.")
    add.add_argument("--provider", required=True, choices=sorted(SOURCES))
    add.add_argument("--name", required=True)
    add.add_argument("--base-url", required=True, help="https://company.atlassian.net or https://api.github.com")
    add.add_argument("--username", default="", help="Jira Cloud: the e-mail address of the token's owner.")
    add.add_argument(
        "--token-env",
        action="append",
        required=True,
        metavar="VAR",
        help="The environment variable with the token. Repeat it for several tokens that share the requests.",
    )
    add.add_argument("--project", action="append", default=[], metavar="KEY", help="For Jira; may be repeated.")
    add.add_argument(
        "--repository", action="append", default=[], metavar="OWNER/NAME", help="For GitHub; may be repeated."
    )
    more = commands.add_parser("add-token", help="Add a token to a connection, or replace the token with this label.")
    more.add_argument("name")
    more.add_argument("--token-env", required=True, metavar="VAR", help="The environment variable with the token.")
    more.add_argument("--label", help="The name of the token for people; by default the name of the variable.")
    more.add_argument("--username", help="Jira Cloud: the owner's e-mail address; by default that of the first token.")
    test = commands.add_parser("test", help="Test a stored connection.")
    test.add_argument("name")
    listing = commands.add_parser("list", help="List the stored connections.")
    for command in (add, more):
        command.add_argument(
            "--expires",
            metavar="DAY",
            help="The last day of the token (2027-01-31). Not needed for GitHub, which sends it.",
        )
        command.add_argument("--no-test", action="store_true", help="Store it without a test.")
    for command in (add, more, test, listing):
        command.add_argument("--tenant", metavar="SLUG")
        command.add_argument("--json", action="store_true", help="Print one JSON object and nothing else.")


@transaction.atomic
def add_integration(options: dict[str, Any]) -> Integration:
    """Do ``integration add``. If it raises :class:`CommandError`, nothing is stored."""
    first, *others = [(variable, token_from(variable)) for variable in options["token_env"]]
    owner = {"username": options["username"], "expires_at": end_of(options["expires"])}
    try:
        integration = services.add_integration(
            tenant=tenant_for_new(options["tenant"]),
            provider=options["provider"],
            name=options["name"],
            base_url=options["base_url"],
            label=first[0],
            token=first[1],
            scopes=scopes_from(options),
            **owner,
        )
        for label, token in others:
            services.set_token(integration=integration, label=label, token=token, **owner)
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from error
    if not options["no_test"]:
        refuse_unless_ok(services.test_connection(integration))
    return integration


@transaction.atomic
def add_token(options: dict[str, Any]) -> Integration:
    """Do ``integration add-token``. If it raises :class:`CommandError`, nothing is stored."""
    integration = named_integration(options)
    first = integration.tokens.first()
    username = options["username"]
    if username is None:
        username = first.username if first else ""
    token = services.set_token(
        integration=integration,
        label=options["label"] or options["token_env"],
        token=token_from(options["token_env"]),
        username=username,
        expires_at=end_of(options["expires"]),
    )
    if not options["no_test"]:
        refuse_unless_ok(services.test_token(integration, token))
    return integration


def refuse_unless_ok(report: ConnectionReport) -> None:
    """Raise :class:`CommandError` for a connection that does not work."""
    if not report.is_ok:
        raise CommandError(f"{report.problem} Nothing was stored. Add --no-test to store it without a test.")


def test_integration(options: dict[str, Any]) -> tuple[Integration, ConnectionReport]:
    """Do ``integration test``; the report says whether the connection works."""
    integration = named_integration(options)
    return integration, services.test_connection(integration)


def list_integrations(options: dict[str, Any]) -> list[Integration]:
    """Do ``integration list``."""
    tenant = named_tenant(options["tenant"])
    rows = Integration.across_tenants.select_related("tenant")
    return list(rows.filter(tenant=tenant) if tenant else rows)


def describe(integration: Integration) -> dict[str, Any]:
    """A connection as ``--json`` shows it: everything but the secrets."""
    return {
        "id": integration.pk,
        "tenant": integration.tenant.slug,
        "name": integration.name,
        "provider": integration.provider,
        "base_url": integration.base_url,
        "scopes": integration.scopes,
        "active": integration.is_active,
        "tested_at": _iso(integration.tested_at),
        "problem": integration.problem,
        "tokens": [
            {
                "label": token.label,
                "active": token.is_active,
                "account": token.account,
                "expires_at": _iso(token.expires_at),
                "problem": token.problem,
                "remaining": token.remaining,
            }
            for token in integration.tokens.all()
        ],
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def named_integration(options: dict[str, Any]) -> Integration:
    """The connection that ``NAME`` and ``--tenant`` name."""
    try:
        return integration_named(options["name"], named_tenant(options["tenant"]))
    except (Integration.DoesNotExist, Integration.MultipleObjectsReturned) as error:
        raise CommandError(str(error)) from error


def named_tenant(slug: str | None) -> Tenant | None:
    """The tenant of ``--tenant``, ``None`` without the option."""
    try:
        return tenant_named(slug) if slug else None
    except Tenant.DoesNotExist as error:
        raise CommandError(str(error)) from error


def tenant_for_new(slug: str | None) -> Tenant:
    """The tenant of a new connection: the named one, else the only one. If there is none, a first one is made."""
    named = named_tenant(slug)
    if named:
        return named
    tenants = list(Tenant.objects.all()[:2])
    if len(tenants) > 1:
        slugs = ", ".join(Tenant.objects.values_list("slug", flat=True))
        raise CommandError(f"There are several tenants, choose one with --tenant: {slugs}.")
    return tenants[0] if tenants else create_tenant(slug="default", name="Default")


def end_of(day: str | None) -> datetime | None:
    """The end of the day of ``--expires``, in UTC."""
    if not day:
        return None
    try:
        return datetime.combine(date.fromisoformat(day), time.max, UTC)
    except ValueError as error:
        raise CommandError(f"--expires must be a day such as 2027-01-31, not {day!r}.") from error


def token_from(variable: str) -> Secret:
    """The token in the environment variable ``variable``."""
    token = settings.ENVIRONMENT.text(variable, "")
    if not token:
        raise CommandError(f"{variable} is not set. Set this environment variable to the token.")
    return Secret(token)


def scopes_from(options: dict[str, Any]) -> list[str]:
    """The chosen projects or repositories. Raises :class:`CommandError` for the option of another provider."""
    wanted = SCOPE_OPTIONS.get(options["provider"])
    for provider, option in SCOPE_OPTIONS.items():
        if options[option] and option != wanted:
            raise CommandError(f"--{option} is for {provider}; for {options['provider']} use --{wanted}.")
    return list(options[wanted]) if wanted else []
