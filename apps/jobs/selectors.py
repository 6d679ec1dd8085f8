"""Which jobs does a tenant have, which one has a name, which is its newest run, and when is that run retried?"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import DurationField, ExpressionWrapper, F, OuterRef, Q, QuerySet, Subquery, Value

from apps.jobs.choices import RunMode
from apps.jobs.models import Job, Run
from apps.progress.choices import STAGE_DONE, JobState, RunState, StageState
from apps.progress.selectors import stage_states
from apps.sources.registry import definition
from apps.tenants.models import Tenant

# A job whose integration is inactive can neither be started nor be retried.
REACHABLE = Q(integration=None) | Q(integration__is_active=True)
RETRIES_LEFT = Q(retries_used__lt=F("max_retries"))


class UnknownJobError(Exception):
    """No job of the tenant has this name or id; the sentence lists the names of its jobs."""


def jobs_of(tenant: Tenant | int) -> QuerySet[Job]:
    """The jobs of a tenant, by name."""
    return Job.objects.for_tenant(tenant).select_related("integration", "tenant")


def job_named(name: str, tenant: Tenant | None = None) -> Job:
    """The job called ``name``, of ``tenant`` or of the only tenant that has one; raises :class:`UnknownJobError`."""
    jobs = (jobs_of(tenant) if tenant else Job.across_tenants.select_related("integration", "tenant")).filter(name=name)
    found = list(jobs[:2])
    if len(found) == 1:
        return found[0]
    if found:
        raise UnknownJobError(f"Several tenants have a job {name!r}: choose one with --tenant SLUG.")
    known = sorted(set((jobs_of(tenant) if tenant else Job.across_tenants).values_list("name", flat=True)))
    hint = f"The jobs are {', '.join(known)}." if known else "There is no job yet: add an integration first."
    raise UnknownJobError(f"There is no job {name!r}. {hint}")


def job_of(tenant: Tenant | int, job_id: int) -> Job:
    """The tenant's job with this id; :class:`UnknownJobError` also for another tenant's."""
    job = jobs_of(tenant).filter(pk=job_id).first()
    if job is None:
        raise UnknownJobError(f"There is no job {job_id}.")
    return job


def newest_run(job: Job) -> Run | None:
    """The current or last run of a job."""
    return Run.objects.for_tenant(job.tenant_id).filter(job=job).order_by("-created_at").first()


def with_automatic_retry(jobs: QuerySet[Job]) -> QuerySet[Any]:
    """The failed jobs that the scheduler retries; ``failed_at`` and ``retry_at`` say when it failed and is retried."""
    newest = Run.across_tenants.filter(job=OuterRef("pk")).order_by("-created_at")
    delay = ExpressionWrapper(F("retry_minutes") * Value(timedelta(minutes=1)), DurationField())
    failed = jobs.filter(RETRIES_LEFT, REACHABLE, state=JobState.FAILED, is_active=True)
    failed = failed.annotate(failed_at=Subquery(newest.values("finished_at")[:1]))
    return failed.annotate(retry_at=F("failed_at") + delay)


def automatic_retry_at(run: Run) -> datetime | None:
    """When the scheduler retries a failed run; ``None`` if it does not. It retries only the newest run of a job."""
    job = Job.objects.for_tenant(run.tenant_id).filter(pk=run.job_id)
    found: datetime | None = (
        with_automatic_retry(job).filter(failed_at=run.finished_at).values_list("retry_at", flat=True).first()
    )
    return found


def unfinished_before(run: Run) -> list[UUID]:
    """The earlier runs of the job since it last finished an incremental or full run: what they stored is still new."""
    earlier = Run.across_tenants.filter(job=run.job_id, created_at__lt=run.created_at)
    finished = earlier.filter(state=RunState.FINISHED, mode__in=(RunMode.INCREMENTAL, RunMode.FULL))
    since = finished.order_by("-created_at").values_list("created_at", flat=True).first()
    return list(earlier.filter(Q(created_at__gt=since) if since else Q()).values_list("pk", flat=True))


def steps_status(job: Job) -> dict[str, dict[str, str]]:
    """The state of every stage of the newest run, by step; idle if the job never ran."""
    run = newest_run(job)
    states = stage_states(run.pk) if run else {}
    return {
        step.key: {stage.value: states.get((step.key, stage.value), StageState.IDLE.value) for stage in step.stages}
        for step in definition(job.job_type).steps
    }


def idle_steps(job: Job) -> dict[str, dict[str, str]]:
    """The stages of a job that never ran."""
    return {step.key: dict.fromkeys(step.stages, StageState.IDLE.value) for step in definition(job.job_type).steps}


def unfinished_stages(job: Job, status: dict[str, dict[str, str]]) -> list[str]:
    """The stages that are neither finished nor skipped, in words: ``Issues with changelogs (transform: running)``."""
    titles = {step.key: step.title for step in definition(job.job_type).steps}
    return [
        f"{titles[step]} ({stage}: {state})"
        for step, states in status.items()
        for stage, state in states.items()
        if state not in STAGE_DONE
    ]
