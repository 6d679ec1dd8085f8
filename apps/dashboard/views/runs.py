"""What does the page of a run show?"""

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render

from apps.dashboard import selectors
from apps.dashboard.views.member import member_page
from apps.dashboard.views.shared import run_context
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
