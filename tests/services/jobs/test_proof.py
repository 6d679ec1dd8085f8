"""Does the proof of a run find every missing record by its id, and is such a run never shown as complete?"""

from collections.abc import Iterable

import pytest
from django.utils import timezone

from apps.integrations.models import Integration
from apps.jobs.choices import Outcome, RunMode
from apps.jobs.execution import completion
from apps.jobs.lifecycle import services
from apps.jobs.lifecycle.creation import create_job
from apps.jobs.lifecycle.run_request import RunRequest
from apps.jobs.models import Batch, Job, Run, Watermark
from apps.jobs.proof import counting
from apps.jobs.proof import lines as proof
from apps.jobs.proof.lines import ProofLine
from apps.jobs.queue import batches
from apps.jobs.queue.batches import NewBatch
from apps.jobs.queue.covers import RawRecords
from apps.progress import services as progress
from apps.progress.choices import JobState, StageState
from apps.progress.models import RunProgress, StageProgress
from apps.raw import services as raw_services
from apps.raw.models import ListedId, Quarantine, QuarantineState, Tombstone
from apps.raw.services import Failure
from apps.sources.base import Slice, SourceRecord
from apps.sources.definition import Stage
from apps.tenants.models import Tenant
from apps.vectors.embedders import current_embedder
from apps.vectors.models import Embedding
from apps.vectors.selectors import model_and_preparation
from apps.warehouse.models import Document, Issue, IssueComment, Project

STEP = "jira_issues_with_changelogs"


@pytest.fixture
def job(acme: Tenant) -> Job:
    integration = Integration.across_tenants.create(
        tenant=acme, provider="jira", name="jira", base_url="https://jira.example.com"
    )
    Project.across_tenants.create(
        tenant=acme, integration=integration, external_id="1", key="PAY", loaded_at=timezone.now()
    )
    return create_job(integration)


def started(job: Job, mode: RunMode = RunMode.FULL) -> Run:
    """A running run of a job that has run before; the provider has announced one project."""
    Job.across_tenants.filter(pk=job.pk).update(last_sync_date=timezone.now(), last_sweep_at=timezone.now())
    job.refresh_from_db()
    run = services.start(job, actor="ada", request=RunRequest(mode))
    Run.across_tenants.filter(pk=run.pk).update(announced={"project": 1})
    return Run.across_tenants.select_related("job", "integration", "tenant").get(pk=run.pk)


def integration_of(run: Run) -> int:
    assert run.integration_id
    return run.integration_id


def stored(run: Run, entity: str, ids: Iterable[int], scope: str = "PAY") -> list[int]:
    records = [SourceRecord(entity, str(number), b'{"id": %d}' % number, scope) for number in ids]
    return raw_services.store(
        records, tenant_id=run.tenant_id, integration_id=integration_of(run), run=run.pk, fetched_at=timezone.now()
    ).given


def issues(run: Run, ids: Iterable[int], summary: str = "") -> list[Issue]:
    now = timezone.now()
    return Issue.across_tenants.bulk_create(
        Issue(
            tenant_id=run.tenant_id,
            integration_id=integration_of(run),
            external_id=str(number),
            key=f"PAY-{number}",
            project="1",
            summary=summary,
            created_at=now,
            updated_at=now,
            loaded_at=now,
        )
        for number in ids
    )


def listed(run: Run, ids: Iterable[int], scope: str = "PAY") -> None:
    ListedId.objects.bulk_create(
        ListedId(run=run.pk, integration_id=integration_of(run), entity="issue", external_id=str(number), scope=scope)
        for number in ids
    )


def embedded(run: Run, *kinds: str) -> None:
    for document in Document.objects.for_tenant(run.tenant_id).filter(kind__in=kinds):
        Embedding.across_tenants.create(
            tenant_id=run.tenant_id,
            integration_id=document.integration_id,
            kind=document.kind,
            external_id=document.external_id,
            row_id=document.row_id,
            **model_and_preparation(current_embedder()),
            text_hash=document.text_hash,
            payload_hash="",
            embedded_at=timezone.now(),
        )


def set_aside(run: Run, entity: str, external_id: str, raw_id: int | None = None, stage: str = "transform") -> None:
    raw_services.quarantine_records(
        [Failure(integration_of(run), entity, external_id, "ValueError: no date", raw_id)],
        tenant_id=run.tenant_id,
        integration_id=integration_of(run),
        run=run.pk,
        step=STEP,
        stage=stage,
    )


def proved(run: Run) -> dict[tuple[str, str], ProofLine]:
    return {(line.kind, line.scope): line for line in counting.prove(run, counting.counts_of(run))}


