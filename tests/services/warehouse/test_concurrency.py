"""Can two workers load at the same time without a deadlock?"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection, transaction

from apps.integrations.models import Integration
from apps.sources import rows
from apps.sources.base import Transformed
from apps.warehouse.loader import load
from apps.warehouse.models import Issue, IssueChange, User
from tests.services.warehouse.conftest import change, issue, with_changes

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 15
SIZE = 60


def at_the_same_time(*jobs: Callable[[], None]) -> None:
    """Run jobs in threads with their own connections, and raise what they raise."""

    def closing(job: Callable[[], None]) -> None:
        try:
            job()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        for future in [pool.submit(closing, job) for job in jobs]:
            future.result()


def records(version: int, *, reverse: bool) -> list[tuple[int, Transformed]]:
    """All issues with one of two changes; people are rows in one half and gap rows in the other."""
    found = []
    for number in sorted(range(SIZE), reverse=reverse):
        parent = issue(str(number), summary=f"version {version}")
        record = with_changes(parent, change(f"{number}-{version % 2}", str(number)))
        known, guessed = record.rows, record.gap_rows
        if number % 2 == reverse:
            known, guessed = guessed, known
        known.append(rows.User(external_id=f"a{number}-{version // 2}"))
        guessed.append(rows.User(external_id=f"b{number}-{version // 2}"))
        found.append((version, record))
    return found


def test_two_loaders_of_the_same_rows_never_deadlock(jira: Integration) -> None:
    barrier = Barrier(2)

    def worker(start: int, *, reverse: bool) -> None:
        for turn in range(ROUNDS):
            batch = records(2 * turn + start, reverse=reverse)
            barrier.wait(timeout=60)
            with transaction.atomic():
                load(batch, tenant_id=jira.tenant_id, integration_id=jira.pk)

    at_the_same_time(lambda: worker(0, reverse=False), lambda: worker(1, reverse=True))
    assert Issue.across_tenants.count() == SIZE
    assert IssueChange.across_tenants.filter(deleted_at=None).count() >= SIZE
    assert User.across_tenants.count() == 2 * SIZE * ROUNDS


def test_a_gap_row_that_another_worker_is_inserting_does_not_overwrite_it(jira: Integration) -> None:
    inserted = Barrier(2)

    def first() -> None:
        with transaction.atomic():
            load(
                [(1, Transformed(rows=[rows.User(external_id="u", login="ada")]))],
                tenant_id=jira.tenant_id,
                integration_id=jira.pk,
            )
            inserted.wait(timeout=60)
            wait_for_a_blocked_backend()

    def wait_for_a_blocked_backend() -> None:
        with connection.cursor() as cursor:
            for _ in range(1000):
                cursor.execute(
                    "SELECT count(*), pg_sleep(0.01) FROM pg_locks"
                    " WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
                )
                if cursor.fetchone()[0]:
                    return
        raise AssertionError("The second worker never waited for the first.")

    def second() -> None:
        inserted.wait(timeout=60)
        with transaction.atomic():
            load(
                [(2, Transformed(gap_rows=[rows.User(external_id="u")]))],
                tenant_id=jira.tenant_id,
                integration_id=jira.pk,
            )

    at_the_same_time(first, second)
    assert User.across_tenants.get().login == "ada"
