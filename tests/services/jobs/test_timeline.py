"""Do the timeline and the history show every attempt, stage, wait and change of a run, through every control?"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.db.models import Q
from django.db.utils import IntegrityError
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.core.crypto import Secret
from apps.integrations.services import add_integration
from apps.jobs.choices import BatchState
from apps.jobs.execution import completion, handlers
from apps.jobs.execution.handlers import BatchResult
from apps.jobs.lifecycle import services
from apps.jobs.lifecycle.creation import create_job
from apps.jobs.models import Batch, Job, Run, StateChange
from apps.jobs.queue import batches
from apps.jobs.queue.batches import LeaseLostError, NewBatch
from apps.jobs.queue.covers import RawRecords
from apps.jobs.scheduler import orchestrator
from apps.progress import services as progress
from apps.progress.choices import RunState, SpanKind, StageState
from apps.progress.models import RunProgress, Span
from apps.progress.timeline import spans_of
from apps.sources.definition import Stage
from apps.sources.registry import definition
from apps.tenants.services import create_tenant

pytestmark = pytest.mark.django_db(transaction=True)

STEP = "jira_issues_with_changelogs"


@pytest.fixture
def job() -> Job:
    integration = add_integration(
        tenant=create_tenant(slug="acme", name="Acme"),
        provider="jira",
        name="jira",
        base_url="http://127.0.0.1:9",
        username="a@b.c",
        token=Secret("x"),
    )
    return create_job(integration)


@pytest.fixture
def run(job: Job) -> Iterator[Run]:
    run = services.start(job, actor="ada")
    progress.ensure_begun(run.pk, STEP, Stage.EXTRACTION)
    yield run
    assert all(span.ended_at is None or span.ended_at >= span.began_at for span in spans_of(run.pk))


def _spans(run: Run, kind: SpanKind) -> list[tuple[str, str, bool]]:
    """The state and the note of each span of a kind, and whether it still goes on."""
    return [(span.state, span.note, span.ended_at is None) for span in spans_of(run.pk) if span.kind == kind]


def _claimed(run: Run, owner_task: str = "") -> Batch:
    (batch,) = batches.add(run, [NewBatch(STEP, Stage.TRANSFORM, RawRecords([]), 5)])
    (claimed,) = batches.claim(uuid4(), Q(pk=batch.pk), 1, task=owner_task)
    return claimed


def test_a_run_is_one_attempt_until_it_ends(run: Run, job: Job) -> None:
    assert _spans(run, SpanKind.ATTEMPT) == [("", "", True)]
    cells = [(step.key, stage.value) for step in definition("jira").steps for stage in step.stages]
    progress.mark(run.pk, cells, StageState.FINISHED)
    assert completion.complete(Run.across_tenants.get(pk=run.pk))
    assert _spans(run, SpanKind.ATTEMPT) == [("FINISHED", completion.ALL_DONE, False)]
    assert _spans(run, SpanKind.STAGE) == [("finished", "", False)]


def test_a_retry_is_a_second_attempt_and_the_first_one_stays_visible(run: Run, job: Job) -> None:
    services.fail(run, "The token has expired.")
    services.retry(job, actor="bob")
    progress.ensure_begun(run.pk, STEP, Stage.EXTRACTION)
    assert _spans(run, SpanKind.ATTEMPT) == [("FAILED", "The token has expired.", False), ("", "", True)]
    assert _spans(run, SpanKind.STAGE) == [("failed", "", False), ("", "", True)]
    assert [span.attempt for span in spans_of(run.pk) if span.kind == SpanKind.STAGE] == [1, 2]


def test_a_pause_is_a_wait_that_names_the_person_and_ends_with_the_resume(run: Run, job: Job) -> None:
    services.pause(job, actor="bob", reason="the night")
    assert _spans(run, SpanKind.WAIT) == [("", "Paused by bob: the night", True)]
    assert RunProgress.across_tenants.get(pk=run.pk).waiting == "Paused by bob: the night"
    services.resume(job, actor="bob")
    assert _spans(run, SpanKind.WAIT) == [("", "Paused by bob: the night", False)]
    assert _spans(run, SpanKind.STAGE) == [("", "", True)]


def test_rate_limit_wait_continues_after_a_manual_resume(run: Run, job: Job) -> None:
    reason = "Jira asks for a pause until 10:05."
    services.wait_until(run, timezone.now() + timedelta(hours=1), reason)
    services.pause(job, actor="bob")
    services.resume(job, actor="bob")
    assert _spans(run, SpanKind.WAIT) == [("", reason, False), ("", "Paused by bob", False), ("", reason, True)]
    assert RunProgress.across_tenants.get(pk=run.pk).waiting == reason


def test_a_rate_limit_during_a_pause_changes_nothing(run: Run, job: Job) -> None:
    services.pause(job, actor="bob")
    services.wait_until(run, timezone.now() + timedelta(hours=1), "Too many requests.")
    run.refresh_from_db()
    assert (run.state, run.not_before) == (RunState.PAUSED, None)
    assert RunProgress.across_tenants.get(pk=run.pk).waiting == "Paused by bob"


def test_a_stop_ends_the_attempt_its_stages_and_its_waits(run: Run, job: Job) -> None:
    services.wait_until(run, timezone.now() + timedelta(hours=1), "Too many requests.")
    services.stop(job, actor="eve", reason="wrong project")
    ((state, note, goes_on),) = _spans(run, SpanKind.ATTEMPT)
    assert (state, goes_on) == ("CANCELLED", False)
    assert "eve (wrong project)" in note
    assert _spans(run, SpanKind.STAGE) == [("cancelled", "", False)]
    assert _spans(run, SpanKind.WAIT) == [("", "Too many requests.", False)]


def test_a_late_message_opens_nothing_in_a_run_that_has_ended(run: Run, job: Job) -> None:
    services.stop(job, actor="eve")
    progress.ensure_begun(run.pk, STEP, Stage.TRANSFORM)
    progress.count(run.pk, STEP, Stage.EMBEDDING, total=3)
    progress.set_waiting(run.pk, "Waits.")
    assert not Span.objects.filter(run_id=run.pk, ended_at=None).exists()


def test_admission_is_a_wait(run: Run, job: Job) -> None:
    others = [
        services.start(
            create_job(
                add_integration(
                    tenant=job.tenant,
                    provider="jira",
                    name=name,
                    base_url="http://127.0.0.1:9",
                    username="a@b.c",
                    token=Secret("x"),
                )
            ),
            actor="ada",
        )
        for name in ("second", "third")
    ]
    words = "in line: waits for jira to end. This tenant may run 1 job at a time."
    assert [_spans(other, SpanKind.WAIT) for other in others] == [
        [("", f"First {words}", True)],
        [("", f"Second {words}", True)],
    ]
    services.stop(job, actor="ada")
    assert _spans(others[0], SpanKind.WAIT) == [("", f"First {words}", False)]
    assert _spans(others[1], SpanKind.WAIT)[-1] == ("", f"First {words.replace('jira', 'second')}", True)


def test_a_crash_closes_no_stage_and_opens_none_twice(run: Run) -> None:
    past = datetime(2020, 1, 1, tzinfo=UTC)
    Run.across_tenants.filter(pk=run.pk).update(driver=uuid4(), driver_lease_until=past)
    orchestrator.tick()
    progress.ensure_begun(run.pk, STEP, Stage.EXTRACTION)
    assert _spans(run, SpanKind.STAGE) == [("", "", True)]
    assert _spans(run, SpanKind.ATTEMPT) == [("", "", True)]


def test_another_batch_of_a_working_stage_costs_one_statement(run: Run) -> None:
    with CaptureQueriesContext(connection) as queries:
        progress.count(run.pk, STEP, Stage.EXTRACTION, done=100)
    assert len(queries) == 1


def test_a_batch_in_work_when_its_run_fails_writes_nothing_and_is_done_again(run: Run, job: Job) -> None:
    batch = _claimed(run)
    services.fail(run, "The token has expired.")
    services.start(job, actor="ada")
    with pytest.raises(LeaseLostError):
        handlers.finish(batch, lambda: BatchResult(done=5))
    batch.refresh_from_db()
    assert batch.state == BatchState.QUEUED


def test_an_older_run_cannot_fail_its_successor(run: Run, job: Job) -> None:
    services.fail(run, "The token has expired.")
    successor = services.start(job, actor="ada")
    assert not services.fail(run, "Again.")
    successor.refresh_from_db()
    assert successor.state == RunState.RUNNING


def test_a_worker_that_has_lost_the_run_can_neither_fail_it_nor_make_it_wait(run: Run) -> None:
    Run.across_tenants.filter(pk=run.pk).update(driver=uuid4())
    assert not services.fail(run, "The token has expired.", driver=uuid4())
    services.wait_until(run, timezone.now() + timedelta(hours=1), "Too many requests.", driver=uuid4())
    run.refresh_from_db()
    assert (run.state, run.not_before) == (RunState.RUNNING, None)


def test_a_batch_that_fails_for_good_during_a_pause_is_not_lost(run: Run, job: Job) -> None:
    from apps.jobs.tasks import retry_or_fail_batch

    batch = _claimed(run)
    batch.attempts = batches.MAX_ATTEMPTS
    services.pause(job, actor="bob")
    retry_or_fail_batch(batch, RuntimeError("cannot be loaded"))
    batch.refresh_from_db()
    assert (services.current_run(job).state, batch.state) == (RunState.PAUSED, BatchState.QUEUED)


def test_a_run_whose_last_batch_ended_during_the_pause_finishes_after_the_resume(run: Run, job: Job) -> None:
    services.pause(job, actor="bob")
    cells = [(step.key, stage.value) for step in definition("jira").steps for stage in step.stages]
    progress.mark(run.pk, cells, StageState.FINISHED)
    orchestrator.tick()
    paused = services.current_run(job)
    assert not completion.complete(paused)
    assert paused.state == RunState.PAUSED
    assert completion.complete(services.resume(job, actor="bob"))


def test_every_change_has_a_reason_that_explains_it(run: Run, job: Job) -> None:
    services.pause(job, actor="bob")
    services.resume(job, actor="bob", reason="back from lunch")
    services.fail(run, "The token has expired.")
    services.retry(job, actor="bob")
    services.stop(job, actor="eve")
    reasons = StateChange.objects.order_by("id").values_list("action", "reason")
    turn = "A place is free: this tenant now runs 1 of at most 1 job."
    assert list(reasons) == [
        ("start", "Requested manually."),
        ("admit", turn),
        ("pause", "Requested manually."),
        ("resume", "back from lunch"),
        ("fail", "The token has expired."),
        ("retry", "Requested manually."),
        ("admit", turn),
        ("stop", "Requested manually."),
        ("cancel", "Stopped by eve (Requested manually). No worker was working on the run any more."),
    ]


def test_the_history_cannot_be_changed_and_is_only_deleted_with_its_run(run: Run, job: Job) -> None:
    changes = StateChange.objects.filter(run=run)
    before = changes.count()
    with pytest.raises(IntegrityError, match="never changed"):
        changes.update(actor="mallory")
    with pytest.raises(IntegrityError, match="together with its run"), transaction.atomic():
        changes.delete()
    assert changes.count() == before
    run.delete()
    assert changes.count() == 0


def test_what_the_scheduler_does_has_a_reason_that_explains_it(run: Run, job: Job) -> None:
    past = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    services.fail(run, "The token has expired.")
    Run.across_tenants.filter(pk=run.pk).update(finished_at=past)
    orchestrator.tick()
    services.stop(job, actor="eve")
    Job.across_tenants.filter(pk=job.pk).update(next_run=past)
    orchestrator.tick()
    reasons = StateChange.objects.filter(action__in=("retry", "start"), actor="system").order_by("id")
    assert list(reasons.values_list("reason", flat=True)) == [
        f"Automatic retry 1 of {job.max_retries}.",
        "Scheduled for 2026-01-02 03:04 UTC.",
    ]
