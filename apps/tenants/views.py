"""What do the pages of the user's session do?"""

from typing import cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from apps.tenants.current import remember_tenant
from apps.tenants.models import User
from apps.tenants.selectors import tenants_of


@require_safe
@login_required
def start(request: HttpRequest) -> HttpResponse:
    """Redirect to the start page that the person has chosen."""
    return redirect(cast(User, request.user).start_page)


@require_POST
@login_required
def switch_tenant(request: HttpRequest) -> HttpResponse:
    """Switch to the tenant with the slug ``tenant``, then redirect to ``next`` or the home page."""
    remember_tenant(request, get_object_or_404(tenants_of(request.user), slug=request.POST.get("tenant", "")))
    target = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return redirect(target if safe else resolve_url("home"))
