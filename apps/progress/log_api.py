"""How do pages and programs read the log of a run? A window of lines, or the whole log as a text file."""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Annotated, Literal, cast
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import HttpRequest, StreamingHttpResponse
from ninja import Field, Query, Router, Schema
from ninja.errors import HttpError

from apps.progress import log
from apps.progress.models import LogLine, RunProgress
from apps.tenants.current import TenantRequest

router = Router(tags=["Progress"])


class LogEntry(Schema):
    """One line; ``step`` and ``stage`` are empty when the line concerns the whole run."""

    id: int
    at: datetime
    level: str
    step: str
    stage: str
    text: str


class LogWindow(Schema):
    """Lines by number. ``more`` says if others follow on that side. To follow the log, ask again after ``settled``."""

    lines: list[LogEntry]
    more: bool
    settled: int


class LogQuery(Schema):
    """Which lines: after or before a number (else the newest), of a step, of a level and above, with a text."""

    after: Annotated[int | None, Field(ge=0, lt=2**63)] = None
    before: Annotated[int | None, Field(ge=0, lt=2**63)] = None
    step: str = ""
    level: Literal["", "info", "warning", "error"] = ""
    q: str = ""
    limit: Annotated[int, Field(ge=1, le=1000)] = log.LINES_PER_PAGE


@router.get("/runs/{uuid:run_id}/log", response=LogWindow, summary="Lines of a run's log")
def log_lines(request: HttpRequest, run_id: UUID, query: Query[LogQuery]) -> log.LogPage:
    """A window of the log, at most ``limit`` lines: the newest, those after a number, or those before one."""
    _check_run(request, run_id)
    wanted = log.LogFilter(query.step, query.level, query.q)
    if query.after is not None:
        return log.following(run_id, query.after, wanted, limit=query.limit)
    return log.newest(run_id, wanted, before=query.before, limit=query.limit)


@router.get("/runs/{uuid:run_id}/log.txt", summary="A run's whole log as a text file")
def log_file(request: HttpRequest, run_id: UUID) -> StreamingHttpResponse:
    """Streamed page by page, so that a long log needs no more memory."""
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


def _next_page(pages: Iterator[list[LogLine]]) -> str:
    return "".join(map(log.as_text, next(pages, [])))


def _check_run(request: HttpRequest, run_id: UUID) -> None:
    tenant = cast(TenantRequest, request).tenant
    if not tenant or not RunProgress.objects.for_tenant(tenant).filter(pk=run_id).exists():
        raise HttpError(404, f"There is no run {run_id}.")
