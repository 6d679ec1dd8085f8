"""Which addresses report the health of the system? One for the supervisor, one for the pages."""

from typing import cast

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from apps.dashboard import health
from apps.tenants.current import NO_TENANT, TenantRequest


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 ``ok`` while the process and its database respond, else 503. It needs no log-in."""
    if health.is_database_up():
        return HttpResponse("ok", content_type="text/plain")
    return HttpResponse("The database does not respond.", content_type="text/plain", status=503)


@require_safe
def system_health(request: HttpRequest) -> JsonResponse:
    """The ``system_health`` message for a member of a tenant; 401 or 403 in JSON for other people."""
    if not request.user.is_authenticated:
        return JsonResponse({"detail": "Log in first."}, status=401)
    tenant = cast(TenantRequest, request).tenant
    if not tenant:
        return JsonResponse({"detail": NO_TENANT}, status=403)
    return JsonResponse(health.as_message(health.checks(tenant)))
