"""Which pending run may begin? The oldest of its tenant, as soon as the tenant runs fewer than it may."""

from django.db import transaction
from django.db.models.functions import Coalesce, Now

from apps.jobs import run_log
from apps.jobs.lifecycle import chain, transitions
from apps.jobs.models import Job, Run
from apps.jobs.queue import batches
from apps.progress import services as progress
from apps.progress.choices import ACTIVE, RunState
from apps.tenants.models import Tenant
from apps.tenants.services import locked_tenant

PLACES = ("First", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth", "Tenth")


def admit_pending_runs(tenant: Tenant) -> None:
    """Let the pending runs of a tenant begin, the oldest first, up to its ``max_concurrent_jobs``."""
    with transaction.atomic():
        tenant = locked_tenant(tenant.pk)
        runs, limit = Run.objects.for_tenant(tenant).select_related("job"), tenant.max_concurrent_jobs
        # A paused run keeps its place, so that a person can resume it at any time.
        busy = [run.job.name for run in runs.filter(state__in=ACTIVE - {RunState.PENDING})]
        waiting: list[Run] = []
        for run in runs.filter(state=RunState.PENDING).order_by("created_at"):
            if len(busy) >= limit:
                waiting.append(run)
            elif _admit(run, f"A place is free: this tenant now runs {len(busy) + 1} of at most {_jobs(limit)}."):
                busy.append(run.job.name)
        for position, run in enumerate(waiting):
            place = PLACES[position] if position < len(PLACES) else f"Number {position + 1}"
            names = ", ".join(sorted(busy))
            progress.set_waiting(
                run.pk, f"{place} in line: waits for {names} to end. This tenant may run {_jobs(limit)} at a time."
            )


def _jobs(number: int) -> str:
    return "1 job" if number == 1 else f"{number} jobs"


def _admit(run: Run, reason: str) -> bool:
    """Let one run begin: adopt the open batches of ended runs, send its chain, wake workers for what it adopted."""
    job = transitions.lock(run.job_id)
    run.refresh_from_db()
    if run.state != RunState.PENDING:
        return False
    # By the database's clock: the next run asks for what changed since this time.
    Run.across_tenants.filter(pk=run.pk).update(started_at=Coalesce("started_at", Now()))
    run.refresh_from_db(fields=["started_at"])
    Job.across_tenants.filter(pk=job.pk).update(last_run_started_at=run.started_at)
    transitions.transition(job, "admit", run, actor=transitions.SYSTEM, reason=reason)
    for (step, stage), size in batches.adopt(run).items():
        progress.count(run.pk, step, stage, total=size)
        run_log.write(run, f"takes over {size:,} records that an earlier run has not finished.", step=step, stage=stage)
    chain.dispatch(run)
    chain.wake_workers(run)
    return True
