"""What do the pages of records that were set aside show?"""

from dataclasses import replace

from django.http import Http404, HttpResponse
from django.shortcuts import render

from apps.dashboard import set_aside
from apps.dashboard.views.member import member_page
from apps.jobs.quarantine.services import can_retry
from apps.raw.selectors import quarantined
from apps.tenants.current import TenantRequest


@member_page
def quarantine(request: TenantRequest) -> HttpResponse:
    """The records that were set aside, grouped by error."""
    chosen = set_aside.filter_of(request.tenant, request.GET)
    context = {
        "filter": chosen,
        "groups": set_aside.groups(request.tenant, chosen.wanted),
        "number": quarantined(request.tenant, chosen.wanted).count(),
        "why_not": set_aside.why_not(request.role),
    }
    return render(request, "dashboard/quarantine.html", context)


@member_page
def quarantine_group(request: TenantRequest, fingerprint: str) -> HttpResponse:
    """The records of one group of equal errors."""
    chosen = set_aside.filter_of(request.tenant, request.GET)
    records, number = set_aside.records(request.tenant, chosen.wanted, fingerprint)
    if not records and not quarantined(request.tenant, replace(chosen.wanted, state="", fingerprint=fingerprint)):
        raise Http404("No record with this error is set aside any more.")
    context = {
        "filter": chosen,
        "fingerprint": fingerprint,
        "records": records,
        "number": number,
        "why_not": set_aside.why_not(request.role),
    }
    return render(request, "dashboard/quarantine_group.html", context)


@member_page
def quarantine_record(request: TenantRequest, record_id: int) -> HttpResponse:
    """One record with its payload as the provider sent it."""
    record = set_aside.record_of(request.tenant, record_id)
    if record is None:
        raise Http404("This record does not exist.")
    context = {
        "record": record,
        "payload": set_aside.pretty(record.raw.text) if record.raw else "",
        "can_retry": can_retry(record),
        "why_not": set_aside.why_not(request.role),
    }
    return render(request, "dashboard/quarantine_record.html", context)
