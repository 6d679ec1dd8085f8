"""How do tests run real jobs? With a tenant whose integrations read from the sandbox, on the test database."""

import os
from dataclasses import dataclass
from pathlib import Path

from django.core.management import call_command
from django.db import connection
from redis import Redis

from apps.core.crypto import Secret
from apps.integrations.services import add_integration
from apps.jobs.choices import RunMode
from apps.jobs.lifecycle import services
from apps.jobs.lifecycle.creation import create_job
from apps.jobs.lifecycle.run_request import RunRequest
from apps.jobs.models import Job, Run
from apps.progress.choices import ENDED
from apps.tenants.models import Tenant
from apps.tenants.services import create_tenant
from tests.processes import TOKEN, Sandbox, until

# What a run loads; ids and times of our own are left out when two states are compared.
OWN_COLUMNS = {"id", "raw", "loaded_at", "tenant_id", "integration_id"}


@dataclass
class Platform:
    """A tenant, its jobs and the server from which they read."""

    tenant: Tenant
    sandbox: Sandbox
    folder: Path

    def job(self, name: str) -> Job:
        """A job of the tenant, as it is now."""
        return Job.objects.for_tenant(self.tenant).select_related("tenant", "integration").get(name=name)

    def start(self, name: str, mode: RunMode = RunMode.INCREMENTAL) -> Run:
        """Begin a run."""
        return services.start(self.job(name), actor="test", request=RunRequest(mode))

    def run(self, name: str, mode: RunMode = RunMode.INCREMENTAL, seconds: float = 240) -> Run:
        """Start a run and wait for its end; the running workers do the work."""
        return self.ended(self.start(name, mode), seconds)

    def ended(self, run: Run, seconds: float = 240) -> Run:
        """Wait for the end of a run."""

        def look() -> bool:
            run.refresh_from_db()
            return run.state in ENDED

        until(look, f"the end of {run.job.name} (logs in {self.folder})", seconds)
        return run


def build(sandbox: Sandbox, folder: Path, slug: str = "acme", kind: type[Platform] = Platform) -> Platform:
    """A new tenant with a Jira, a GitHub and a vectorization job."""
    tenant = create_tenant(slug=slug, name="Acme")
    for provider, username in (("jira", "someone@example.com"), ("github", "")):
        integration = add_integration(
            tenant=tenant,
            provider=provider,
            name=provider,
            base_url=sandbox.url(provider),
            username=username,
            token=Secret(TOKEN),
        )
        create_job(integration)
    return kind(tenant, sandbox, folder)


def empty_everything() -> None:
    """Delete all rows and messages, before and after a test with committed data."""
    call_command("flush", interactive=False, verbosity=0, reset_sequences=False)
    for variable in ("REDIS_URL", "CELERY_BROKER_URL"):
        if os.environ[variable].startswith("redis"):
            Redis.from_url(os.environ[variable]).flushdb()


def loaded_tables() -> list[str]:
    """The tables into which runs load records."""
    return sorted(name for name in connection.introspection.table_names() if name.startswith("warehouse_"))


def table_rows(table: str) -> list[tuple[object, ...]]:
    """The rows of a loaded table in a stable order, without our own ids and times."""
    with connection.cursor() as cursor:
        names = [column.name for column in connection.introspection.get_table_description(cursor, table)]
        wanted = ", ".join(f'"{name}"' for name in names if name not in OWN_COLUMNS and name != "deleted_at")
        cursor.execute(f"SELECT {wanted}, deleted_at IS NOT NULL FROM {table} ORDER BY external_id")
        return list(cursor.fetchall())


def row_versions() -> dict[str, list[tuple[object, ...]]]:
    """The version of every loaded and raw row. If they are equal before and after, no row was written."""
    versions = {}
    with connection.cursor() as cursor:
        for table in [*loaded_tables(), "raw_extraction_data", "vectors_embedding"]:
            cursor.execute(f"SELECT id, xmin::text, ctid::text FROM {table} ORDER BY id")
            versions[table] = cursor.fetchall()
    return versions


def forget_limits() -> None:
    """Let the shared rate limiters forget the pauses that a provider has asked for."""
    client = Redis.from_url(os.environ["REDIS_URL"])
    for key in client.scan_iter("rate_limit:*"):
        client.delete(key)
