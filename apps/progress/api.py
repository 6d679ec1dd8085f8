"""What does the API tell about stages, tasks, the shape of the live messages and the log of a run?"""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Annotated, Any, Literal, cast
from uuid import UUID

import msgspec
from asgiref.sync import sync_to_async
from django.http import HttpRequest, StreamingHttpResponse
from ninja import Field, Query, Router, Schema
from ninja.errors import HttpError

from apps.progress import log, models
from apps.progress.engine.stages import ProgressTracker
from apps.progress.engine.words import whole_percent
from apps.progress.events import RunMessage
from apps.progress.notices_api import router as notices
from apps.progress.selectors import run_of_tenant
from apps.progress.tracking import tracker_of
from apps.sources.text import clean
from apps.tenants.current import TenantRequest

router = Router(tags=["Progress"])
router.add_router("", notices)


class TaskStatus(Schema):
    """Where a task or a run is: ``progress`` is a whole percent, 100 only after success."""

    status: str
    progress: int
    message: str
    estimate: bool = False


class LogLine(Schema):
    """One line; ``step`` and ``stage`` are empty for what concerns the whole run."""

    id: int
    at: datetime
    level: str
    step: str
    stage: str
    text: str


class LogWindow(Schema):
    """Lines by number. ``more``: there are others on that side. Whoever follows asks again after ``settled``."""

    lines: list[LogLine]
    more: bool
    settled: int


class LogQuery(Schema):
    """Which lines: after or before a number (else the newest), of a step, of a level and above, with a text."""

    after: Annotated[int | None, Field(ge=0, lt=2**63)] = None
    before: Annotated[int | None, Field(ge=0, lt=2**63)] = None
    step: str = ""
    level: Literal["", "info", "warning", "error"] = ""
    q: str = ""
    limit: Annotated[int, Field(ge=1, le=1000)] = log.LIMIT


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
            message = run.waiting or run.error or run.message
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


@router.get("/live-schema", response=dict[str, Any], summary="The JSON schema of the live messages")
def live_schema(request: HttpRequest) -> dict[str, Any]:
    """What every ``snapshot``, ``job_status`` and ``progress_update`` on ``/ws/jobs/`` looks like."""
    return msgspec.json.schema(RunMessage)


@router.get("/runs/{uuid:run_id}/log", response=LogWindow, summary="Lines of a run's log")
def log_lines(request: HttpRequest, run_id: UUID, query: Query[LogQuery]) -> log.Window:
    """A window of the log, at most ``limit`` lines: the newest, those after a number, or those before one."""
    _check_run(request, run_id)
    wanted = log.Wanted(query.step, query.level, query.q)
    if query.after is not None:
        return log.following(run_id, query.after, wanted, limit=query.limit)
    return log.newest(run_id, wanted, before=query.before, limit=query.limit)


@router.get("/runs/{uuid:run_id}/log.txt", summary="A run's whole log as a text file")
def log_file(request: HttpRequest, run_id: UUID) -> StreamingHttpResponse:
    """Streamed page by page: its length costs no memory."""
    _check_run(request, run_id)
    return StreamingHttpResponse(
        _pages(run_id),
        content_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="run-{run_id}.log"'},
    )


async def _pages(run_id: UUID) -> AsyncIterator[str]:
    pages = log.pages(run_id)
    while text := await sync_to_async(_next_page)(pages):
        yield text


def _next_page(pages: Iterator[list[models.LogLine]]) -> str:
    return "".join(map(log.as_text, next(pages, [])))


def _check_run(request: HttpRequest, run_id: UUID) -> None:
    tenant = cast(TenantRequest, request).tenant
    if not tenant or not models.RunProgress.objects.for_tenant(tenant).filter(pk=run_id).exists():
        raise HttpError(404, f"There is no run {run_id}.")


def _run(tenant_id: int, task_id: str) -> RunMessage | None:
    try:
        return run_of_tenant(tenant_id, UUID(task_id))
    except ValueError:
        return None
