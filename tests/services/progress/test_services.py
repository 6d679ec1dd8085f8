"""Is every change of a run stored, numbered and announced, and is it right?"""

import random
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import jsonschema_rs
import msgspec
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.progress import services
from apps.progress.choices import StageState
from apps.progress.compat import discover
from apps.progress.events import RunMessage
from apps.progress.models import RunProgress, StageProgress
from apps.progress.rows import stored_state
from apps.progress.selectors import live_runs, run_of_tenant, runs_by_id
from apps.progress.stored import store_if_unchanged
from apps.sources.definition import Stage
from apps.sources.registry import definition
from apps.tenants.models import Tenant
from tests.services.progress.conftest import ISSUES, PROJECTS, Begin, Published, count_issues, finish_first_steps

SCHEMA = jsonschema_rs.validator_for(msgspec.json.schema(RunMessage))


def _state(message: RunMessage) -> dict[str, Any]:
    """The part of a message that depends only on the state: all but its type and its time."""
    return {key: value for key, value in message.as_json().items() if key not in {"type", "ts"}}


def _stored(run: UUID) -> RunProgress:
    return RunProgress.across_tenants.get(pk=run)


def _let_pass(run: UUID, seconds: float) -> None:
    """Move the last stored progress back by some seconds."""
    row = _stored(run)
    if row.pace and row.pace["at"] is not None:
        row.pace["at"] -= seconds
    flushed_at = row.flushed_at and row.flushed_at - timedelta(seconds=seconds)
    RunProgress.across_tenants.filter(pk=run).update(pace=row.pace, flushed_at=flushed_at)


def _move(run: UUID, done: int, seconds: float = 2.0, total: int = 0) -> None:
    _let_pass(run, seconds)
    count_issues(run, done, total)
    services.refresh(run)


def _wait_and_go_on(run: UUID) -> None:
    services.set_waiting(run, "Waits.")
    services.set_waiting(run, "")


