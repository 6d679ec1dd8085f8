"""What does the API answer about the stage table and its tasks?"""

from typing import Any, cast
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema
from ninja.errors import HttpError

from apps.progress.compat.stages import ProgressTracker
from apps.progress.compat.tasks import tracker_of
from apps.progress.engine.words import wait_words, whole_percent
from apps.progress.events import RunMessage
from apps.progress.selectors import run_of_tenant
from apps.sources.text import clean
from apps.tenants.current import TenantRequest

router = Router(tags=["Progress"])


class TaskStatus(Schema):
    """Where a task or a run is: ``progress`` is a whole percent, 100 only after success."""

    status: str
    progress: int
    message: str
    estimate: bool = False


@router.get("/stages", response=dict[str, int], summary="The stage table")
def stages(request: HttpRequest) -> dict[str, int]:
    """Every pipeline stage with the percentage at which it begins."""
    return ProgressTracker.get_all_stages()


@router.get("/status/{task_id}", response=TaskStatus, summary="Where is a task?")
def status(request: HttpRequest, task_id: str) -> dict[str, Any]:
    """A run of the tenant by its id, or a task of the stage table; 404 for anything else."""
    tenant = cast(TenantRequest, request).tenant
    if tenant:
        run = _run(tenant.pk, task_id)
        if run is not None:
            until = run.card.moment.at if run.waiting and run.card.moment else None
            message = wait_words(run.waiting, until) or run.error or run.message
            return {"status": run.overall, "progress": whole_percent(run.progress), "message": message}
        info = tracker_of(tenant).get_progress(clean(task_id))
        if info is not None:
            return {
                "status": info.status,
                "progress": info.progress,
                "message": info.message,
                "estimate": info.estimate,
            }
    raise HttpError(404, f"There is no task {task_id!r}.")


def _run(tenant_id: int, task_id: str) -> RunMessage | None:
    try:
        return run_of_tenant(tenant_id, UUID(task_id))
    except ValueError:
        return None
