"""Are connections stored, tested, re-encrypted and refused as promised, and does no text show their token?"""

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core import serializers
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import Client
from django.urls import reverse

from apps.core.crypto import Secret, UndecryptableSecretError
from apps.integrations import cli, services
from apps.integrations.connect import open_source
from apps.integrations.models import Integration, Token
from apps.tenants.models import Tenant
from apps.tenants.services import create_tenant
from tests.unit.sources.scripted import Say, ScriptedServer

TOKEN = "ghp_a-token-nobody-may-see"


@pytest.fixture
def hub() -> Iterator[ScriptedServer]:
    """A GitHub that answers the requests of a connection test."""
    server = ScriptedServer()
    expiry = {"github-authentication-token-expiration": "2027-01-31 23:59:59 UTC", "x-oauth-scopes": "repo"}
    server.on("/api/v3/user", Say({"login": "octocat"}, headers=expiry))
    server.on("/api/v3/rate_limit", Say({}))
    server.on("/api/v3/user/repos", Say([{"full_name": "o/r", "private": True}]))
    yield server
    server.close()


def connect(tenant: Tenant, base_url: str = "http://127.0.0.1:1/api/v3", **changes: Any) -> Integration:
    values = {"provider": "github", "name": "hub", "token": Secret(TOKEN), **changes}
    return services.add_integration(tenant=tenant, base_url=base_url, **values)


def options(hub: ScriptedServer, **changes: Any) -> dict[str, Any]:
    return {
        "provider": "github",
        "name": "hub",
        "base_url": f"{hub.url}/api/v3",
        "username": "",
        "token_env": ["HUB_TOKEN"],
        "expires": None,
        "project": [],
        "repository": [],
        "tenant": None,
        "no_test": False,
        **changes,
    }


@pytest.fixture
def token_env(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_TOKEN", TOKEN)


def secret_of(integration: Integration) -> str:
    return integration.tokens.get().secret.reveal()


def stored_token(integration: Integration) -> bytes:
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM integrations_token WHERE integration_id = %s", [integration.pk])
        return bytes(cursor.fetchone()[0])


def test_what_is_stored_is_tidy_and_encrypted(acme: Tenant) -> None:
    integration = connect(acme, " http://127.0.0.1:1/api/v3/ ", name=" hub ", scopes=[" o/r ", "", "o/r", "o/s"])
    integration.refresh_from_db()
    assert (integration.name, integration.base_url) == ("hub", "http://127.0.0.1:1/api/v3")
    assert integration.scopes == ["o/r", "o/s"]
    assert secret_of(integration) == TOKEN
    assert TOKEN.encode() not in stored_token(integration)


def test_no_text_of_a_connection_shows_its_token(acme: Tenant) -> None:
    integration = connect(acme)
    source, details, http = open_source(integration)
    with http:
        texts = [
            repr(integration),
            str(vars(integration)),
            repr(details),
            str(details),
            repr(http),
            repr(source),
            repr(integration.tokens.get()),
            str(vars(integration.tokens.get())),
        ]
    texts.append(json.dumps(cli.describe(integration)))
    assert not any(TOKEN in text for text in texts)
    with pytest.raises(TypeError):
        serializers.serialize("json", Token.across_tenants.all())


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"provider": "gitlab"}, "not a valid choice"),
        ({"name": " "}, "cannot be blank"),
        ({"base_url": "nowhere"}, "must look like"),
    ],
)
def test_a_connection_that_makes_no_sense_is_refused(acme: Tenant, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        connect(acme, **changes)
    assert not Integration.across_tenants.exists()


def test_a_name_is_unique_in_its_tenant_only(acme: Tenant) -> None:
    connect(acme)
    connect(create_tenant(slug="globex", name="Globex"))
    with pytest.raises(ValidationError):
        connect(acme)


def test_a_private_address_is_refused_on_save_and_again_when_connecting(
    acme: Tenant, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ALLOW_PRIVATE_NETWORKS = False
    with pytest.raises(ValidationError, match="ALLOW_PRIVATE_NETWORKS"):
        connect(acme, "https://10.0.0.7/api/v3")
    ask = socket.getaddrinfo
    address = ["140.82.112.5"]
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *args, **rest: ask(address[0] if host == "github.example" else host, *args, **rest),
    )
    integration = connect(acme, "https://github.example/api/v3")
    address[0] = "169.254.169.254"
    with pytest.raises(ValidationError, match=r"169\.254\.169\.254"):
        open_source(integration)
    report = services.test_connection(integration)
    assert not report.is_ok
    assert "ALLOW_PRIVATE_NETWORKS" in integration.problem


def test_a_test_stores_its_result(acme: Tenant, hub: ScriptedServer) -> None:
    integration = connect(acme, f"{hub.url}/api/v3")
    report = services.test_connection(integration)
    assert (report.is_ok, report.account, report.scopes_found) == (True, "octocat", ("o/r",))
    integration.refresh_from_db()
    assert integration.tested_at is not None
    token = integration.tokens.get()
    assert (integration.problem, token.problem, token.account) == ("", "", "octocat")
    assert token.expires_at == datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC)
    for path in ("user", "rate_limit"):
        hub.on(f"/api/v3/{path}", Say({"message": f"Bad credentials {TOKEN}"}, 401))
    services.test_connection(integration)
    integration.refresh_from_db()
    assert integration.problem
    assert TOKEN not in integration.problem


