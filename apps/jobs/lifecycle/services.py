"""How is a job controlled? Start, pause, resume, retry, stop, reset: one function each, for page, API and command."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain, count
from typing import cast
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from apps.integrations.models import Integration
from apps.jobs import run_log
from apps.jobs.choices import ItemState, RunMode
from apps.jobs.lifecycle import schedule, stopping, transitions
from apps.jobs.lifecycle.transitions import SYSTEM, WrongState, refusal, transition
from apps.jobs.models import Job, QueueItem, Run
from apps.jobs.queue import batches, messages
from apps.progress import log
from apps.progress import services as progress
from apps.progress.choices import ACTIVE, STAGE_DONE, JobState, RunState, StageState
from apps.progress.models import RunProgress, StageProgress
from apps.sources import clock
from apps.sources.registry import definition
from apps.tenants.models import Tenant
from apps.tenants.services import locked_tenant

VECTORIZATION = "vectorization"
PLACES = ("First", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth", "Tenth")
# So many batches of a run are woken at a time; the scheduler wakes more as long as nobody takes them.
MOST_WOKEN = 20


@dataclass(frozen=True)
class Scope:
    """How much a run reads: what changed, everything, or a range of time and of projects or repositories.

    ``sweep``: whether a run of what changed looks for what is gone as well, although that is not due yet.
    """

    mode: RunMode = RunMode.INCREMENTAL
    since: datetime | None = None
    until: datetime | None = None
    scopes: Sequence[str] = field(default_factory=tuple)
    sweep: bool = False


def create_jobs(integration: Integration) -> Job:
    """The standing order of a new integration, and the tenant's vectorization if it has none yet."""
    tenant_id = integration.tenant_id
    Job.across_tenants.get_or_create(
        tenant_id=tenant_id,
        job_type=VECTORIZATION,
        integration=None,
        defaults={"name": _free_name(tenant_id, VECTORIZATION, VECTORIZATION)},
    )
    name = _free_name(tenant_id, integration.name, integration.provider)
    job, _ = Job.across_tenants.get_or_create(
        integration=integration, defaults={"tenant_id": tenant_id, "name": name, "job_type": integration.provider}
    )
    return job


def _free_name(tenant_id: int, name: str, job_type: str) -> str:
    """``name``, or one like it where another job of the tenant is called so: people may rename jobs as they like."""
    taken = set(Job.objects.for_tenant(tenant_id).values_list("name", flat=True))
    longest = cast(int, Job._meta.get_field("name").max_length)
    endings = chain(("", f"-{job_type}"), (f"-{job_type}-{number}" for number in count(2)))
    names = (name[: longest - len(ending)] + ending for ending in endings)
    return next(name for name in names if name not in taken)


def forget(instance: Job, **_: object) -> None:
    """A job is being deleted: no page shows its runs any more, and their logs go."""
    RunProgress.across_tenants.filter(job_id=instance.pk).delete()


def start(job: Job, *, actor: str, scope: Scope = Scope(), reason: str = "") -> Run:
    """A new run; it waits as PENDING for its turn and for a worker. Raises :class:`WrongState`."""
    for stopped in Run.across_tenants.filter(job=job, state=RunState.STOPPING):
        stopping.press_on(stopped)
    with transaction.atomic():
        job = transitions.lock(job.pk)
        if job.state == JobState.FINISHED:
            transition(job, "reset", current_run(job), actor=actor, reason="A new run was asked for.")
        if job.state not in transitions.TRANSITIONS["start"].sources:
            raise WrongState(refusal(job, "start"))
        _check_integration(job)
        run = planned_run(job, scope)
        run.sweep = scope.mode == RunMode.INCREMENTAL and (scope.sweep or sweep_is_due(job))
        run.save(force_insert=True)
        progress.begin(
            run.pk,
            tenant_id=job.tenant_id,
            job_id=job.pk,
            job_name=job.name,
            job_type=job.job_type,
            mode=scope.mode,
            overall=JobState.PENDING,
        )
        transition(job, "start", run, actor=actor, reason=reason)
        Job.across_tenants.filter(pk=job.pk).update(next_run=schedule.next_run(job), retries_used=0)
    admit_next(job.tenant)
    run.refresh_from_db()
    return run


def planned_run(job: Job, scope: Scope) -> Run:
    """A run of this scope that is not stored yet."""
    return Run(
        tenant_id=job.tenant_id,
        job=job,
        integration=job.integration,
        mode=scope.mode,
        since=scope.since,
        until=scope.until,
        scopes=list(scope.scopes),
        sweep=scope.sweep,
    )


def sweep_is_due(job: Job) -> bool:
    """Whether the ids of everything are to be listed again, to find what is gone."""
    if job.integration_id is None or job.last_sync_date is None:
        return False  # the first run reads everything anyway
    return job.last_sweep_at is None or job.last_sweep_at + timedelta(hours=job.sweep_hours) <= timezone.now()


