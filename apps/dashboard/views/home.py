"""What does the home page show?"""

from django.http import HttpResponse
from django.shortcuts import render

from apps.dashboard import health, overviews
from apps.dashboard.views.member import member_page
from apps.integrations.selectors import token_warnings
from apps.tenants.current import TenantRequest


@member_page
def home(request: TenantRequest) -> HttpResponse:
    """An overview of all jobs, and the health of the system."""
    found = overviews.overviews(request.tenant, request.role)
    context = {
        "overviews": found,
        "checks": health.known_checks(request.tenant),
        "token_warnings": token_warnings(request.tenant),
    }
    return render(request, "dashboard/home.html", context)