def saved(admin_client: Client, integration: Integration, **changes: Any) -> Integration:
    """The connection after the form of the admin was saved with ``changes``; ``None`` leaves a field out."""
    token = integration.tokens.get()
    values = {
        "tenant": integration.tenant_id,
        "provider": "github",
        "name": integration.name,
        "base_url": integration.base_url,
        "scopes": "",
        "is_active": "on",
        "tokens-TOTAL_FORMS": 1,
        "tokens-INITIAL_FORMS": 1,
        "tokens-0-id": token.pk,
        "tokens-0-label": token.label,
        "tokens-0-is_active": "on",
        **changes,
    }
    given = {name: value for name, value in values.items() if value is not None}
    address = reverse("admin:integrations_integration_change", args=[integration.pk])
    assert admin_client.post(address, given).status_code == 302
    stored: Integration = Integration.across_tenants.get(pk=integration.pk)
    return stored


def test_a_new_address_is_tested_anew_and_a_new_name_is_not(
    acme: Tenant, hub: ScriptedServer, admin_client: Client
) -> None:
    integration = connect(acme, f"{hub.url}/api/v3")
    services.test_connection(integration)
    renamed = saved(admin_client, integration, name="renamed", scopes="o/r")
    assert (renamed.tested_at, renamed.name, renamed.scopes) == (integration.tested_at, "renamed", ["o/r"])
    moved = saved(admin_client, renamed, base_url="http://127.0.0.1:1/api/v3")
    assert moved.tested_at != integration.tested_at
    assert "refuses the connection" in moved.problem


def test_a_new_token_makes_the_last_check_void(acme: Tenant, hub: ScriptedServer) -> None:
    integration = connect(acme, f"{hub.url}/api/v3")
    services.test_connection(integration)
    services.set_token(integration=integration, label="main", token=Secret("ghp_another"))
    token = integration.tokens.get()
    assert (token.secret.reveal(), token.checked_at, token.account) == ("ghp_another", None, "")


def test_a_deactivated_connection_keeps_everything(acme: Tenant, admin_client: Client) -> None:
    stored = saved(admin_client, connect(acme), is_active=None)
    assert (stored.is_active, secret_of(stored)) == (False, TOKEN)


def test_rotation_lets_the_old_key_go(acme: Tenant, settings: Any) -> None:
    integrations = [connect(acme, name=name) for name in ("one", "two")]
    old, new = settings.ENCRYPTION_KEYS, [Fernet.generate_key().decode()]
    settings.ENCRYPTION_KEYS = new + old
    call_command("rotate_keys")
    settings.ENCRYPTION_KEYS = new
    for integration in integrations:
        assert secret_of(integration) == TOKEN