def finished(run: Run) -> Run:
    """Finish all stages of a run, and the run."""
    cells = StageProgress.objects.filter(run_id=run.pk).values_list("step", "stage")
    progress.mark(run.pk, list(cells), StageState.FINISHED)
    Batch.across_tenants.filter(run=run).update(state="finished")
    assert completion.complete(run)
    run.refresh_from_db()
    return run


def test_numbers_stand_side_by_side_per_kind_and_project(job: Job) -> None:
    run = started(job)
    stored(run, "issue", range(5))
    stored(run, "issue", range(5, 8), "GROW")
    issues(run, range(8), "a text")
    listed(run, range(5))
    listed(run, range(5, 8), "GROW")
    embedded(run, "issue")
    lines = proved(run)
    pay = lines["issue", "PAY"]
    assert (pay.listed, pay.exact, pay.extracted, pay.loaded, pay.set_aside) == (5, True, 5, 5, 0)
    assert lines["issue", "GROW"].extracted == 3
    assert (pay.texts, pay.embedded) == (8, 8)
    assert not any(line.differs for line in lines.values())


def test_an_id_that_was_listed_but_is_not_stored_is_named(job: Job) -> None:
    run = started(job)
    stored(run, "issue", range(3))
    issues(run, range(3))
    listed(run, range(5))
    missing = proved(run)["issue", "PAY"].missing_raw
    assert (missing.number, missing.ids) == (2, ["3", "4"])
    done = finished(run)
    assert done.outcome == Outcome.INCOMPLETE
    assert "PAY: 2 × issue listed by the provider, but not stored" in RunProgress.across_tenants.get(pk=run.pk).message


def test_a_project_with_missing_records_is_read_again(job: Job) -> None:
    run = started(job)
    batches.add(run, [NewBatch(STEP, Stage.EXTRACTION, Slice("issues", scope=scope)) for scope in ("PAY", "GROW")])
    stored(run, "issue", range(3))
    issues(run, range(3))
    listed(run, range(5))
    finished(run)
    known = Watermark.objects.for_tenant(run.tenant_id).values_list("scope", flat=True)
    assert list(known) == ["GROW"]


def test_a_record_that_is_stored_but_not_loaded_is_named(job: Job) -> None:
    run = started(job)
    stored(run, "issue", range(4))
    issues(run, range(2))
    Issue.across_tenants.filter(external_id="1").update(deleted_at=timezone.now())
    line = proved(run)["issue", "PAY"]
    assert line.missing_loaded.ids == ["1", "2", "3"]
    assert finished(run).outcome == Outcome.INCOMPLETE


@pytest.mark.parametrize("outdated", [{"text_hash": "an older text"}, {"preparation": "another one"}])
def test_a_row_that_is_loaded_but_not_embedded_is_named_unless_it_has_no_text(
    job: Job, outdated: dict[str, str]
) -> None:
    run = started(job)
    stored(run, "issue", range(3))
    issues(run, [0, 1], "a text")
    issues(run, [2], " ")
    embedded(run, "issue")
    Embedding.across_tenants.filter(external_id="1").update(**outdated)
    line = proved(run)["issue", "PAY"]
    assert (line.texts, line.embedded, line.missing_embedded.ids) == (2, 1, ["1"])
    assert finished(run).outcome == Outcome.INCOMPLETE


def test_only_the_first_hundred_ids_are_kept(job: Job) -> None:
    run = started(job)
    stored(run, "issue", range(250))
    missing = proved(run)["issue", "PAY"].missing_loaded
    assert (missing.number, len(missing.ids)) == (250, proof.MAX_MISSING_IDS)


def test_a_record_that_is_set_aside_or_dismissed_is_not_missing(job: Job) -> None:
    run = started(job)
    first, second = stored(run, "issue", [1, 2])
    set_aside(run, "issue", "1", first)
    set_aside(run, "issue", "2", second)
    Quarantine.across_tenants.filter(external_id="2").update(state=QuarantineState.DISMISSED)
    line = proved(run)["issue", "PAY"]
    assert (line.set_aside, line.dismissed, line.missing_loaded.number) == (1, 1, 0)
    assert finished(run).outcome == Outcome.WITH_QUARANTINE


def test_a_text_that_is_set_aside_is_not_missing(job: Job) -> None:
    run = started(job)
    stored(run, "issue", [1])
    issues(run, [1], "a text")
    set_aside(run, "issue", "1", stage="embedding")
    line = proved(run)["issue", "PAY"]
    assert (line.set_aside, line.embedded, line.missing_embedded.number) == (1, 0, 0)


