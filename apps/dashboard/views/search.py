"""What does the search page show?"""

from django.http import HttpResponse
from django.shortcuts import render

from apps.dashboard import searching
from apps.dashboard.views.member import member_page
from apps.tenants.current import TenantRequest


@member_page
def search(request: TenantRequest) -> HttpResponse:
    """Search by meaning in everything that is embedded."""
    return render(request, "dashboard/search.html", searching.answer(request.tenant, request.GET))
