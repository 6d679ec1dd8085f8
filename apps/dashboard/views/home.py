"""What does the home page show?"""

from django.http import HttpResponse
from django.shortcuts import render

from apps.dashboard import health, selectors
from apps.dashboard.views.member import member_page
from apps.tenants.current import TenantRequest


@member_page
def home(request: TenantRequest) -> HttpResponse:
    """Every job at a glance, and whether all is well."""
    found = selectors.overviews(request.tenant, request.role)
    return render(request, "dashboard/home.html", {"overviews": found, "checks": health.known_checks(request.tenant)})
