"""What do the pages of a job and of a run have in common?"""

from apps.dashboard.controls import controls_of
from apps.dashboard.failure import failure_of
from apps.dashboard.matrix import matrix
from apps.dashboard.overviews import job_card
from apps.dashboard.proof import proof_of
from apps.jobs.models import Job, Run
from apps.progress.selectors import run_of_tenant
from apps.sources.definition import ALL_STAGES
from apps.sources.registry import definition
from apps.tenants.current import TenantRequest
from apps.tenants.models import Role
from apps.tenants.permissions import may_act_as


def run_context(request: TenantRequest, job: Job, run: Run | None, *, is_job_page: bool) -> dict[str, object]:
    """The part of the context that the pages of a job and of a run share.

    ``card`` is ``None`` if no progress of the run is stored any more.
    """
    live = run_of_tenant(request.tenant.pk, run.pk) if run else None
    card = job_card(job, live) if is_job_page else live.card if live else None
    return {
        "job": job,
        "run": run,
        "live": live,
        "card": card,
        "definition": definition(job.job_type),
        "stages": [stage.value for stage in ALL_STAGES],
        "matrix": matrix(definition(job.job_type), card),
        "proof": proof_of(run),
        "controls": controls_of(job, request.role),
        "can_control": may_act_as(request.role, Role.OPERATOR),
        "failure": failure_of(run, job),
    }
