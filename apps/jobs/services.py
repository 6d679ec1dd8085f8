"""How is a job controlled? Start, pause, resume, retry, stop, reset: one function each, for page, API and command."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from apps.integrations.models import Integration
from apps.jobs import ledger, machine, wake
from apps.jobs.choices import ItemState, JobState, RunMode, RunState
from apps.jobs.machine import SYSTEM, WrongState, refusal, transition
from apps.jobs.models import Job, QueueItem, Run
from apps.progress import services as progress
from apps.progress.choices import STAGE_DONE, StageState
from apps.progress.models import StageProgress
from apps.sources.registry import definition
from apps.tenants.models import Tenant

VECTORIZATION = "vectorization"


@dataclass(frozen=True)
class Scope:
    """How much a run reads: what changed, everything, or a range of time and of projects or repositories."""

    mode: RunMode = RunMode.INCREMENTAL
    since: datetime | None = None
    until: datetime | None = None
    scopes: Sequence[str] = field(default_factory=tuple)


def create_jobs(integration: Integration) -> Job:
    """The standing order of a new integration, and the tenant's vectorization if it has none yet."""
    Job.across_tenants.get_or_create(
        tenant_id=integration.tenant_id, job_type=VECTORIZATION, integration=None, defaults={"name": VECTORIZATION}
    )
    taken = Job.objects.for_tenant(integration.tenant_id).filter(name=integration.name).exclude(integration=integration)
    name = f"{integration.name}-{integration.provider}" if taken.exists() else integration.name
    job, _ = Job.across_tenants.get_or_create(
        integration=integration,
        defaults={"tenant_id": integration.tenant_id, "name": name, "job_type": integration.provider},
    )
    return job


def start(job: Job, *, actor: str, scope: Scope = Scope(), reason: str = "") -> Run:
    """A new run; it waits as PENDING for its turn and for a worker. Raises :class:`WrongState`."""
    with transaction.atomic():
        job = machine.lock(job.pk)
        if job.state == JobState.FINISHED:
            transition(job, "reset", current_run(job), actor=actor, reason="A new run was asked for.")
        if job.state not in machine.TRANSITIONS["start"].sources:
            raise WrongState(refusal(job, "start"))
        if job.integration is not None and not job.integration.is_active:
            raise WrongState(f"Integration {job.integration.name!r} is switched off: switch it on first.")
        run = Run.across_tenants.create(
            tenant_id=job.tenant_id,
            job=job,
            integration=job.integration,
            mode=scope.mode,
            since=scope.since,
            until=scope.until,
            scopes=list(scope.scopes),
        )
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
    admit_next(job.tenant)
    run.refresh_from_db()
    return run


def admit_next(tenant: Tenant) -> None:
    """Let the pending runs of a tenant begin, the oldest first, up to its ``max_concurrent_jobs``."""
    with transaction.atomic():
        tenant = Tenant.objects.select_for_update().get(pk=tenant.pk)
        runs = Run.objects.for_tenant(tenant)
        busy = runs.filter(state__in=(RunState.RUNNING, RunState.STOPPING)).select_related("job")
        free = tenant.max_concurrent_jobs - len(busy)
        for position, run in enumerate(runs.filter(state=RunState.PENDING).order_by("created_at")):
            if position < free:
                _admit(run)
            else:
                names = ", ".join(sorted(other.job.name for other in busy)) or "a job that has just begun"
                progress.wait(run.pk, f"Waits for {names}: this tenant runs {tenant.max_concurrent_jobs} at a time.")


def _admit(run: Run) -> None:
    job = machine.lock(run.job_id)
    run.started_at = run.started_at or timezone.now()
    run.save(update_fields=["started_at"])
    Job.across_tenants.filter(pk=job.pk).update(last_run_started_at=run.started_at)
    transition(job, "admit", run, actor=SYSTEM)
    dispatch(run)


def dispatch(run: Run) -> None:
    """Wake workers for everything that is left of a run, under a new epoch: older messages are refused from now on."""
    run.epoch += 1
    Run.across_tenants.filter(pk=run.pk).update(epoch=run.epoch, dispatched_at=Now(), driver=None)
    queued = list(ledger.outstanding(run).filter(state=ItemState.QUEUED).select_related("run__job").order_by("id"))
    QueueItem.across_tenants.filter(pk__in=[item.pk for item in queued]).update(woken_at=Now())
    done = finished_steps(run)
    transaction.on_commit(lambda: wake.run(run, done))
    transaction.on_commit(lambda: wake.items(queued))


