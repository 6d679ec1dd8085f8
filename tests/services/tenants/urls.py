"""Which pages do these tests visit? The admin site, the log-in, and an API with one read and one write."""

from typing import cast

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from ninja import NinjaAPI

from apps.tenants.api import router
from apps.tenants.api_auth import API_AUTH, answer_refusals_in_json
from apps.tenants.current import TenantRequest
from apps.tenants.models import Role, Tenant
from apps.tenants.permissions import require

api = NinjaAPI(auth=API_AUTH, urls_namespace="tenants-tests")
answer_refusals_in_json(api)
api.add_router("/token", router)


@api.get("/whoami")
def whoami(request: HttpRequest) -> dict[str, str]:
    known = cast(TenantRequest, request)
    return {"user": known.user.username, "tenant": known.tenant.slug, "role": str(known.role)}


@api.post("/tenants/{slug}/act")
def act(request: HttpRequest, slug: str) -> dict[str, bool]:
    tenant = Tenant.objects.filter(slug=slug).first()
    require(request.user, tenant.pk if tenant else 0, Role.OPERATOR)
    return {"done": True}


def home(request: HttpRequest) -> HttpResponse:
    known = cast(TenantRequest, request)
    return HttpResponse(f"{known.tenant.slug}:{known.role}" if known.tenant else "nowhere")


async def home_async(request: HttpRequest) -> HttpResponse:
    from asgiref.sync import sync_to_async

    return await sync_to_async(home)(request)


urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", api.urls),
    path("", include("apps.tenants.urls")),
    path("", home, name="home"),
    path("async/", home_async),
]