def admit_next(tenant: Tenant) -> None:
    """Let the pending runs of a tenant begin, the oldest first, up to its ``max_concurrent_jobs``."""
    with transaction.atomic():
        tenant = locked_tenant(tenant.pk)
        runs, limit = Run.objects.for_tenant(tenant).select_related("job"), tenant.max_concurrent_jobs
        # A paused run keeps its place, so that it can be resumed at any time.
        busy = [run.job.name for run in runs.filter(state__in=ACTIVE - {RunState.PENDING})]
        waiting: list[Run] = []
        for run in runs.filter(state=RunState.PENDING).order_by("created_at"):
            if len(busy) >= limit:
                waiting.append(run)
            elif _admit(run, f"Its turn: {len(busy) + 1} of {limit} that this tenant runs at a time."):
                busy.append(run.job.name)
        for position, run in enumerate(waiting):
            place = PLACES[position] if position < len(PLACES) else f"Number {position + 1}"
            names = ", ".join(sorted(busy))
            progress.wait(run.pk, f"{place} in line: waits for {names}; this tenant runs {limit} at a time.")


def _admit(run: Run, reason: str) -> bool:
    job = transitions.lock(run.job_id)
    run.refresh_from_db()
    if run.state != RunState.PENDING:
        return False
    # By the database's clock: what is asked for next time begins here.
    Run.across_tenants.filter(pk=run.pk).update(started_at=Coalesce("started_at", Now()))
    run.refresh_from_db(fields=["started_at"])
    Job.across_tenants.filter(pk=job.pk).update(last_run_started_at=run.started_at)
    transition(job, "admit", run, actor=SYSTEM, reason=reason)
    for (step, stage), size in batches.inherit(run).items():
        progress.count(run.pk, step, stage, total=size)
        log.write(run.pk, f"Takes over {size:,} records that an ended run has left.", step=step, stage=stage)
    dispatch(run)
    wake_batches(run, Q())
    return True


def dispatch(run: Run) -> None:
    """Send the chain of what is left of a running run, under a new epoch: older messages are refused from now on.

    Nothing is sent when somebody else has sent it since ``run`` was read.
    """
    mine = Run.across_tenants.filter(pk=run.pk, epoch=run.epoch, state=RunState.RUNNING)
    if mine.update(epoch=run.epoch + 1, dispatched_at=Now(), driver=None, driver_task=""):
        run.epoch += 1
        _send_chain(run)


def remind(run: Run) -> None:
    """Send the chain again that nobody has taken, under the same epoch: the first may only stand in a long line."""
    if Run.across_tenants.filter(pk=run.pk, epoch=run.epoch).update(dispatched_at=Now()):
        _send_chain(run)


def _send_chain(run: Run) -> None:
    done = finished_steps(run)
    transaction.on_commit(lambda: messages.run(run, done))


def wake_batches(run: Run, which: Q) -> None:
    """Wake workers for those free batches of a run, the oldest first."""
    with transaction.atomic():
        rows = (
            QueueItem.across_tenants.filter(batches.free() & which, run=run).select_related("run__job").order_by("id")
        )
        found = list(rows.select_for_update(skip_locked=True, of=("self",))[:MOST_WOKEN])
        QueueItem.across_tenants.filter(pk__in=[item.pk for item in found]).update(woken_at=Now())
        transaction.on_commit(lambda: messages.items(found))


def finished_steps(run: Run) -> frozenset[str]:
    """The steps whose part in the chain is done."""
    cells = StageProgress.objects.filter(run_id=run.pk, state__in=STAGE_DONE).values_list("step", "stage")
    done = set(cells)
    return frozenset(
        step.key for step in definition(run.job.job_type).steps if (step.key, step.stages[0].value) in done
    )


def chain_is_done(run: Run) -> bool:
    """Whether no step is left to the chain: what is outstanding, if anything, are batches beside it."""
    return len(finished_steps(run)) == len(definition(run.job.job_type).steps)


def is_next(run: Run, step: str, finished: frozenset[str]) -> bool:
    """Whether all steps before this one are done: a message that comes too early is not obeyed."""
    left = (one.key for one in definition(run.job.job_type).steps if one.key not in finished)
    return next(left, "") == step


def pause(job: Job, *, actor: str, reason: str = "") -> Run:
    """Stop at the next batch and keep the place."""
    with transaction.atomic():
        locked, run = _asked(job, "pause")
        waiting = ": ".join(filter(None, (f"Paused by {actor}", reason)))
        transition(locked, "pause", run, actor=actor, reason=reason, waiting=waiting)
    return run


