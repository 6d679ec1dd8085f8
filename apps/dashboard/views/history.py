"""What does the page of all runs show?"""

from collections.abc import Mapping
from datetime import date, datetime
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render

from apps.dashboard import chart, history, run_rows
from apps.dashboard.views.member import member_page
from apps.progress.choices import RunState
from apps.tenants.current import TenantRequest


@member_page
def runs(request: TenantRequest) -> HttpResponse:
    """The grid of jobs and days, and the runs, newest first."""
    wanted = _wanted(request.GET)
    found, last = history.run_page(request.tenant, wanted)
    rows = run_rows.with_volume(found)
    grid = history.grid(request.tenant)
    context = {
        "rows": rows,
        "wanted": wanted,
        "narrowing": _narrowing(wanted),
        "before": f"{last.created_at.isoformat()},{last.pk}" if last else "",
        "grid": grid,
        "states": RunState.choices,
        "durations": chart.duration_chart(rows),
        "volumes": chart.volume_chart(rows),
    }
    return render(request, "dashboard/runs.html", context)


def _wanted(query: Mapping[str, str]) -> history.RunFilter:
    """The filter in the address. Invalid values are ignored."""
    job, state = query.get("job", ""), query.get("state", "")
    moment, _, run_id = query.get("before", "").partition(",")
    try:
        before = (datetime.fromisoformat(moment), UUID(run_id))
    except ValueError:
        before = None
    try:
        day = date.fromisoformat(query.get("day", ""))
    except ValueError:
        day = None
    return history.RunFilter(
        job_id=int(job) if job.isdecimal() and len(job) < 18 else None,
        state=state if state in RunState.values else "",
        day=day,
        before=before if before and before[0].tzinfo else None,
    )


def _narrowing(wanted: history.RunFilter) -> str:
    """The query string of the filter without the page position."""
    return urlencode({"job": wanted.job_id or "", "state": wanted.state, "day": wanted.day or ""})
