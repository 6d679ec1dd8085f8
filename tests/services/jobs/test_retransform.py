"""Does a real run transform what is stored again, without a request, and can records that were set aside be cured?"""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.jobs.choices import Outcome, RunMode
from apps.jobs.lifecycle import services
from apps.jobs.lifecycle.run_request import RunRequest
from apps.jobs.models import Job, Watermark
from apps.jobs.proof import lines as proof
from apps.jobs.quarantine import services as quarantine
from apps.progress.choices import RunState
from apps.progress.models import RunProgress
from apps.raw.models import Quarantine, QuarantineState, RawRecord
from apps.raw.selectors import QuarantineQuery
from apps.raw.services import Failure, quarantine_records
from apps.vectors.models import Embedding
from apps.warehouse.models import Issue
from tests.platform import Platform, loaded_tables, row_versions, table_rows


@pytest.fixture(scope="module")
def loaded(platform: Platform) -> dict[str, list[tuple[object, ...]]]:
    for name in ("jira", "github"):
        run = platform.run(name)
        assert (list(proof.sentences(proof.decode(run.proof))), run.outcome) == ([], Outcome.COMPLETE)
    platform.sandbox.control("reset-stats")
    return {table: table_rows(table) for table in loaded_tables()}


@pytest.mark.parametrize("name", ["jira", "github"])
def test_everything_is_transformed_again_without_a_request(platform: Platform, loaded: Any, name: str) -> None:
    before, watermarks = row_versions(), list(Watermark.objects.for_tenant(platform.tenant).values_list())
    synced = platform.job(name).last_sync_date
    run = platform.ended(services.start(platform.job(name), actor="test", request=RunRequest(RunMode.RETRANSFORM)))
    assert (run.state, run.outcome, run.error) == (RunState.FINISHED, Outcome.COMPLETE, "")
    assert RunProgress.across_tenants.get(pk=run.pk).percent == 100
    assert platform.sandbox.served() == 0
    assert row_versions() == before
    assert list(Watermark.objects.for_tenant(platform.tenant).values_list()) == watermarks
    assert platform.job(name).last_sync_date == synced


def test_rows_that_somebody_has_damaged_are_repaired(platform: Platform, loaded: Any) -> None:
    Issue.objects.for_tenant(platform.tenant).update(summary="damaged")
    services_run = services.start(platform.job("jira"), actor="test", request=RunRequest(RunMode.RETRANSFORM))
    assert platform.ended(services_run).outcome == Outcome.COMPLETE
    assert {table: table_rows(table) for table in loaded_tables()} == loaded
    assert platform.sandbox.served() == 0


def _broken_issue(platform: Platform) -> tuple[Job, RawRecord, str]:
    """An issue that a run set aside because its stored payload cannot be read, and the payload that it had."""
    job = platform.job("jira")
    record = RawRecord.objects.for_tenant(platform.tenant).filter(entity="issue", is_current=True).earliest("pk")
    payload = record.payload
    broken = json.loads(payload)
    broken["fields"] = "all"
    RawRecord.across_tenants.filter(pk=record.pk).update(payload=json.dumps(broken))
    Issue.objects.for_tenant(platform.tenant).filter(external_id=record.external_id).delete()
    run = platform.ended(services.start(job, actor="test", request=RunRequest(RunMode.RETRANSFORM)))
    assert run.outcome == Outcome.WITH_QUARANTINE
    return platform.job("jira"), record, payload


def test_a_record_is_retried_until_it_goes_through(platform: Platform, loaded: Any) -> None:
    job, record, payload = _broken_issue(platform)
    (line,) = [line for line in services.current_run(job).proof if line.get("set_aside")]
    assert (line["kind"], line["scope"], line["set_aside"]) == ("issue", record.scope, 1)

    (again,) = quarantine.retry(platform.tenant, QuarantineQuery(), actor="test").runs
    assert platform.ended(again).outcome == Outcome.WITH_QUARANTINE

    RawRecord.across_tenants.filter(pk=record.pk).update(payload=payload)
    (cured,) = quarantine.retry(platform.tenant, QuarantineQuery(), actor="test").runs
    assert platform.ended(cured).outcome == Outcome.COMPLETE
    aside = Quarantine.objects.for_tenant(platform.tenant).get(external_id=record.external_id)
    assert aside.state == QuarantineState.RESOLVED
    assert {table: table_rows(table) for table in loaded_tables()} == loaded
    assert platform.sandbox.served() == 0


def test_a_text_that_was_set_aside_is_embedded_by_a_retry(platform: Platform, loaded: Any) -> None:
    job = platform.job("jira")
    assert job.integration_id
    vector = Embedding.objects.for_tenant(platform.tenant).filter(kind="issue").earliest("pk")
    Embedding.across_tenants.filter(pk=vector.pk).delete()
    quarantine_records(
        [Failure(job.integration_id, "issue", vector.external_id, "no meaning")],
        tenant_id=job.tenant_id,
        integration_id=job.integration_id,
        run=services.current_run(job).pk,
        step="vectorization_process",
        stage="embedding",
    )
    (run,) = quarantine.retry(platform.tenant, QuarantineQuery(stage="embedding"), actor="test").runs
    assert platform.ended(run).outcome == Outcome.COMPLETE
    assert Quarantine.objects.for_tenant(platform.tenant).get(stage="embedding").state == QuarantineState.RESOLVED
    again = Embedding.objects.for_tenant(platform.tenant).filter(kind="issue", external_id=vector.external_id)
    assert again.exists()


def test_the_first_run_lists_every_issue_by_its_id_and_all_are_there(platform: Platform, loaded: Any) -> None:
    first = platform.job("jira").runs.earliest("created_at")
    kinds = {line["kind"] for line in first.proof}
    assert {"issue", "issue_change", "issue_comment", "project", "sprint"} <= kinds
    by_project = platform.sandbox.truth()["by_project"]
    lines = {line["scope"]: (line["listed"], line["loaded"]) for line in first.proof if line["kind"] == "issue"}
    assert lines == {key: (has["issues"],) * 2 for key, has in by_project.items() if has["issues"]}


def test_the_command_starts_a_retransform_and_refuses_other_options_with_it(platform: Platform, loaded: Any) -> None:
    out = StringIO()
    call_command("job", "run", "jira", "--retransform", "--wait", "--json", stdout=out)
    answer = json.loads(out.getvalue())
    assert (answer["mode"], answer["outcome"]) == ("retransform", "complete")
    with pytest.raises(CommandError, match="reads nothing from the provider"):
        call_command("job", "run", "jira", "--retransform", "--full")
    with pytest.raises(CommandError, match="stores no raw records"):
        call_command("job", "run", "vectorization", "--retransform")
