"""Which small addresses serve machines? One for the supervisor, one for the pages' own health strip."""

from typing import cast

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from apps.dashboard import health
from apps.tenants.current import NO_TENANT, TenantRequest


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 ``ok`` while the process and its database answer, else 503; without log-in."""
    if health.database_answers():
        return HttpResponse("ok", content_type="text/plain")
    return HttpResponse("The database does not answer.", content_type="text/plain", status=503)


@require_safe
def system_health(request: HttpRequest) -> JsonResponse:
    """The ``system_health`` message for a member of a tenant; 401 or 403 in JSON for others."""
    if not request.user.is_authenticated:
        return JsonResponse({"detail": "Log in first."}, status=401)
    tenant = cast(TenantRequest, request).tenant
    if not tenant:
        return JsonResponse({"detail": NO_TENANT}, status=403)
    return JsonResponse(health.as_message(health.checks(tenant)))
