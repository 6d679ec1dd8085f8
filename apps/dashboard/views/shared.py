"""What have the pages of a job and of a run in common?"""

from apps.dashboard import selectors
from apps.dashboard.controls import controls_of
from apps.dashboard.failure import failure_of
from apps.dashboard.proof import proof_of
from apps.jobs.models import Job, Run
from apps.progress.selectors import run_of_tenant
from apps.sources.definition import ALL_STAGES
from apps.sources.registry import definition
from apps.tenants.current import TenantRequest


def run_context(request: TenantRequest, job: Job, run: Run | None, *, as_of_job: bool) -> dict[str, object]:
    """What the pages of a job and of a run have in common."""
    live = run_of_tenant(request.tenant.pk, run.pk) if run else None
    matrix = selectors.matrix(run, job, live, as_of_job=as_of_job)
    return {
        "job": job,
        "run": run,
        "live": live,
        "definition": definition(job.job_type),
        "stages": [stage.value for stage in ALL_STAGES],
        "matrix": matrix,
        "plan": selectors.plan(run, job, live, as_of_job=as_of_job),
        "proof": proof_of(run),
        "controls": controls_of(job, request.role),
        "failure": failure_of(run, job, matrix),
    }
