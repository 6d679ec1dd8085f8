"""Who may see a page? Members of a tenant. Other people have to log in, or are asked to get a role from an admin."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from apps.tenants.current import TenantRequest


def member_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page for members of a tenant. Other people have to log in, or are asked to get a role from an admin."""
    return require_safe(_of_members(view))


def member_form(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A view that receives a form of such a page."""
    return require_POST(_of_members(view))


def _of_members(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not cast(TenantRequest, request).tenant:
            return render(request, "dashboard/no_tenant.html", status=403)
        return view(request, *args, **kwargs)

    return login_required(checked)
