"""How is a job controlled? Start, pause, resume, retry, stop, reset: one function each, for page, API and command."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from apps.jobs import run_log
from apps.jobs.choices import BatchState, RunMode
from apps.jobs.lifecycle import chain, planning, stopping, transitions
from apps.jobs.lifecycle.admission import admit_pending_runs
from apps.jobs.lifecycle.run_request import WHAT_CHANGED, RunRequest
from apps.jobs.lifecycle.transitions import SYSTEM, WrongStateError, refusal, transition
from apps.jobs.models import Batch, Job, Run
from apps.jobs.queue import batches
from apps.progress import services as progress
from apps.progress.choices import JobState, RunState, StageState
from apps.progress.models import StageProgress
from apps.sources import clock


def start(job: Job, *, actor: str, request: RunRequest = WHAT_CHANGED, reason: str = "") -> Run:
    """Create a run and let it begin as soon as the tenant may run one more. Raises :class:`WrongStateError`.

    1. If the job's last run is being stopped, take the phase of the stop that is due.
    2. If the job is FINISHED, reset it.
    3. Create the run and its progress; the job is PENDING, and its next run is planned from now.
    4. Admit the run if it is its turn. Then it is RUNNING, and its first messages are sent.
    """
    for stopped in Run.across_tenants.filter(job=job, state=RunState.STOPPING):
        stopping.escalate(stopped)
    with transaction.atomic():
        job = transitions.lock(job.pk)
        if job.state == JobState.FINISHED:
            transition(job, "reset", current_run(job), actor=actor, reason="A new run was requested.")
        if job.state not in transitions.TRANSITIONS["start"].from_states:
            raise WrongStateError(refusal(job, "start"))
        _check_integration(job)
        run = request.new_run(job)
        run.sweep = request.mode == RunMode.INCREMENTAL and (request.sweep or is_sweep_due(job))
        run.save(force_insert=True)
        progress.begin(
            run.pk,
            tenant_id=job.tenant_id,
            job_id=job.pk,
            job_name=job.name,
            job_type=job.job_type,
            mode=_compared_mode(job, request),
            overall=JobState.PENDING,
        )
        transition(job, "start", run, actor=actor, reason=reason)
        Job.across_tenants.filter(pk=job.pk).update(next_run=planning.next_run(job), retries_used=0)
    admit_pending_runs(job.tenant)
    run.refresh_from_db()
    return run


def _compared_mode(job: Job, request: RunRequest) -> RunMode:
    """With which earlier runs a run is compared. A first run reads everything, as a full run does."""
    is_first = request.mode == RunMode.INCREMENTAL and job.last_sync_date is None
    return RunMode.FULL if is_first else request.mode


def is_sweep_due(job: Job) -> bool:
    """Whether the next run has to list all ids, to find what was deleted or moved."""
    if job.integration_id is None or job.last_sync_date is None:
        return False  # the first run reads everything anyway
    return job.last_sweep_at is None or job.last_sweep_at + timedelta(hours=job.sweep_hours) <= timezone.now()


def pause(job: Job, *, actor: str, reason: str = "") -> Run:
    """Let the run stop at its next batch and keep its place."""
    with transaction.atomic():
        locked, run = _lock_for(job, "pause")
        waiting = ": ".join(filter(None, (f"Paused by {actor}", reason)))
        transition(locked, "pause", run, actor=actor, reason=reason, waiting=waiting)
    return run


def resume(job: Job, *, actor: str, reason: str = "") -> Run:
    """Let the run go on where it was paused. If the provider has asked for a wait, that wait still counts."""
    with transaction.atomic():
        locked, run = _lock_for(job, "resume")
        must_wait = run.not_before is not None and run.not_before > timezone.now()
        transition(locked, "resume", run, actor=actor, reason=reason, waiting=run.waiting_for if must_wait else "")
        chain.dispatch(run)
        chain.wake_workers(run)
    return run


def retry(job: Job, *, actor: str, reason: str = "") -> Run:
    """Begin a new attempt of the failed run at the step that failed; finished work is kept."""
    with transaction.atomic():
        locked, run = _lock_for(job, "retry")
        _check_integration(locked)
        transition(locked, "retry", run, actor=actor, reason=reason)
        Job.across_tenants.filter(pk=job.pk).update(next_run=planning.next_run(run.job))
        Run.across_tenants.filter(pk=run.pk).update(
            attempt=F("attempt") + 1, plan_tries=0, error="", finished_at=None, not_before=None, waiting_for=""
        )
        Batch.across_tenants.filter(run=run, state__in=(BatchState.FAILED, BatchState.QUEUED)).update(
            state=BatchState.QUEUED, attempts=0, lease_until=None, finished_at=None
        )
        StageProgress.objects.filter(run_id=run.pk, state=StageState.FAILED).update(state=StageState.QUEUED)
    admit_pending_runs(job.tenant)
    run.refresh_from_db()
    return run


def stop(job: Job, *, actor: str, reason: str = "") -> Run:
    """Stop a run by force: from now on no worker can store results of the run.

    The run ends when its workers stop working on it, or within 20 seconds (see ``stopping``). If no worker works on it,
    it has ended when this returns.
    """
    with transaction.atomic():
        locked, run = _lock_for(job, "stop")
        stopping.ask(locked, run, actor=actor, reason=reason or transitions.MANUAL)
    if stopping.end_if_free(run):
        admit_pending_runs(job.tenant)
    run.refresh_from_db()
    return run


def fail(run: Run, sentence: str, *, driver: UUID | None = None, batch: Batch | None = None) -> bool:
    """Fail a run that cannot go on, keep what is done, and say why; returns whether it has failed.

    Nothing happens if the run is not running (any more), or if ``driver`` is not the owner of its chain any more.
    Raises :class:`~apps.jobs.queue.batches.LeaseLostError` if the failed batch has another owner.
    """
    with transaction.atomic():
        job = transitions.lock(run.job_id)
        run.refresh_from_db()
        if not transitions.is_allowed(job, "fail", run) or (driver and run.driver != driver):
            return False
        if batch is not None:
            batches.close(batch, state=BatchState.FAILED, error=sentence)
        batches.requeue_run(run)
        Run.across_tenants.filter(pk=run.pk).update(driver=None, driver_lease_until=None, driver_task="")
        transition(job, "fail", run, actor=SYSTEM, reason=sentence, error=sentence)
        progress.refresh(run.pk, message=sentence, is_state_change=True)
    admit_pending_runs(run.tenant)
    return True


def wait_until(run: Run, until: datetime, reason: str, *, driver: UUID | None = None) -> None:
    """Let a run wait without a worker until the provider can be asked again; then the scheduler dispatches it.

    Nothing happens if the run is not running (any more), or if ``driver`` is not the owner of its chain any more.
    ``until`` is by :mod:`~apps.sources.clock`. What is stored is by the database's clock, so a wrong clock of a worker
    makes no wait longer.
    """
    pause = max(until - clock.now(), timedelta())
    with transaction.atomic():
        held = Run.across_tenants.filter(pk=run.pk, state=RunState.RUNNING)
        if driver:
            held = held.filter(driver=driver)
        if held.update(not_before=Now() + pause, waiting_for=reason, driver=None, driver_task=""):
            progress.set_waiting(run.pk, reason)
            run_log.warn(run, f"Waiting until {until:%H:%M:%S} UTC. {reason}")


def reset(job: Job, *, actor: str, reason: str = "") -> Job:
    """FINISHED → READY with the next run planned; safe to repeat. Raises :class:`WrongStateError` for an active job."""
    with transaction.atomic():
        locked = transitions.lock(job.pk)
        if locked.state != JobState.READY:
            transition(locked, "reset", current_run(locked), actor=actor, reason=reason)
            locked.next_run = locked.next_run or planning.next_run(locked)
            locked.save(update_fields=["next_run"])
    return locked


def current_run(job: Job) -> Run:
    """The newest run of a job; ``Run.DoesNotExist`` when it never ran."""
    return Run.across_tenants.filter(job=job).select_related("job", "integration", "tenant").latest("created_at")


def _lock_for(job: Job, action: str) -> tuple[Job, Run]:
    """The job, locked, and its run; :class:`WrongStateError` if the state does not allow ``action``."""
    locked = transitions.lock(job.pk)
    if locked.state not in transitions.TRANSITIONS[action].from_states:
        raise WrongStateError(refusal(locked, action))
    return locked, current_run(locked)


def _check_integration(job: Job) -> None:
    if job.integration is not None and not job.integration.is_active:
        raise WrongStateError(f"Integration {job.integration.name!r} is switched off: switch it on first.")
