"""How does a program see and change when a job runs?"""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import ConfigDict

from apps.jobs.api.jobs import job_of
from apps.jobs.forms import ScheduleForm, problems, settings_form
from apps.jobs.lifecycle.planning import database_time
from apps.jobs.lifecycle.schedule import occurrences
from apps.jobs.lifecycle.upcoming import describe, upcoming
from apps.tenants.current import actor
from apps.tenants.models import Role

router = Router(tags=["jobs"])


class Settings(Schema):
    """When a job runs, is retried and looks for deletions. A setting that is not given does not change."""

    model_config = ConfigDict(extra="forbid")

    is_active: bool | None = None
    interval_minutes: int | None = None
    rule: str | None = None
    time_zone: str | None = None
    retry_minutes: int | None = None
    max_retries: int | None = None
    sweep_hours: int | None = None


class Written(Schema):
    """:class:`Settings` as a person has typed them."""

    is_active: str | None = None
    interval_minutes: str | None = None
    rule: str | None = None
    time_zone: str | None = None
    retry_minutes: str | None = None
    max_retries: str | None = None
    sweep_hours: str | None = None


class Occurrence(Schema):
    """One time at which a job will run, in the time zone of its rule and in that of the user."""

    at: datetime
    local: str
    here: str


class Coming(Schema):
    """What a schedule means, in words, and its next times; none for a job that is switched off."""

    description: str
    occurrences: list[Occurrence]


class Refused(Schema):
    """What is wrong, together and by field."""

    detail: str
    errors: dict[str, str]


Answers = {200: Coming, 422: Refused}


@router.get("/jobs/{int:job_id}/schedule-preview", response=Answers, summary="What would these settings mean?")
def preview(request: HttpRequest, job_id: int, written: Query[Written]) -> Status[Any]:
    """The next times by settings that are not stored yet; 422 says what is wrong with which field."""
    job = job_of(request, job_id)
    form = settings_form(job, written.dict(exclude_none=True))
    if not form.is_valid():
        return _refusal(form)
    times = occurrences(form.schedule, database_time(), last_start=job.last_run_started_at)
    return Status(200, describe(form.schedule, times if form.cleaned_data["is_active"] else []))


@router.patch("/jobs/{int:job_id}/schedule", response=Answers, summary="Change when a job runs")
def change(request: HttpRequest, job_id: int, body: Settings) -> Status[Any]:
    """Store settings; the history says who changed what. 422 says what is wrong with which field."""
    job = job_of(request, job_id, Role.OPERATOR)
    form = settings_form(job, body.dict(exclude_none=True))
    if not form.is_valid():
        return _refusal(form)
    form.store(actor=actor(request))
    return Status(200, upcoming(job))


def _refusal(form: ScheduleForm) -> Status[Any]:
    errors = problems(form)
    return Status(422, {"detail": " ".join(errors.values()), "errors": errors})