def test_a_record_that_the_provider_has_deleted_is_not_missing(job: Job) -> None:
    run = started(job)
    stored(run, "issue", [1])
    issues(run, [1])
    listed(run, [1, 2])
    Tombstone.across_tenants.create(
        tenant_id=run.tenant_id,
        integration_id=integration_of(run),
        entity="issue",
        external_id="2",
        evidence="404",
        run=run.pk,
        found_at=timezone.now(),
    )
    assert not proved(run)["issue", "PAY"].differs


def test_an_incremental_run_is_judged_by_what_it_touched(job: Job) -> None:
    before = started(job)
    stored(before, "issue", range(10))
    issues(before, [0, 1, 2], "a text")
    finished(before)
    Job.across_tenants.filter(pk=job.pk).update(state=JobState.READY)
    run = started(job, RunMode.INCREMENTAL)
    listed(run, [0, 1])
    batches.add(run, [NewBatch(STEP, Stage.TRANSFORM, RawRecords(stored(run, "issue", [2])))])
    line = proved(run)["issue", "PAY"]
    assert (line.listed, line.extracted, line.loaded) == (2, 3, 3)
    assert (line.texts, line.missing_embedded.ids) == (3, ["0", "1", "2"])


def test_the_first_run_is_judged_by_everything(job: Job) -> None:
    run = services.start(job, actor="ada")
    run = Run.across_tenants.select_related("job", "integration", "tenant").get(pk=run.pk)
    stored(run, "issue", range(3))
    assert proved(run)["issue", "PAY"].missing_loaded.number == 3


def test_children_are_counted_in_the_project_of_their_parent(job: Job) -> None:
    run = started(job)
    stored(run, "issue", [1])
    issues(run, [1])
    now = timezone.now()
    for number, issue in ((1, "1"), (2, "unknown")):
        IssueComment.across_tenants.create(
            tenant_id=run.tenant_id,
            integration_id=integration_of(run),
            external_id=str(number),
            issue=issue,
            created_at=now,
            loaded_at=now,
        )
    lines = proved(run)
    assert (lines["issue_comment", "PAY"].loaded, lines["issue_comment", ""].loaded) == (1, 1)


def test_a_project_that_had_issues_and_now_lists_none_is_reported(job: Job) -> None:
    run = started(job)
    stored(run, "issue", [1, 2])
    stored(run, "issue", [3], "GROW")
    issues(run, [1, 2, 3])
    listed(run, [3], "GROW")
    done = finished(run)
    assert done.outcome == Outcome.INCOMPLETE
    assert list(proof.sentences(proof.decode(done.proof))) == ["PAY: no issue was found, although 2 are stored"]


def test_a_list_that_is_empty_everywhere_is_noticed_by_what_earlier_runs_listed(job: Job) -> None:
    before = started(job)
    stored(before, "issue", [1])
    issues(before, [1])
    listed(before, [1])
    assert finished(before).outcome == Outcome.COMPLETE
    Job.across_tenants.filter(pk=job.pk).update(state=JobState.READY)
    assert finished(started(job)).outcome == Outcome.INCOMPLETE


def test_projects_that_are_no_longer_visible_are_reported_by_any_run(job: Job) -> None:
    run = started(job, RunMode.INCREMENTAL)
    stored(run, "project", [1])
    Run.across_tenants.filter(pk=run.pk).update(announced={})
    run.refresh_from_db()
    done = finished(run)
    assert done.outcome == Outcome.INCOMPLETE
    assert "no project was found, although 1 are stored" in RunProgress.across_tenants.get(pk=run.pk).message


def test_chosen_projects_that_return_nothing_are_not_complete(job: Job) -> None:
    Integration.across_tenants.filter(job=job).update(scopes=["PAY"])
    run = started(job)
    Run.across_tenants.filter(pk=run.pk).update(announced={})
    run.refresh_from_db()
    done = finished(run)
    assert done.outcome == Outcome.INCOMPLETE
    assert "returned nothing at all" in RunProgress.across_tenants.get(pk=run.pk).message


def test_a_vectorization_proves_the_texts_of_all_integrations(job: Job) -> None:
    issues(started(job), [1, 2], "a text")
    Job.across_tenants.filter(pk=job.pk).update(state=JobState.READY)
    Run.across_tenants.filter(job=job).update(state="CANCELLED")
    vectorization = Job.objects.for_tenant(job.tenant_id).get(job_type="vectorization")
    run = services.start(vectorization, actor="ada")
    line = proved(Run.across_tenants.select_related("job", "integration").get(pk=run.pk))["issue", "PAY"]
    assert (line.texts, line.embedded, line.missing_embedded.number) == (2, 0, 2)
