"""What can a program ask jobs and runs to do?"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from django.http import HttpRequest
from ninja import Field, Router, Schema, Status
from ninja.errors import HttpError
from pydantic import AfterValidator, ConfigDict

from apps.jobs import selectors
from apps.jobs.choices import RunMode
from apps.jobs.execution import estimate as estimates
from apps.jobs.lifecycle import services
from apps.jobs.lifecycle.controls import RUN_CONTROLS
from apps.jobs.lifecycle.run_request import InvalidRequestError, build_request, known_scopes
from apps.jobs.lifecycle.transitions import WrongStateError
from apps.jobs.models import Job
from apps.progress.events import RunMessage
from apps.progress.selectors import live_run, live_runs, run_of_tenant
from apps.sources.errors import SourceError
from apps.sources.text import clean
from apps.tenants.api_auth import member_tenant
from apps.tenants.current import actor
from apps.tenants.models import Role

router = Router(tags=["jobs"])

Steps = dict[str, dict[str, str]]
# A text that can be stored and compared with what is stored.
Text = Annotated[str, AfterValidator(clean)]
Reason = Annotated[Text, Field(max_length=500)]


class JobAnswer(Schema):
    """A job as the pages show it; ``overall`` is its state, ``next_run`` is null for a job that is switched off."""

    id: int
    name: str
    job_type: str
    overall: str
    run: UUID | None
    error: str
    next_run: datetime | None
    steps: Steps


class RunRequestBody(Schema):
    """How much a run reads: ``mode`` is ``incremental``, ``full``, ``range`` or ``retransform``.

    A range has ``since`` (included) and ``until`` (excluded), both with a time zone, and ``scopes`` (project keys or
    repositories). ``sweep`` makes an incremental run look for deletions although that is not due yet.
    """

    model_config = ConfigDict(extra="forbid")

    mode: str = RunMode.INCREMENTAL.value
    since: datetime | None = None
    until: datetime | None = None
    scopes: list[str] = []
    sweep: bool = False


class StartRequest(RunRequestBody):
    """What to read, and why; the reason is kept in the history."""

    reason: Reason = ""


class ControlRequest(Schema):
    """Why; the reason is kept in the history."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason = ""


class Scopes(Schema):
    """The projects or repositories that a range may name."""

    scopes: list[str]


class Estimated(Schema):
    """How many records of one kind a run would fetch from one project or repository."""

    scope: str
    entity: str
    records: int
    exact: bool


class DryRun(Schema):
    """What a run would fetch; ``exact`` is false if a number is an estimate of the provider or of this product."""

    records: int
    exact: bool
    estimates: list[Estimated]


class Completion(Schema):
    """Whether every stage of the newest run is done."""

    all_finished: bool
    steps_status: Steps


class ResetAnswer(Schema):
    """The job after its reset."""

    success: bool
    overall: str
    steps: Steps


@router.get("/jobs", response=list[JobAnswer], summary="List the jobs")
def list_jobs(request: HttpRequest) -> list[dict[str, Any]]:
    """Every job of the tenant with the state of its stages."""
    tenant = member_tenant(request)
    newest = {run.job: run for run in live_runs(tenant.pk)}
    return [_state(job, newest.get(job.pk)) for job in selectors.jobs_of(tenant)]


@router.get("/jobs/{int:job_id}", response=JobAnswer, summary="One job")
def get_job(request: HttpRequest, job_id: int) -> dict[str, Any]:
    """A job with the state of its stages."""
    return _now(request, job_id)


@router.get("/jobs/{int:job_id}/scopes", response=Scopes, summary="Which projects or repositories can a range name?")
def scopes(request: HttpRequest, job_id: int) -> dict[str, Any]:
    """The projects or repositories that the job has read or is set to read."""
    return {"scopes": known_scopes(job_of(request, job_id))}


@router.post("/jobs/{int:job_id}/estimate", response=DryRun, summary="What would a run fetch?")
def estimate(request: HttpRequest, job_id: int, body: RunRequestBody) -> dict[str, Any]:
    """A dry run: the provider is asked for numbers and nothing is stored; 502 with the provider's error."""
    job = job_of(request, job_id, Role.OPERATOR)
    try:
        found = estimates.estimate(job, build_request(job, **body.dict()))
    except InvalidRequestError as error:
        raise HttpError(422, str(error)) from error
    except SourceError as error:
        raise HttpError(502, str(error)) from error
    return {
        "records": sum(one.records for one in found),
        "exact": all(one.is_exact for one in found),
        "estimates": [msgspec.to_builtins(one) for one in found],
    }


