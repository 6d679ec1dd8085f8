"""Is the history complete, in any time zone, and as fast with 100,000 runs as with ten?"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from apps.dashboard import history
from apps.dashboard.history import RunFilter
from apps.jobs.choices import Outcome
from apps.jobs.models import Job, Run
from apps.progress.choices import RunState
from apps.tenants.models import Tenant, User


def ended(job: Job, at: datetime, state: str = RunState.FINISHED, outcome: str = Outcome.COMPLETE) -> Run:
    run = Run.across_tenants.create(tenant=job.tenant, job=job, state=state, outcome=outcome)
    Run.across_tenants.filter(pk=run.pk).update(created_at=at, started_at=at, finished_at=at)
    return run


def walk(tenant: Tenant, job: Job) -> list[UUID]:
    """The ids of all pages of a job's history."""
    found: list[UUID] = []
    wanted = RunFilter(job_id=job.pk)
    while True:
        page, last = history.run_page(tenant, wanted)
        found += [run.pk for run in page]
        if last is None:
            return found
        wanted = RunFilter(job_id=job.pk, before=(last.created_at, last.pk))


def test_every_run_is_on_exactly_one_page_even_when_many_began_at_once(acme: Tenant, job: Job) -> None:
    moment = timezone.now()
    made = {ended(job, moment - timedelta(minutes=number // 40)).pk for number in range(90)}
    seen = walk(acme, job)
    assert len(seen) == 90
    assert set(seen) == made


def test_a_day_is_summed_up_by_its_worst_outcome(acme: Tenant, job: Job) -> None:
    now = timezone.now()
    for outcome in (Outcome.COMPLETE, Outcome.WITH_QUARANTINE, Outcome.COMPLETE):
        ended(job, now, outcome=outcome)
    cells = history.grid(acme)[0].cells
    assert len(cells) == history.DAYS
    assert (cells[-1].number, cells[-1].worst) == (3, "with-quarantine")
    ended(job, now, RunState.FAILED, Outcome.NONE)
    assert history.grid(acme)[0].cells[-1].worst == "failed"


def test_a_day_begins_and_ends_in_the_users_time_zone(acme: Tenant, job: Job) -> None:
    late = ended(job, datetime(2026, 11, 20, 23, 30, tzinfo=UTC))
    day = RunFilter(day=date(2026, 11, 21))
    with timezone.override("Europe/Berlin"):
        assert [run.pk for run in history.run_page(acme, day)[0]] == [late.pk]
    with timezone.override("UTC"):
        assert history.run_page(acme, day)[0] == []


def test_times_are_shown_in_the_users_time_zone(job: Job, viewer: Client) -> None:
    ended(job, datetime(2025, 7, 1, 20, 0, tzinfo=UTC))
    User.objects.update(time_zone="Asia/Tokyo")
    assert "2 Jul 2025, 05:00 JST" in viewer.get("/runs/").content.decode()
    User.objects.update(time_zone="")
    assert "1 Jul 2025, 20:00 UTC" in viewer.get("/runs/").content.decode()


@pytest.mark.parametrize("query", ["job=x", "state=ODD", "day=tomorrow", "before=then,there", "before=2026-01-01,1"])
def test_an_invalid_filter_in_the_address_is_ignored(query: str, job: Job, viewer: Client) -> None:
    ended(job, timezone.now())
    assert viewer.get(f"/runs/?{query}").status_code == 200


def test_a_hundred_thousand_runs_are_read_by_index(
    acme: Tenant,
    new_job: Callable[[Tenant, str], Job],
    job: Job,
    viewer: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    other = new_job(acme, "other")
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO jobs_run (id, tenant_id, job_id, integration_id, state, mode, scopes, sweep, outcome, attempt,
                epoch, error, waiting_for, driver_task, counts, proof, announced, skips, created_at, started_at,
                finished_at)
            SELECT gen_random_uuid(), %s, CASE WHEN n %% 2 = 0 THEN %s ELSE %s END, NULL, 'FINISHED', 'incremental',
                '{}', false, 'complete', 1, 1, '', '', '', '{}', '[]', '{}', '[]', now() - n * interval '10 minutes',
                now(), now()
            FROM generate_series(1, 100000) n
            """,
            [acme.pk, job.pk, other.pk],
        )
        cursor.execute("ANALYZE jobs_run")
    old = timezone.now() - timedelta(days=400)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        history.run_page(acme, RunFilter(before=(old, UUID(int=0))))
        history.run_page(acme, RunFilter(job_id=job.pk))
        history.grid(acme)
    with connection.cursor() as cursor:
        for query in asked.captured_queries:
            cursor.execute(f"EXPLAIN {query['sql']}")
            plan = "\n".join(row[0] for row in cursor.fetchall())
            assert "Seq Scan on jobs_run" not in plan, plan
    with django_assert_max_num_queries(14):
        assert viewer.get("/runs/").status_code == 200
    with django_assert_max_num_queries(16):
        assert viewer.get("/").status_code == 200
