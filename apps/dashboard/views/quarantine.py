"""What do the pages about data that was set aside show?"""

from django.http import Http404, HttpResponse
from django.shortcuts import render

from apps.dashboard import set_aside
from apps.dashboard.views.member import member_page
from apps.tenants.current import TenantRequest


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
