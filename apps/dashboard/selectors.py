"""Which run does a page show, and what has happened to its job?"""

from uuid import UUID

from apps.jobs.models import Job, Run, StateChange
from apps.tenants.models import Tenant

MAX_CHANGES = 30


def changes_of(job: Job, run: Run | None = None) -> list[StateChange]:
    """The newest transitions of a job, or all transitions of one run, newest first."""
    changes = StateChange.objects.filter(job=job)
    return list(changes.filter(run=run) if run else changes[:MAX_CHANGES])


def run_of(tenant: Tenant, run_id: UUID) -> Run | None:
    """The tenant's run with this id, with its job; ``None`` if there is none."""
    runs = Run.objects.for_tenant(tenant).select_related("job__integration", "job__tenant", "integration")
    return runs.filter(pk=run_id).first()


def is_current(run: Run) -> bool:
    """Whether it is the newest run of its job. The controls of a job act on its newest run."""
    newer = Run.objects.for_tenant(run.tenant_id).filter(job=run.job_id, created_at__gt=run.created_at)
    return not newer.exists()
