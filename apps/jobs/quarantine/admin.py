"""How do people see, retry and dismiss records that were set aside, in the admin site?"""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.jobs.quarantine import services as quarantine
from apps.raw.models import Quarantine
from apps.raw.selectors import QuarantineQuery
from apps.sources.text import clean
from apps.tenants.admin_base import ReadOnlyTenantAdmin
from apps.tenants.current import actor
from apps.tenants.models import Tenant


class WithReason(ActionForm):
    """The choice of an action, with a field for the reason."""

    reason = forms.CharField(required=False, max_length=500, label="Reason")


@admin.register(Quarantine)
class QuarantineAdmin(ReadOnlyTenantAdmin):
    """Records that were set aside; the reason of an action is typed in the field next to it."""

    list_display = ("external_id", "entity", "stage", "state", "error", "integration", "created_at", "settled_by")
    list_filter = ("state", "stage", "entity", "integration")
    list_select_related = ("integration",)
    search_fields = ("external_id", "error", "fingerprint")
    date_hierarchy = "created_at"
    raw_id_fields = ("raw",)
    action_form = WithReason
    actions = ("retry", "dismiss")

    @admin.action(description="Retry from the stored payload", permissions=["operate"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Quarantine]) -> None:
        """Start one run for each job."""
        for tenant, ids in self._by_tenant(request, queryset):
            retried = quarantine.retry(
                tenant, QuarantineQuery(state="", ids=ids), actor=actor(request), reason=_reason(request)
            )
            for run in retried.runs:
                self.message_user(request, f"{run.job}: the retry was requested.", messages.SUCCESS)
            for sentence in retried.refused:
                self.message_user(request, sentence, messages.WARNING)

    @admin.action(description="Dismiss with a reason", permissions=["operate"])
    def dismiss(self, request: HttpRequest, queryset: QuerySet[Quarantine]) -> None:
        """Keep the records in the list, with the reason."""
        for tenant, ids in self._by_tenant(request, queryset):
            try:
                number = quarantine.dismiss(
                    tenant, QuarantineQuery(ids=ids), actor=actor(request), reason=_reason(request)
                )
            except quarantine.MissingReasonError as error:
                self.message_user(request, str(error), messages.ERROR)
            else:
                self.message_user(request, f"Dismissed records: {number:,}.", messages.SUCCESS)

    def _by_tenant(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[tuple[Tenant, list[int]]]:
        chosen: dict[Tenant, list[int]] = {}
        for record in self.permitted(request, queryset).select_related("tenant"):
            chosen.setdefault(record.tenant, []).append(record.pk)
        return list(chosen.items())


def _reason(request: HttpRequest) -> str:
    return clean(request.POST.get("reason")).strip()
