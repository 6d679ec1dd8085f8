"""What do the list of jobs and the page of a job show, and how are a job's settings saved?"""

from typing import cast

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render

from apps.dashboard import overviews, run_rows, selectors
from apps.dashboard.views.member import member_form, member_page
from apps.dashboard.views.shared import run_context
from apps.jobs.forms import ScheduleForm
from apps.jobs.lifecycle.planning import schedule_of
from apps.jobs.lifecycle.upcoming import upcoming
from apps.jobs.models import Job
from apps.jobs.queue import stats
from apps.jobs.selectors import UnknownJobError, job_of, newest_run
from apps.progress.choices import JobState
from apps.progress.events import RunMessage
from apps.sources.registry import job_type_choices
from apps.tenants.current import TenantRequest, actor
from apps.tenants.models import Role
from apps.tenants.permissions import may_act_as, require


@member_page
def jobs(request: TenantRequest) -> HttpResponse:
    """The jobs that match the filter in the address."""
    wanted = {name: request.GET.get(name, "").strip() for name in ("state", "type", "q")}
    rows = overviews.filtered_jobs(request.tenant, state=wanted["state"], job_type=wanted["type"], text=wanted["q"])
    context = {
        "overviews": overviews.overviews(request.tenant, request.role, rows),
        "wanted": wanted,
        "states": JobState.choices,
        "types": job_type_choices(),
        "queues": stats.queues(request.tenant),
        "work": stats.work(request.tenant),
    }
    return render(request, "dashboard/jobs.html", context)


@member_page
def job(request: TenantRequest, job_id: int) -> HttpResponse:
    """One job: what it does now, its controls, and its last runs."""
    found = _job(request, job_id)
    return _page(request, found, ScheduleForm(instance=found))


@member_form
def settings(request: TenantRequest, job_id: int) -> HttpResponse:
    """Save the settings of a job. Errors are shown beside their fields."""
    found = _job(request, job_id)
    require(request.user, found.tenant_id, Role.OPERATOR)
    form = ScheduleForm(request.POST, instance=found)
    if not form.is_valid():
        return _page(request, _job(request, job_id), form, status=422)
    form.store(actor=actor(request), reason=request.POST.get("reason", "").strip())
    messages.success(request, f"Settings of {found.name} saved.")
    return redirect("job", job_id)


def _job(request: TenantRequest, job_id: int) -> Job:
    try:
        return job_of(request.tenant, job_id)
    except UnknownJobError as error:
        raise Http404(str(error)) from error


def _page(request: TenantRequest, found: Job, form: ScheduleForm, status: int = 200) -> HttpResponse:
    context = run_context(request, found, newest_run(found), is_job_page=True)
    context |= {
        "state": overviews.job_state(found, cast("RunMessage | None", context["live"])),
        "changes": selectors.changes_of(found),
        "recent": run_rows.recent_runs(found),
        "coming": upcoming(found),
        "planned": schedule_of(found),
        "settings_form": form,
        "may_change": may_act_as(request.role, Role.OPERATOR),
    }
    return render(request, "dashboard/job.html", context, status=status)