CHANGES: dict[str, Callable[[UUID], object]] = {
    "a count": lambda run: _move(run, 10, total=100),
    "a stage's state": finish_first_steps,
    "a wait": lambda run: services.set_waiting(run, "Waits for the rate limit until 10:05."),
    "the end of a wait": _wait_and_go_on,
    "a pause": lambda run: services.set_job_state(run, "PAUSED", message="Paused"),
    "a failure": lambda run: services.set_job_state(run, "FAILED", message="Failed", error="Jira answered 401."),
    "a new attempt": lambda run: services.set_job_state(run, "PENDING", is_new_attempt=True),
    "success": lambda run: services.set_job_state(run, "FINISHED", message="Finished"),
    "a discovered step": lambda run: discover(run, "late", "A late step", Stage.EXTRACTION),
    "a message": lambda run: services.refresh(run, message="Trying again: connection reset", is_state_change=True),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_last_message_is_the_stored_state(change: str, run: UUID, published: Published) -> None:
    before = _stored(run).seq
    CHANGES[change](run)
    last = published.of(run)[-1]
    assert last.seq > before
    assert _state(last) == _state(services.snapshot(run))


@pytest.mark.parametrize("seed", range(5))
def test_dropped_doubled_and_reordered_messages_end_in_the_stored_state_after_a_sync(
    seed: int, acme: Tenant, begin: Begin, published: Published
) -> None:
    chance = random.Random(seed)
    run = begin(acme)
    for _ in range(15):
        CHANGES[chance.choice([name for name in CHANGES if name != "success"])](run)
    services.set_job_state(run, "FINISHED", message="Finished")

    arriving = [message for message in published.of(run) if chance.random() > 0.2]
    arriving += [message for message in arriving if chance.random() < 0.2]
    for at in range(len(arriving) - 1):
        if chance.random() < 0.2:
            arriving[at], arriving[at + 1] = arriving[at + 1], arriving[at]
    page: RunMessage | None = None
    for message in [*arriving, run_of_tenant(acme.pk, run)]:
        if message is not None and (page is None or message.seq >= page.seq):
            page = message
    assert page is not None
    assert _state(page) == _state(services.snapshot(run))


def test_every_message_follows_the_published_schema(run: UUID, published: Published) -> None:
    finish_first_steps(run)
    for _ in range(5):
        _move(run, 100, total=500)
    services.set_waiting(run, "Waits.")
    for message in published.messages:
        SCHEMA.validate(msgspec.json.decode(msgspec.json.encode(message)))
    kinds = [message.type for message in published.messages]
    assert {"job_status", "progress_update"} == set(kinds)


def test_numbers_grow_by_one(run: UUID, published: Published) -> None:
    finish_first_steps(run)
    for _ in range(5):
        _move(run, 100)
    numbers = [change.seq for change in published.changes if change.run == str(run)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_any_number_of_items_is_stored_at_most_twice_a_second(run: UUID, published: Published) -> None:
    before, begun = len(published.messages), time.monotonic()
    while time.monotonic() - begun < 1.1:
        count_issues(run, 100)
        services.refresh(run)
    seconds = time.monotonic() - begun
    assert 2 <= len(published.messages) - before <= seconds * 2 + 1


def test_a_refresh_that_is_held_back_costs_one_query(run: UUID) -> None:
    services.refresh(run)
    RunProgress.across_tenants.filter(pk=run).update(flushed_at=timezone.now() + timedelta(seconds=60))
    with CaptureQueriesContext(connection) as queries:
        services.refresh(run)
    assert len(queries) == 1


def test_state_changes_are_never_held_back(run: UUID, published: Published) -> None:
    before = len(published.messages)
    for _ in range(10):
        services.refresh(run, is_state_change=True)
    assert len(published.messages) == before + 10


@pytest.mark.django_db(transaction=True)
def test_no_state_change_is_lost_when_several_come_at_once(run: UUID, published: Published) -> None:
    def change_often() -> None:
        try:
            for _ in range(10):
                services.refresh(run, is_state_change=True)
        finally:
            connection.close()

    before = _stored(run).seq
    writers = [threading.Thread(target=change_often) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert _stored(run).seq == before + 40
    assert sorted(change.seq for change in published.changes)[-40:] == list(range(before + 1, before + 41))


def test_progress_that_is_older_than_a_state_change_is_not_stored(run: UUID, published: Published) -> None:
    seen = stored_state(run)
    assert seen
    services.set_job_state(run, "PAUSED", message="Paused")
    assert not store_if_unchanged(seen, "progress_update", {"message": "Working"})
    assert _stored(run).message == published.of(run)[-1].message == "Paused"


def test_a_rolled_back_change_is_not_announced(run: UUID, published: Published) -> None:
    before, seq = len(published.messages), _stored(run).seq
    with transaction.atomic():
        services.set_job_state(run, "FAILED")
        transaction.set_rollback(True)
    assert (len(published.messages), _stored(run).seq) == (before, seq)


def test_the_bar_never_falls_when_a_total_grows(run: UUID) -> None:
    finish_first_steps(run)
    _move(run, 90, total=100)
    high = _stored(run).percent
    _move(run, 10, total=10_000)
    assert _stored(run).percent == high == pytest.approx(58)


def test_a_failure_keeps_its_percent_and_its_reason(run: UUID) -> None:
    finish_first_steps(run)
    _move(run, 150, total=500)
    services.set_job_state(run, "FAILED", message="Jira answered 401.", error="Jira answered 401.")
    services.refresh(run, is_state_change=True)
    state = services.snapshot(run)
    assert state.progress == pytest.approx(46)
    assert (state.message, state.overall) == ("Jira answered 401.", "FAILED")


@pytest.mark.parametrize(("ends_as", "left"), [("FAILED", "failed"), ("READY", "idle")])
def test_nothing_works_in_a_run_that_has_ended(ends_as: str, left: str, run: UUID) -> None:
    key, stage = definition("jira").steps[0].key, Stage.EXTRACTION
    services.ensure_begun(run, key, stage)
    services.set_job_state(run, ends_as, ended="Asked for by hand.")
    services.ensure_begun(run, definition("jira").steps[1].key, stage)  # a message that comes late
    states = dict(StageProgress.objects.filter(run_id=run, stage=stage).values_list("step", "state"))
    assert states.pop(key) == left
    assert set(states.values()) == {"idle"}


def test_success_is_full_and_a_late_refresh_does_not_overwrite_its_message(run: UUID) -> None:
    services.set_job_state(run, "FINISHED", message="Finished, 3 records set aside")
    services.refresh(run)
    state = services.snapshot(run)
    assert (state.progress, state.message) == (100, "Finished, 3 records set aside")


def test_the_current_step_says_its_counts_and_rate(run: UUID) -> None:
    finish_first_steps(run)
    for number in range(6):
        _move(run, 200, total=5000 if number == 0 else 0)
    state = services.snapshot(run)
    assert state.message.startswith("Fetch Issues from API: 1,200 of 5,000 issues extracted (")
    assert state.rate == pytest.approx(100, rel=0.2)
    assert (state.total_kind, state.step_index, state.total_steps) == ("exact", 2, 5)
    assert state.counts[ISSUES]["extraction"].total_kind == "exact"


def test_the_end_of_the_first_run_is_unknown_and_later_ones_learn_from_it(
    acme: Tenant, begin: Begin, run: UUID
) -> None:
    finish_first_steps(run)
    for _ in range(6):
        _move(run, 100, total=200)
    assert services.snapshot(run).eta is None
    begun = timezone.now() - timedelta(minutes=10)
    for position, cell in enumerate(StageProgress.objects.filter(run=run).order_by("position", "id")):
        times = {"started_at": begun, "finished_at": begun + timedelta(seconds=40 * (position + 1))}
        StageProgress.objects.filter(pk=cell.pk).update(**times, state=StageState.FINISHED)
    services.set_job_state(run, "FINISHED")

    other_mode = begin(acme, mode="incremental")
    assert _stored(other_mode).history == {}
    second = begin(acme)
    finish_first_steps(second)
    for _ in range(6):
        _move(second, 100, total=200)
    eta = services.snapshot(second).eta
    assert eta is not None
    assert 0 < eta.low < eta.high < 900
    assert eta.text.endswith("min")


def test_an_eta_is_unknown_when_it_is_old_and_during_a_wait(acme: Tenant, begin: Begin) -> None:
    run = begin(acme, job_type="vectorization")
    for number in range(6):
        _let_pass(run, 2.0)
        services.count(run, "vectorization_prepare", Stage.EMBEDDING, done=1, total=1 if number == 0 else 0)
        services.mark(run, [("vectorization_prepare", "embedding")], StageState.FINISHED)
        services.count(run, "vectorization_process", Stage.EMBEDDING, done=100, total=2000 if number == 0 else 0)
        services.refresh(run)
    assert services.snapshot(run).eta is not None
    services.set_waiting(run, "Waits until 10:05 (rate limit).")
    waiting = services.snapshot(run)
    assert (waiting.eta, waiting.rate, waiting.waiting) == (None, None, "Waits until 10:05 (rate limit).")
    services.set_waiting(run, "")
    _let_pass(run, 0.6)
    services.refresh(run)
    assert services.snapshot(run).eta is not None
    _let_pass(run, 60)
    assert services.snapshot(run).eta is None


def test_the_newest_run_of_each_job_is_the_live_one(acme: Tenant, globex: Tenant, begin: Begin, run: UUID) -> None:
    github = begin(acme, job=2, name="GitHub", job_type="github")
    newest = begin(acme)
    begin(globex, job=3)
    assert [message.run for message in live_runs(acme.pk)] == [str(newest), str(github)]


def test_a_run_of_another_tenant_is_not_found(globex: Tenant, run: UUID) -> None:
    assert run_of_tenant(globex.pk, run) is None
    assert live_runs(globex.pk) == []


def test_a_new_attempt_begins_a_new_bar(run: UUID) -> None:
    finish_first_steps(run)
    services.set_job_state(run, "FAILED")
    services.set_job_state(run, "PENDING", is_new_attempt=True)
    assert (_stored(run).percent, _stored(run).attempt) == (0, 2)


def test_an_unknown_run_is_ignored(db: None) -> None:
    services.refresh(uuid4())
    services.set_waiting(uuid4(), "Waits.")


def test_counts_of_many_workers_add_up(run: UUID) -> None:
    for _ in range(20):
        services.count(run, PROJECTS, Stage.EXTRACTION, done=1, failed=1, total=2)
    cell = StageProgress.objects.get(run=run, step=PROJECTS, stage=Stage.EXTRACTION)
    assert (cell.done, cell.failed, cell.total, cell.state) == (20, 20, 40, StageState.RUNNING)


def test_a_run_that_cannot_be_shown_hinders_no_other(acme: Tenant, begin: Begin, run: UUID) -> None:
    broken = begin(acme, job=2)
    RunProgress.across_tenants.filter(pk=broken).update(job_type="removed")
    assert [message.run for message in runs_by_id([str(broken), str(run)])] == [str(run)]