def test_rotation_changes_nothing_when_one_token_cannot_be_opened(acme: Tenant, settings: Any) -> None:
    old = settings.ENCRYPTION_KEYS
    good = connect(acme, name="good")
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    connect(acme, name="lost")
    before = stored_token(good)
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *old]
    with pytest.raises(CommandError, match=r"Integration lost, token main: .* add the key .* ENCRYPTION_KEY"):
        call_command("rotate_keys")
    assert stored_token(good) == before


def test_a_missing_key_is_a_problem_of_the_connection_not_a_crash(acme: Tenant, settings: Any) -> None:
    integration = connect(acme)
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(UndecryptableSecretError):
        open_source(integration)
    report = services.test_connection(integration)
    assert not report.is_ok
    assert "ENCRYPTION_KEY" in integration.problem


@pytest.mark.usefixtures("token_env")
def test_the_first_connection_of_all_makes_the_default_tenant(db: None, hub: ScriptedServer) -> None:
    integration = cli.add_integration(options(hub, repository=["o/r"]) | {"no_test": True})
    assert (integration.tenant.slug, integration.scopes) == ("default", ["o/r"])


@pytest.mark.usefixtures("token_env")
def test_adding_tests_the_connection(acme: Tenant, hub: ScriptedServer) -> None:
    integration = cli.add_integration(options(hub))
    assert (integration.tenant, secret_of(integration), integration.problem) == (acme, TOKEN, "")
    assert integration.tested_at is not None
    [described] = json.loads(json.dumps(cli.describe(integration)))["tokens"]
    assert (described["label"], described["account"]) == ("HUB_TOKEN", "octocat")
    assert described["expires_at"] == "2027-01-31T23:59:59+00:00"


@pytest.mark.usefixtures("token_env")
def test_a_connection_that_does_not_work_is_not_stored(db: None, hub: ScriptedServer) -> None:
    for path in ("user", "rate_limit"):
        hub.on(f"/api/v3/{path}", Say({"message": "Bad credentials"}, 401))
    with pytest.raises(CommandError, match="Nothing was stored"):
        cli.add_integration(options(hub))
    assert not Integration.across_tenants.exists()
    assert not Tenant.objects.exists()


@pytest.mark.usefixtures("token_env")
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"tenant": "initech"}, "no tenant 'initech'. Existing tenants: acme"),
        ({"expires": "soon"}, "such as 2027-01-31, not 'soon'"),
        ({"token_env": ["UNSET_VARIABLE"]}, "UNSET_VARIABLE is not set"),
        ({"project": ["ABC"]}, "--project is for jira; for github use --repository"),
        ({"base_url": "nowhere"}, "must look like"),
    ],
)
def test_a_command_that_cannot_be_done_says_why(
    acme: Tenant, hub: ScriptedServer, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(CommandError, match=sentence):
        cli.add_integration(options(hub, **changes))


@pytest.mark.usefixtures("token_env")
def test_with_several_tenants_one_has_to_be_named(acme: Tenant, hub: ScriptedServer) -> None:
    create_tenant(slug="globex", name="Globex")
    with pytest.raises(CommandError, match="choose one with --tenant: acme, globex"):
        cli.add_integration(options(hub))
    assert cli.add_integration(options(hub, tenant="globex")).tenant.slug == "globex"


def test_a_stored_connection_is_tested_by_name(acme: Tenant, hub: ScriptedServer) -> None:
    connect(acme, f"{hub.url}/api/v3")
    integration, report = cli.test_integration({"name": "hub", "tenant": None})
    assert (integration.name, report.is_ok) == ("hub", True)
    with pytest.raises(CommandError, match=r"no integration 'jira'\. There are: hub"):
        cli.test_integration({"name": "jira", "tenant": None})
    connect(create_tenant(slug="globex", name="Globex"))
    with pytest.raises(CommandError, match=r"Several tenants .* --tenant \(acme, globex\)"):
        cli.test_integration({"name": "hub", "tenant": None})
    listed = [(each.tenant.slug, each.name) for each in cli.list_integrations({"tenant": "globex"})]
    assert listed == [("globex", "hub")]
