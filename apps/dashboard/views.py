"""What does each page show? Thin: the right to see it is checked, a selector is asked, a template drawn."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, cast
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.dashboard import chart, health, searching, selectors, set_aside
from apps.dashboard.controls import controls_of
from apps.jobs.choices import JobState, RunState
from apps.jobs.models import Job, Run
from apps.jobs.selectors import NoSuchJob, job_of, jobs_of, newest_run
from apps.progress.selectors import run_of_tenant
from apps.sources.definition import ALL_STAGES
from apps.sources.registry import definition, job_type_choices
from apps.tenants.current import TenantRequest


def member_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page for people with a role in a tenant: others log in, or are told whom to ask."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not cast(TenantRequest, request).tenant:
            return render(request, "dashboard/no_tenant.html", status=403)
        return view(request, *args, **kwargs)

    return require_safe(login_required(checked))


@member_page
def home(request: TenantRequest) -> HttpResponse:
    """Every job at a glance, and whether all is well."""
    found = selectors.overviews(request.tenant, request.role)
    return render(request, "dashboard/home.html", {"overviews": found, "checks": health.known_checks(request.tenant)})


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
    context = _run_context(request, found, newest, as_of_job=True) | {
        "changes": selectors.changes_of(found),
        "recent": selectors.recent_runs(found),
    }
    return render(request, "dashboard/job.html", context)


@member_page
def run(request: TenantRequest, run_id: UUID) -> HttpResponse:
    """One run, for ever."""
    found = selectors.run_of(request.tenant, run_id)
    if found is None:
        raise Http404(f"There is no run {run_id}.")
    row = selectors.with_volume([found])[0]
    context = _run_context(request, found.job, found, as_of_job=False) | {
        "changes": selectors.changes_of(found.job, found),
        "row": row,
    }
    return render(request, "dashboard/run.html", context)


@member_page
def runs(request: TenantRequest) -> HttpResponse:
    """The history, newest first."""
    job_text, state, before = (request.GET.get(name, "") for name in ("job", "state", "before"))
    job_id = int(job_text) if job_text.isdecimal() and len(job_text) < 18 else None
    rows, more = selectors.run_page(
        request.tenant,
        job_id=job_id,
        state=state if state in RunState.values else "",
        before=_moment(before),
    )
    context = {
        "rows": rows,
        "more": more.isoformat() if more else "",
        "jobs": list(jobs_of(request.tenant)),
        "states": RunState.choices,
        "wanted": {"job": job_id, "state": state, "before": before},
        "durations": chart.duration_chart(rows),
        "volumes": chart.volume_chart(rows),
    }
    return render(request, "dashboard/runs.html", context)


@member_page
def quarantine(request: TenantRequest) -> HttpResponse:
    """What was set aside, by kind of error."""
    return render(request, "dashboard/quarantine.html", {"groups": set_aside.groups(request.tenant)})


@member_page
def quarantine_group(request: TenantRequest, fingerprint: str) -> HttpResponse:
    """The records of one group."""
    rows = set_aside.open_records(request.tenant, fingerprint).select_related("integration")
    records = list(rows[: set_aside.LISTED])
    if not records:
        raise Http404("Nothing of this kind is set aside any more.")
    return render(request, "dashboard/quarantine_group.html", {"records": records, "number": rows.count()})


@member_page
def quarantine_record(request: TenantRequest, record_id: int) -> HttpResponse:
    """One record with its payload as the provider sent it."""
    record = set_aside.record_of(request.tenant, record_id)
    if record is None:
        raise Http404("There is no such record.")
    payload = set_aside.pretty(record.raw.payload) if record.raw else ""
    return render(request, "dashboard/quarantine_record.html", {"record": record, "payload": payload})


@member_page
def search(request: TenantRequest) -> HttpResponse:
    """Search by meaning in what is embedded."""
    return render(request, "dashboard/search.html", searching.answer(request.tenant, request.GET))


def _run_context(request: TenantRequest, job: Job, run: Run | None, *, as_of_job: bool) -> dict[str, object]:
    """What the pages of a job and of a run have in common."""
    live = run_of_tenant(request.tenant.pk, run.pk) if run else None
    return {
        "job": job,
        "run": run,
        "live": live,
        "definition": definition(job.job_type),
        "stages": [stage.value for stage in ALL_STAGES],
        "matrix": selectors.matrix(run, job, live, as_of_job=as_of_job),
        "plan": selectors.plan(run, job, live, as_of_job=as_of_job),
        "counts": selectors.count_rows(run) if run else [],
        "controls": controls_of(job, request.role),
    }


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
