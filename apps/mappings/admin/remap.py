"""How do people map many types or statuses at once, and see what is not mapped?"""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from apps.mappings.admin.base import MappingAdmin
from apps.mappings.selectors import misplaced, unmapped
from apps.mappings.services import target_field
from apps.tenants.admin_base import tenants_with
from apps.tenants.models import Role, Tenant


class RemapAdmin(MappingAdmin):
    """The admin of a mapping table in which one target can be set for many rows."""

    actions: Sequence[str] = ("map_selected", *MappingAdmin.actions)

    @admin.action(description="Map selected rows to …", permissions=["change"])
    def map_selected(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        field = target_field(self.model)
        target = self.formfield_for_dbfield(self.opts.get_field(field), request=request)  # type: ignore[arg-type]
        form = forms.Form(request.POST if field in request.POST else None)
        form.fields[field] = target  # type: ignore[assignment]
        if form.is_valid():
            chosen = form.cleaned_data[field]
            self.edit(request, rows.filter(tenant=chosen.tenant_id), **{field: chosen})
            return None
        fields = [
            (name, value)
            for name in ("action", "_selected_action", "select_across", "index")
            for value in request.POST.getlist(name)
        ]
        return self.page(request, "choose_target", title="Map selected rows", form=form, rows=rows, fields=fields)

    def get_urls(self) -> list[URLPattern]:
        """Add the page of unmapped types and statuses."""
        page = path("unmapped/", self.admin_site.admin_view(self.unmapped_view), name=self.url_name("unmapped"))
        return [page, *super().get_urls()]

    def unmapped_view(self, request: HttpRequest) -> HttpResponse:
        """Types and statuses without a mapping, and parents that the hierarchy does not allow."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        tenants = Tenant.objects.filter(pk__in=tenants_with(request, Role.VIEWER))
        found = [(tenant, unmapped(tenant), misplaced(tenant)) for tenant in tenants]
        return self.page(request, "unmapped", title="Unmapped types and statuses", found=found)
