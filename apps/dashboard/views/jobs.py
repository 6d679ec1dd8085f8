"""What do the list of jobs and the page of a job show?"""

from django.http import Http404, HttpResponse
from django.shortcuts import render

from apps.dashboard import selectors
from apps.dashboard.views.member import member_page
from apps.dashboard.views.shared import run_context
from apps.jobs.choices import JobState
from apps.jobs.selectors import NoSuchJob, job_of, newest_run
from apps.sources.registry import job_type_choices
from apps.tenants.current import TenantRequest


@member_page
def jobs(request: TenantRequest) -> HttpResponse:
    """The jobs, narrowed by what the address says."""
    wanted = {name: request.GET.get(name, "").strip() for name in ("state", "type", "q")}
    rows = selectors.filtered_jobs(request.tenant, state=wanted["state"], job_type=wanted["type"], text=wanted["q"])
    context = {
        "overviews": selectors.overviews(request.tenant, request.role, rows),
        "wanted": wanted,
        "states": JobState.choices,
        "types": job_type_choices(),
    }
    return render(request, "dashboard/jobs.html", context)


@member_page
def job(request: TenantRequest, job_id: int) -> HttpResponse:
    """One job: what it does now, what can be asked of it, what it did."""
    try:
        found = job_of(request.tenant, job_id)
    except NoSuchJob as error:
        raise Http404(str(error)) from error
    newest = newest_run(found)
    context = run_context(request, found, newest, as_of_job=True) | {
        "changes": selectors.changes_of(found),
        "recent": selectors.recent_runs(found),
    }
    return render(request, "dashboard/job.html", context)
