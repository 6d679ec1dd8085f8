"""Are old rows removed, do all others stay, and does no worker wait meanwhile?"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone
from pytest_django import Settings

from apps.core import chores
from apps.integrations.models import Integration
from apps.jobs.lifecycle.creation import create_job
from apps.jobs.models import Batch, Job, Run, StateChange
from apps.jobs.queue import batches
from apps.jobs.queue.batches import NewBatch
from apps.jobs.queue.covers import RawRecords
from apps.jobs.scheduler import housekeeping
from apps.jobs.scheduler.housekeeping import Housekeeper
from apps.progress import services as progress
from apps.progress.choices import JobState, RunState
from apps.progress.models import LogLine, RunProgress, Span, StageProgress
from apps.raw.models import ListedId, Quarantine, RawRecord
from apps.sources.definition import Stage
from apps.tenants.services import create_tenant
from apps.warehouse.models import Issue

pytestmark = pytest.mark.django_db(transaction=True)

STEP = "jira_issues_with_changelogs"
MANY = 50_000


@pytest.fixture
def job() -> Job:
    integration = Integration.across_tenants.create(
        tenant=create_tenant(slug="acme", name="Acme"),
        provider="jira",
        name="jira",
        base_url="https://jira.example.com",
    )
    return create_job(integration)


@pytest.fixture(autouse=True)
def limits(settings: Settings) -> None:
    settings.KEEP_RAW_DAYS = settings.KEEP_BATCH_DAYS = 7
    settings.KEEP_HISTORY_DAYS = settings.KEEP_QUARANTINE_DAYS = 30
    settings.KEEP_RUNS = 10


def integration_of(job: Job) -> int:
    assert job.integration_id
    return job.integration_id


def new_run(job: Job, *, days_ago: float, state: str = RunState.FINISHED) -> Run:
    """An ended run with a batch, a list, a log line, a span and a transition."""
    moment = timezone.now() - timedelta(days=days_ago)
    run = Run.across_tenants.create(
        tenant=job.tenant, job=job, integration=job.integration, state=state, proof=[{"kind": "issue"}]
    )
    Run.across_tenants.filter(pk=run.pk).update(created_at=moment, finished_at=moment)
    progress.begin(
        run.pk,
        tenant_id=job.tenant_id,
        job_id=job.pk,
        job_name=job.name,
        job_type=job.job_type,
        mode=run.mode,
        # The job of a stopped run is ready again: see TRANSITIONS.
        overall=JobState.READY if state == RunState.CANCELLED else JobState(state),
    )
    Batch.across_tenants.create(tenant=job.tenant, run=run, step=STEP, stage="transform", covers={}, state="finished")
    ListedId.objects.create(run=run.pk, integration_id=integration_of(job), entity="issue", external_id="1")
    LogLine.objects.create(run_id=run.pk, text="A line")
    Span.objects.create(run_id=run.pk, kind="attempt", began_at=moment, ended_at=moment)
    StateChange.objects.create(job=job, run=run, action="finish", before="RUNNING", after="FINISHED", actor="system")
    return run


def left(run: Run) -> set[str]:
    """What is still stored of a run."""
    rows: dict[str, Any] = {
        "run": Run.across_tenants.filter(pk=run.pk),
        "progress": RunProgress.across_tenants.filter(pk=run.pk),
        "stages": StageProgress.objects.filter(run_id=run.pk),
        "batches": Batch.across_tenants.filter(run_id=run.pk),
        "seen": ListedId.objects.filter(run=run.pk),
        "log": LogLine.objects.filter(run_id=run.pk),
        "spans": Span.objects.filter(run_id=run.pk),
        "changes": StateChange.objects.filter(run_id=run.pk),
    }
    return {name for name, found in rows.items() if found.exists()}


WHOLE = {"run", "progress", "stages", "batches", "log", "spans", "changes"}


@pytest.mark.parametrize(
    ("days", "stays"),
    [
        (6, WHOLE),
        (8, WHOLE - {"batches"}),
        (31, {"run", "progress", "stages", "changes"}),
    ],
)
def test_the_older_a_run_the_more_of_it_goes_but_never_its_proof(job: Job, days: int, stays: set[str]) -> None:
    run = new_run(job, days_ago=days)
    new_run(job, days_ago=0)
    Housekeeper().tidy()
    assert left(run) == stays
    run.refresh_from_db()
    assert run.proof == [{"kind": "issue"}]


def test_open_batches_of_a_stopped_run_stay_until_the_next_run_begins(job: Job) -> None:
    run = new_run(job, days_ago=100, state=RunState.CANCELLED)
    Batch.across_tenants.filter(run=run).update(state="failed")
    waiting = new_run(job, days_ago=0)
    Housekeeper().tidy()
    assert "batches" in left(run)
    Run.across_tenants.filter(pk=waiting.pk).update(started_at=timezone.now())
    Housekeeper().tidy()
    assert "batches" not in left(run)


def test_nothing_stays_visible_of_a_job_that_is_deleted(job: Job) -> None:
    run = new_run(job, days_ago=1)
    assert job.integration
    job.integration.delete()
    assert left(run) <= {"seen"}


@pytest.mark.parametrize(
    ("state", "stays"),
    [(RunState.FINISHED, WHOLE), (RunState.FAILED, WHOLE | {"seen"}), (RunState.PAUSED, WHOLE | {"seen"})],
)
def test_the_newest_run_stays_whole_and_a_retry_finds_its_lists(job: Job, state: str, stays: set[str]) -> None:
    run = new_run(job, days_ago=400, state=state)
    Housekeeper().tidy()
    assert left(run) == stays


def test_only_the_last_runs_of_each_job_stay(job: Job) -> None:
    runs = [new_run(job, days_ago=days) for days in range(15)]
    Housekeeper().tidy()
    assert [bool(left(run)) for run in runs] == [True] * 10 + [False] * 5


def raw(job: Job, external_id: str, version: int, *, days_ago: int, current: bool = False) -> RawRecord:
    return RawRecord.across_tenants.create(
        tenant=job.tenant,
        integration_id=integration_of(job),
        entity="issue",
        external_id=external_id,
        content_hash=bytes([version]),
        payload="{}",
        fetched_at=timezone.now() - timedelta(days=days_ago),
        is_current=current,
    )


def test_replaced_versions_go_unless_a_row_or_a_record_set_aside_names_them(job: Job) -> None:
    now = timezone.now()
    gone = raw(job, "1", 1, days_ago=9)
    replaced_lately, current = raw(job, "4", 1, days_ago=400), raw(job, "4", 2, days_ago=6, current=True)
    old, loaded, aside = (
        raw(job, "1", 2, days_ago=8, current=True),
        raw(job, "2", 1, days_ago=8),
        raw(job, "3", 1, days_ago=8),
    )
    Issue.across_tenants.create(
        tenant=job.tenant,
        integration_id=integration_of(job),
        external_id="2",
        raw=loaded.pk,
        created_at=now,
        updated_at=now,
        loaded_at=now,
    )
    set_aside(job, aside)
    assert Housekeeper().tidy()["replaced raw versions"] == 1
    stay = set(RawRecord.across_tenants.values_list("pk", flat=True))
    assert stay == {replaced_lately.pk, old.pk, current.pk, loaded.pk, aside.pk}
    assert gone.pk not in stay


def set_aside(job: Job, record: RawRecord | None = None, state: str = "open", days_ago: int = 0) -> Quarantine:
    return Quarantine.across_tenants.create(
        tenant=job.tenant,
        integration_id=integration_of(job),
        run=uuid4(),
        step=STEP,
        stage="transform",
        entity="issue",
        external_id=record.external_id if record else str(uuid4()),
        raw=record,
        error="ValueError",
        fingerprint="same",
        state=state,
        settled_at=timezone.now() - timedelta(days=days_ago) if state != "open" else None,
    )


def test_resolved_quarantine_entries_go_and_open_ones_stay(job: Job) -> None:
    old, kept = (
        [set_aside(job, state=state, days_ago=31) for state in ("resolved", "dismissed")],
        [
            set_aside(job),
            set_aside(job, state="dismissed", days_ago=29),
        ],
    )
    Housekeeper().tidy()
    assert set(Quarantine.across_tenants.values_list("pk", flat=True)) == {one.pk for one in kept}
    assert len(old) == 2


def test_versions_that_stay_do_not_stop_those_behind_them(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chores, "ROWS_PER_BATCH", 2)
    now = timezone.now()
    for number in range(5):
        record = raw(job, str(number), 1, days_ago=8)
        Issue.across_tenants.create(
            tenant=job.tenant,
            integration_id=integration_of(job),
            external_id=str(number),
            raw=record.pk,
            created_at=now,
            updated_at=now,
            loaded_at=now,
        )
    raw(job, "last", 1, days_ago=8)
    Housekeeper().tidy()
    assert RawRecord.across_tenants.count() == 5


def test_a_dry_run_says_what_goes_and_removes_nothing(job: Job) -> None:
    run = new_run(job, days_ago=8)
    new_run(job, days_ago=0)
    out = StringIO()
    call_command("housekeeping", "--dry-run", "--json", stdout=out)
    said = json.loads(out.getvalue())
    assert said["dry_run"]
    assert "batches" in left(run)
    out = StringIO()
    call_command("housekeeping", "--json", stdout=out)
    assert json.loads(out.getvalue())["rows"] == said["rows"]
    assert said["rows"]["batches of old runs"] == 1


@pytest.fixture
def elsewhere() -> Iterator[Callable[[Callable[[], None]], threading.Thread]]:
    """Run something in a thread with a connection of its own, to its end."""
    threads: list[threading.Thread] = []

    def begin(act: Callable[[], None]) -> threading.Thread:
        def with_own_connection() -> None:
            try:
                act()
            finally:
                connection.close()

        thread = threading.Thread(target=with_own_connection)
        threads.append(thread)
        thread.start()
        return thread

    yield begin
    for thread in threads:
        thread.join()


def test_only_one_scheduler_does_the_housekeeping(
    job: Job, elsewhere: Callable[[Callable[[], None]], threading.Thread]
) -> None:
    run = new_run(job, days_ago=8)
    new_run(job, days_ago=0)
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with housekeeping._lock():
            held.set()
            release.wait(30)

    thread = elsewhere(hold)
    held.wait(30)
    assert Housekeeper().tidy() == {}
    release.set()
    thread.join()
    assert "batches" in left(run)
    assert Housekeeper().tidy()["batches of old runs"] == 1


def many_batches(run: Run) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO etl_job_queue (
                tenant_id, run_id, step, stage, covers, size, state, attempts, error, task, created_at, woken_at
            )
            SELECT %s, %s, %s, 'transform', '{"raw": [1, 2, 3]}', 3, 'finished', 1, '', '', now(), now()
            FROM generate_series(1, %s)
            """,
            [run.tenant_id, run.pk, STEP, MANY],
        )