def finished_steps(run: Run) -> frozenset[str]:
    """The steps whose part in the chain is done."""
    cells = StageProgress.objects.filter(run_id=run.pk, state__in=STAGE_DONE).values_list("step", "stage")
    done = set(cells)
    return frozenset(
        step.key for step in definition(run.job.job_type).steps if (step.key, step.stages[0].value) in done
    )


def pause(job: Job, *, actor: str, reason: str = "") -> Run:
    """Stop at the next batch and keep the place."""
    return _control(job, "pause", actor, reason)


def resume(job: Job, *, actor: str, reason: str = "") -> Run:
    """Go on where the run was paused."""
    with transaction.atomic():
        run = _control(job, "resume", actor, reason)
        dispatch(run)
    return run


def retry(job: Job, *, actor: str, reason: str = "") -> Run:
    """A new attempt of the failed run from where it failed; completed work is kept."""
    with transaction.atomic():
        run = _control(job, "retry", actor, reason)
        Run.across_tenants.filter(pk=run.pk).update(
            attempt=F("attempt") + 1, error="", finished_at=None, not_before=None
        )
        QueueItem.across_tenants.filter(run=run, state=ItemState.FAILED).update(state=ItemState.QUEUED, attempts=0)
        StageProgress.objects.filter(run_id=run.pk, state=StageState.FAILED).update(state=StageState.QUEUED)
    admit_next(job.tenant)
    run.refresh_from_db()
    return run


def stop(job: Job, *, actor: str, reason: str = "") -> Run:
    """Ask a run to stop. What it holds is fenced off at once, so nothing of it can be written any more."""
    with transaction.atomic():
        run = _control(job, "stop", actor, reason)
        Run.across_tenants.filter(pk=run.pk).update(epoch=F("epoch") + 1, driver=None, not_before=None)
        ledger.outstanding(run).update(
            owner=None, lease_until=None, state=ItemState.FAILED, error="The run was stopped."
        )
    machine.try_transition(job.pk, "cancel", run, actor=actor, reason=reason)
    admit_next(job.tenant)
    run.refresh_from_db()
    return run


def fail(run: Run, sentence: str) -> None:
    """The run cannot go on: keep what is done and say why."""
    with transaction.atomic():
        if not machine.try_transition(run.job_id, "fail", run, error=sentence):
            return
        StageProgress.objects.filter(run_id=run.pk, state__in=(StageState.RUNNING, StageState.QUEUED)).update(
            state=StageState.FAILED
        )
        Run.across_tenants.filter(pk=run.pk).update(driver=None, driver_lease_until=None)
        progress.refresh(run.pk, message=sentence, status=True)
    admit_next(run.tenant)


def wait_until(run: Run, until: datetime, reason: str) -> None:
    """Let go of the worker until the provider answers again; the scheduler wakes the run then."""
    Run.across_tenants.filter(pk=run.pk).update(not_before=until, waiting_for=reason, driver=None)
    progress.wait(run.pk, reason)


def reset(job: Job, *, actor: str) -> Job:
    """FINISHED → READY with the next run set; safe to repeat. Raises :class:`WrongState` for an active job."""
    with transaction.atomic():
        locked = machine.lock(job.pk)
        if locked.state != JobState.READY:
            transition(locked, "reset", current_run(locked), actor=actor)
            if locked.next_run is not None or locked.interval_minutes:
                locked.next_run = timezone.now() + timedelta(minutes=locked.interval_minutes)
                locked.save(update_fields=["next_run"])
    return locked


# What a person may ask of a job that has a run, by the name that API and command use.
CONTROLS: dict[str, Callable[..., Run]] = {"pause": pause, "resume": resume, "retry": retry, "stop": stop}


def current_run(job: Job) -> Run:
    """The newest run of a job; ``Run.DoesNotExist`` when it never ran."""
    return Run.across_tenants.filter(job=job).select_related("job", "integration", "tenant").latest("created_at")


def _control(job: Job, action: str, actor: str, reason: str) -> Run:
    with transaction.atomic():
        locked = machine.lock(job.pk)
        if locked.state not in machine.TRANSITIONS[action].sources:
            raise WrongState(refusal(locked, action))
        run = current_run(locked)
        transition(locked, action, run, actor=actor, reason=reason)
    return run