@router.post("/jobs/{int:job_id}/start", response={202: JobAnswer}, summary="Start a run")
def start(request: HttpRequest, job_id: int, body: StartRequest) -> Status[Any]:
    """Start a run, or queue it until the tenant may run one more; 409 if the job's state does not allow it."""
    job = job_of(request, job_id, Role.OPERATOR)
    try:
        asked = build_request(job, **body.dict(exclude={"reason"}))
        services.start(job, actor=actor(request), request=asked, reason=body.reason)
    except InvalidRequestError as error:
        raise HttpError(422, str(error)) from error
    except WrongStateError as error:
        raise HttpError(409, str(error)) from error
    return Status(202, _now(request, job_id))


@router.get("/jobs/{int:job_id}/check-completion", response=Completion, summary="Are all stages finished?")
def check_completion(request: HttpRequest, job_id: int) -> dict[str, Any]:
    """The page asks this before it resets a finished job."""
    job = job_of(request, job_id)
    status = selectors.steps_status(job)
    unfinished = selectors.unfinished_stages(job, status)
    return {"all_finished": not unfinished, "steps_status": status, "unfinished": unfinished}


@router.post("/jobs/{int:job_id}/reset", response=ResetAnswer, summary="Make a finished job ready again")
def reset(request: HttpRequest, job_id: int, body: ControlRequest | None = None) -> dict[str, Any]:
    """FINISHED → READY; safe to repeat, 409 for an active job. The body is optional."""
    job = job_of(request, job_id, Role.OPERATOR)
    try:
        job = services.reset(job, actor=actor(request), reason=body.reason if body else "")
    except WrongStateError as error:
        raise HttpError(409, str(error)) from error
    return {"success": True, "overall": job.state, "steps": _state(job, live_run(job.pk))["steps"]}


@router.post("/jobs/{int:job_id}/{action}", response={202: JobAnswer}, summary="Pause, resume, retry or stop")
def control(request: HttpRequest, job_id: int, action: str, body: ControlRequest) -> Status[Any]:
    """One of pause, resume, retry, stop; 409 with the possible actions if the state does not allow it."""
    job = job_of(request, job_id, Role.OPERATOR)
    if action not in RUN_CONTROLS:
        raise HttpError(404, f"There is no action {action!r}. The actions are start, {', '.join(RUN_CONTROLS)}.")
    try:
        RUN_CONTROLS[action].perform(job, actor=actor(request), reason=body.reason)
    except WrongStateError as error:
        raise HttpError(409, str(error)) from error
    return Status(202, _now(request, job_id))


@router.get("/runs/{uuid:run_id}", summary="The visible state of a run")
def get_run(request: HttpRequest, run_id: UUID) -> dict[str, Any]:
    """The snapshot that the WebSocket sends; a page without a socket polls it."""
    message = run_of_tenant(member_tenant(request).pk, run_id)
    if message is None:
        raise HttpError(404, f"There is no run {run_id}.")
    return message.as_json()


def job_of(request: HttpRequest, job_id: int, needed: Role = Role.VIEWER) -> Job:
    """The job that a request is about; 404 for another tenant's job, else 403 without the role."""
    try:
        job = selectors.job_of(member_tenant(request), job_id)
    except selectors.UnknownJobError as error:
        raise HttpError(404, str(error)) from error
    member_tenant(request, needed)
    return job


def _now(request: HttpRequest, job_id: int) -> dict[str, Any]:
    job = job_of(request, job_id)
    return _state(job, live_run(job.pk))


def _state(job: Job, newest: RunMessage | None) -> dict[str, Any]:
    return {
        "id": job.pk,
        "name": job.name,
        "job_type": job.job_type,
        "overall": job.state,
        "run": UUID(newest.run) if newest else None,
        "error": job.error,
        "next_run": job.next_run,
        "steps": newest.steps if newest else selectors.idle_steps(job),
    }
