"""What do the history and the page of a run show?"""

from datetime import datetime
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render

from apps.dashboard import chart, selectors
from apps.dashboard.views.member import member_page
from apps.dashboard.views.shared import run_context
from apps.jobs.choices import RunState
from apps.jobs.selectors import jobs_of
from apps.tenants.current import TenantRequest


@member_page
def run(request: TenantRequest, run_id: UUID) -> HttpResponse:
    """One run, for ever."""
    found = selectors.run_of(request.tenant, run_id)
    if found is None:
        raise Http404(f"There is no run {run_id}.")
    row = selectors.with_volume([found])[0]
    context = run_context(request, found.job, found, as_of_job=False) | {
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


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
