"""What can a program ask of jobs and runs?"""

from typing import Any, cast
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema
from ninja.errors import HttpError

from apps.jobs import selectors, services
from apps.jobs.choices import RunMode
from apps.jobs.machine import WrongState
from apps.jobs.models import Job
from apps.jobs.services import Scope
from apps.progress.selectors import run_of_tenant
from apps.tenants.current import TenantRequest
from apps.tenants.models import Role, User
from apps.tenants.permissions import require

router = Router(tags=["jobs"])

Steps = dict[str, dict[str, str]]


class JobState(Schema):
    """A job as the pages show it; ``overall`` is its state."""

    id: int
    name: str
    job_type: str
    overall: str
    run: UUID | None
    error: str
    steps: Steps


class StartRequest(Schema):
    """``full`` reads everything again instead of what changed."""

    full: bool = False
    reason: str = ""


class ControlRequest(Schema):
    """Why it is asked for; kept in the history."""

    reason: str = ""


class Completion(Schema):
    """Whether every stage of the newest run is done."""

    all_finished: bool
    steps_status: Steps


class ResetAnswer(Schema):
    """The job after its reset."""

    success: bool
    overall: str
    steps: Steps


@router.get("/jobs", response=list[JobState], summary="List the jobs")
def list_jobs(request: HttpRequest) -> list[dict[str, Any]]:
    """Every job of the tenant with the state of its stages."""
    return [_state(job) for job in selectors.jobs_of(_tenant_id(request))]


@router.get("/jobs/{int:job_id}", response=JobState, summary="One job")
def get_job(request: HttpRequest, job_id: int) -> dict[str, Any]:
    """A job with the state of its stages."""
    return _state(_job(request, job_id))


@router.post("/jobs/{int:job_id}/start", response={202: JobState}, summary="Start a run")
def start(request: HttpRequest, job_id: int, body: StartRequest) -> tuple[int, dict[str, Any]]:
    """Begin a run, or queue it until it is this tenant's turn; 409 when the job's state does not allow it."""
    job = _job(request, job_id, Role.OPERATOR)
    scope = Scope(RunMode.FULL if body.full else RunMode.INCREMENTAL)
    try:
        services.start(job, actor=_actor(request), scope=scope, reason=body.reason)
    except WrongState as error:
        raise HttpError(409, str(error)) from error
    return 202, _state(_job(request, job_id))


@router.get("/jobs/{int:job_id}/check-completion", response=Completion, summary="Are all stages finished?")
def check_completion(request: HttpRequest, job_id: int) -> dict[str, Any]:
    """What the page asks before it resets a finished job."""
    job = _job(request, job_id)
    return {"all_finished": selectors.all_finished(job), "steps_status": selectors.steps_status(job)}


@router.post("/jobs/{int:job_id}/reset", response=ResetAnswer, summary="Make a finished job ready again")
def reset(request: HttpRequest, job_id: int) -> dict[str, Any]:
    """FINISHED → READY; safe to repeat, 409 for an active job."""
    job = _job(request, job_id, Role.OPERATOR)
    try:
        job = services.reset(job, actor=_actor(request))
    except WrongState as error:
        raise HttpError(409, str(error)) from error
    return {"success": True, "overall": job.state, "steps": _state(job)["steps"]}


@router.post("/jobs/{int:job_id}/{action}", response={202: JobState}, summary="Pause, resume, retry or stop")
def control(request: HttpRequest, job_id: int, action: str, body: ControlRequest) -> tuple[int, dict[str, Any]]:
    """One of pause, resume, retry, stop; 409 with what is possible when the state does not allow it."""
    job = _job(request, job_id, Role.OPERATOR)
    if action not in services.CONTROLS:
        raise HttpError(
            404, f"There is no action {action!r}; there are {', '.join(services.CONTROLS)}, start and reset."
        )
    try:
        services.CONTROLS[action](job, actor=_actor(request), reason=body.reason)
    except WrongState as error:
        raise HttpError(409, str(error)) from error
    return 202, _state(_job(request, job_id))


@router.get("/runs/{uuid:run_id}", summary="The visible state of a run")
def get_run(request: HttpRequest, run_id: UUID) -> dict[str, Any]:
    """The same snapshot that the WebSocket sends: what a page polls when it has no socket."""
    message = run_of_tenant(_tenant_id(request), run_id)
    if message is None:
        raise HttpError(404, f"There is no run {run_id}.")
    return message.as_json()


def _tenant_id(request: HttpRequest) -> int:
    tenant = cast(TenantRequest, request).tenant
    if not tenant:
        raise HttpError(403, "You have no role in any tenant: ask an admin for one.")
    return tenant.pk


def _job(request: HttpRequest, job_id: int, needed: Role = Role.VIEWER) -> Job:
    try:
        job = selectors.job_of(_tenant_id(request), job_id)
    except selectors.NoSuchJob as error:
        raise HttpError(404, str(error)) from error
    require(cast(User, request.user), job.tenant_id, needed)
    return job


def _actor(request: HttpRequest) -> str:
    return cast(User, request.user).get_username()


def _state(job: Job) -> dict[str, Any]:
    run = selectors.newest_run(job)
    return {
        "id": job.pk,
        "name": job.name,
        "job_type": job.job_type,
        "overall": job.state,
        "run": run.pk if run else None,
        "error": job.error,
        "steps": selectors.visible_steps(job),
    }
