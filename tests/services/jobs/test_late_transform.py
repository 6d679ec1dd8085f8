"""Can a late transform bring back a deleted object or an old version?"""

from datetime import UTC, datetime

import pytest

from apps.core.crypto import Secret
from apps.integrations.services import add_integration
from apps.jobs.execution import stages
from apps.jobs.lifecycle import services
from apps.jobs.lifecycle.creation import create_job
from apps.jobs.models import Batch, Run
from apps.jobs.queue.covers import RawRecords, encode
from apps.raw import tombstones
from apps.raw.services import store
from apps.sources.base import Deletion
from apps.sources.definition import Stage
from apps.sources.jira.definition import ISSUES
from apps.tenants.models import Tenant
from apps.warehouse.models import Issue
from tests.unit.sources.jira.samples import issue, record


@pytest.fixture
def run(acme: Tenant) -> Run:
    integration = add_integration(
        tenant=acme, provider="jira", name="jira", base_url="http://127.0.0.1:9", token=Secret("x")
    )
    run = services.start(create_job(integration), actor="test")
    return Run.across_tenants.select_related("job", "integration", "tenant").get(pk=run.pk)


def stored(run: Run, summary: str) -> list[int]:
    assert run.integration_id
    records = [record("issue", "1", issue(1, summary=summary), "PAY")]
    now = datetime.now(UTC)
    changed = store(records, tenant_id=run.tenant_id, integration_id=run.integration_id, run=run.pk, fetched_at=now)
    return changed.changed


def batch(run: Run, raw_ids: list[int]) -> Batch:
    return Batch(run=run, step=ISSUES, stage=Stage.TRANSFORM, covers=encode(RawRecords(raw_ids)))


def test_an_object_that_was_deleted_meanwhile_is_not_loaded(run: Run) -> None:
    late = stages.transform(batch(run, stored(run, "Pay by card")))
    owner = {"tenant_id": run.tenant_id, "integration_id": run.integration_id or 0}
    tombstones.bury([Deletion("issue", "1", "404")], **owner, run=run.pk, found_at=datetime.now(UTC))
    result = late()
    assert (result.done, result.batches, result.failures) == (1, [], [])
    assert not Issue.objects.for_tenant(run.tenant_id).exists()


def test_an_old_version_does_not_replace_a_newer_one(run: Run) -> None:
    late = stages.transform(batch(run, stored(run, "old")))
    stages.transform(batch(run, stored(run, "new")))()
    late()
    assert Issue.objects.for_tenant(run.tenant_id).get().summary == "new"