def resume(job: Job, *, actor: str, reason: str = "") -> Run:
    """Go on where the run was paused; a pause that the provider has asked for lasts as long as it said."""
    with transaction.atomic():
        locked, run = _asked(job, "resume")
        waits = run.not_before is not None and run.not_before > timezone.now()
        transition(locked, "resume", run, actor=actor, reason=reason, waiting=run.waiting_for if waits else "")
        dispatch(run)
        wake_batches(run, Q())
    return run


def retry(job: Job, *, actor: str, reason: str = "") -> Run:
    """A new attempt of the failed run from where it failed; completed work is kept."""
    with transaction.atomic():
        locked, run = _asked(job, "retry")
        _check_integration(locked)
        transition(locked, "retry", run, actor=actor, reason=reason)
        Job.across_tenants.filter(pk=job.pk).update(next_run=schedule.next_run(run.job))
        Run.across_tenants.filter(pk=run.pk).update(
            attempt=F("attempt") + 1, plan_tries=0, error="", finished_at=None, not_before=None, waiting_for=""
        )
        QueueItem.across_tenants.filter(run=run, state__in=(ItemState.FAILED, ItemState.QUEUED)).update(
            state=ItemState.QUEUED, attempts=0, lease_until=None, finished_at=None
        )
        StageProgress.objects.filter(run_id=run.pk, state=StageState.FAILED).update(state=StageState.QUEUED)
    admit_next(job.tenant)
    run.refresh_from_db()
    return run


def stop(job: Job, *, actor: str, reason: str = "") -> Run:
    """Stop a run by force. Nothing of it can be written from now on; it ends when its workers let go, soon at most.

    A run on which nobody works, such as one that waits, has ended when this returns.
    """
    with transaction.atomic():
        locked, run = _asked(job, "stop")
        stopping.ask(locked, run, actor=actor, reason=reason or transitions.BY_HAND)
    if stopping.end_if_free(run):
        admit_next(job.tenant)
    run.refresh_from_db()
    return run


def fail(run: Run, sentence: str, *, driver: UUID | None = None, item: QueueItem | None = None) -> bool:
    """The run cannot go on: keep what is done and say why; says whether it has failed.

    Nothing happens to a run that does not run (any more), nor when the ``driver`` that says so does not hold it.
    :class:`~apps.jobs.queue.batches.LostLease` when the batch that failed has another owner.
    """
    with transaction.atomic():
        job = transitions.lock(run.job_id)
        run.refresh_from_db()
        if not transitions.allows(job, "fail", run) or (driver and run.driver != driver):
            return False
        if item is not None:
            batches.close(item, state=ItemState.FAILED, error=sentence)
        batches.take_away(run)
        Run.across_tenants.filter(pk=run.pk).update(driver=None, driver_lease_until=None, driver_task="")
        transition(job, "fail", run, actor=SYSTEM, reason=sentence, error=sentence)
        progress.refresh(run.pk, message=sentence, status=True)
    admit_next(run.tenant)
    return True


def wait_until(run: Run, until: datetime, reason: str, *, driver: UUID | None = None) -> None:
    """Let go of the worker until the provider answers again; the scheduler wakes the run then.

    Nothing happens to a run that does not run (any more), nor when the ``driver`` that says so does not hold it.
    ``until`` is by :mod:`~apps.sources.clock`; what is stored is by the database's: a wrong clock makes no wait longer.
    """
    pause = max(until - clock.now(), timedelta())
    with transaction.atomic():
        held = Run.across_tenants.filter(pk=run.pk, state=RunState.RUNNING)
        if driver:
            held = held.filter(driver=driver)
        if held.update(not_before=Now() + pause, waiting_for=reason, driver=None, driver_task=""):
            progress.wait(run.pk, reason)
            run_log.trouble(run.pk, f"Waits until {until:%H:%M:%S} UTC. {reason}")


def reset(job: Job, *, actor: str, reason: str = "") -> Job:
    """FINISHED → READY with the next run set; safe to repeat. Raises :class:`WrongState` for an active job."""
    with transaction.atomic():
        locked = transitions.lock(job.pk)
        if locked.state != JobState.READY:
            transition(locked, "reset", current_run(locked), actor=actor, reason=reason)
            locked.next_run = locked.next_run or schedule.next_run(locked)
            locked.save(update_fields=["next_run"])
    return locked


def current_run(job: Job) -> Run:
    """The newest run of a job; ``Run.DoesNotExist`` when it never ran."""
    return Run.across_tenants.filter(job=job).select_related("job", "integration", "tenant").latest("created_at")


def _asked(job: Job, action: str) -> tuple[Job, Run]:
    """The job, locked, and its run, where the state allows ``action``."""
    locked = transitions.lock(job.pk)
    if locked.state not in transitions.TRANSITIONS[action].sources:
        raise WrongState(refusal(locked, action))
    return locked, current_run(locked)


def _check_integration(job: Job) -> None:
    if job.integration is not None and not job.integration.is_active:
        raise WrongState(f"Integration {job.integration.name!r} is switched off: switch it on first.")