def test_a_claim_does_not_wait_for_the_removal_of_many_batches(
    job: Job, elsewhere: Callable[[Callable[[], None]], threading.Thread]
) -> None:
    many_batches(new_run(job, days_ago=8))
    live = new_run(job, days_ago=0, state=RunState.RUNNING)
    Batch.across_tenants.filter(run=live).delete()
    batches.add(live, [NewBatch(STEP, Stage.TRANSFORM, RawRecords([number])) for number in range(200)])
    removed: dict[str, int] = {}
    thread = elsewhere(lambda: removed.update(Housekeeper().tidy()))
    claimed = 0
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '1ms'")  # a statement that has to wait for a lock fails
        try:
            while claimed < 200:
                for batch in batches.claim(uuid4(), Q(run=live), 1):
                    with transaction.atomic():
                        batches.close(batch)
                    claimed += 1
        finally:
            cursor.execute("RESET lock_timeout")
    thread.join()
    assert removed["batches of old runs"] == MANY + 1
    assert Batch.across_tenants.filter(run=live, state="finished").count() == 200


def test_a_round_ends_in_time_and_the_next_goes_on(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    run = new_run(job, days_ago=8)
    new_run(job, days_ago=0)
    keeper, now = Housekeeper(), [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(housekeeping, "MAX_ROUND_SECONDS", 0.0)
    keeper.round()
    assert "batches" in left(run)
    monkeypatch.setattr(housekeeping, "MAX_ROUND_SECONDS", 1.0)
    keeper.round()
    assert "batches" in left(run)
    now[0] += housekeeping.SECONDS_BETWEEN_ROUNDS
    keeper.round()
    assert "batches" not in left(run)


def test_a_batch_that_somebody_holds_is_left_for_later(
    job: Job, elsewhere: Callable[[Callable[[], None]], threading.Thread]
) -> None:
    run = new_run(job, days_ago=8)
    new_run(job, days_ago=0)
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            list(Batch.across_tenants.select_for_update().filter(run=run))
            held.set()
            release.wait(30)

    thread = elsewhere(hold)
    held.wait(30)
    assert Housekeeper().tidy()["batches of old runs"] == 0
    release.set()
    thread.join()
    assert Housekeeper().tidy()["batches of old runs"] == 1
