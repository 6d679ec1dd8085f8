"""What is the visible state of the runs of a tenant?"""

from uuid import UUID

from apps.progress.events import RunMessage, run_message, run_messages
from apps.progress.models import RunProgress, StageProgress


def live_runs(tenant_id: int) -> list[RunMessage]:
    """The newest run of every job of the tenant, as snapshots."""
    rows = RunProgress.objects.for_tenant(tenant_id).filter(current=True).order_by("job_id").prefetch_related("stages")
    return run_messages("snapshot", [(row, row.stages.all()) for row in rows])


def live_run(job_id: int) -> RunMessage | None:
    """The newest run of a job, as a snapshot."""
    row = RunProgress.across_tenants.filter(job_id=job_id, current=True).prefetch_related("stages").first()
    return run_message("snapshot", row, row.stages.all()) if row else None


def live_numbers(tenant_id: int) -> dict[str, int]:
    """How far the newest run of every job of the tenant is numbered: its ``seq`` by run."""
    rows = RunProgress.objects.for_tenant(tenant_id).filter(current=True)
    return {str(run): seq for run, seq in rows.values_list("run", "seq")}


def run_of_tenant(tenant_id: int, run_id: UUID) -> RunMessage | None:
    """One run as a snapshot; ``None`` when this tenant has no such run."""
    row = RunProgress.objects.for_tenant(tenant_id).filter(pk=run_id).prefetch_related("stages").first()
    return run_message("snapshot", row, row.stages.all()) if row else None


def stage_states(run_id: UUID) -> dict[tuple[str, str], str]:
    """The state of every stage of a run, by step and stage."""
    cells = StageProgress.objects.filter(run_id=run_id).values_list("step", "stage", "state")
    return {(step, stage): state for step, stage, state in cells}
