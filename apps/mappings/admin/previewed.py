"""How does a person see what a change does before it is saved? The change is made, measured and rolled back first."""

from collections.abc import Callable, Iterable
from typing import Any, cast

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from apps.mappings.preview import Preview, preview
from apps.mappings.selectors import faults
from apps.tenants.admin_base import TenantAdmin, tenants_with
from apps.tenants.models import Role

CONFIRMED = "_confirmed"
POPUP = "_popup"


class RequestOnTrial(HttpRequest):
    """A request that only tries a change. Its messages to the user are dropped."""

    is_on_trial: bool


class PreviewedAdmin(TenantAdmin):
    """An admin whose changes are confirmed on a page that shows their effect on issues and metrics."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Adding and changing a row."""
        view = super().changeform_view
        rows = [object_id] if object_id else []
        return self.previewed(request, lambda: view(request, object_id, form_url, extra_context), rows)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Edits in the list, and actions."""
        view = super().changelist_view
        posted = request.POST.items()
        rows = [str(value) for name, value in posted if name.startswith("form-") and name.endswith("-id")]
        chosen = request.POST.getlist("_selected_action")
        return self.previewed(request, lambda: view(request, extra_context), rows + chosen)

    def previewed(self, request: HttpRequest, view: Callable[[], HttpResponse], rows: list[str]) -> HttpResponse:
        """Run ``view``, which changes ``rows`` (ids) or adds a row. A change that affects issues must be confirmed.

        A view that saved something answers with a redirect. Any other answer (errors, a question, a file) means that
        nothing was changed.
        """
        if request.method != "POST" or POPUP in request.POST:
            return view()
        if CONFIRMED not in request.POST:
            seen, response = self.try_out(request, view, self.tenants_of(request, rows))
            if seen or not isinstance(response, HttpResponseRedirect):
                return self.ask(request, seen) if isinstance(response, HttpResponseRedirect) else response
        return self.apply(request, view)

    def tenants_of(self, request: HttpRequest, rows: list[str]) -> list[int]:
        """The tenants whose issues a change of ``rows`` can affect; for a new row, all that the user may change."""
        writable = tenants_with(request, Role.ADMIN)
        if not rows or request.POST.get("select_across") == "1":
            return writable
        ids = [unquote(row) for row in rows]
        known = self.model._default_manager.filter(pk__in=[pk for pk in ids if pk.isdecimal()], tenant__in=writable)
        return list(known.order_by().values_list("tenant", flat=True).distinct())

    def try_out(
        self, request: HttpRequest, view: Callable[[], HttpResponse], tenants: list[int]
    ) -> tuple[Preview, HttpResponse]:
        """What ``view`` would change, and its answer. The change is rolled back and its messages are dropped."""
        trial = cast(RequestOnTrial, request)
        trial.is_on_trial = True
        try:
            return preview(tenants=tenants, change=view)
        finally:
            trial.is_on_trial = False

    def apply(self, request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
        """Run ``view`` and keep the change, unless a workflow could not be used afterwards."""
        tenants = tenants_with(request, Role.ADMIN)
        with transaction.atomic():
            before = faults(tenants)
            response = view()
            new = faults(tenants) - before
            if new:
                transaction.set_rollback(True)
        if new:
            list(messages.get_messages(request))  # drop them: they are about the change that was rolled back
            return self.ask(request, Preview(0, 0, (), tuple(sorted(new))))
        return response

    def message_user(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Show the message, unless the request only tries a change."""
        if not getattr(request, "is_on_trial", False):
            super().message_user(request, *args, **kwargs)

    def ask(
        self, request: HttpRequest, seen: Preview, fields: Iterable[tuple[str, str]] | None = None
    ) -> TemplateResponse:
        """The preview page of a change. Confirming it sends ``fields``, or else the same form, again."""
        sent = [(name, value) for name, values in request.POST.lists() for value in values]
        kept = [(name, value) for name, value in fields or sent if name != "csrfmiddlewaretoken"]
        return self.page(request, "preview", title="Preview changes", preview=seen, fields=[*kept, (CONFIRMED, "1")])

    def page(self, request: HttpRequest, template: str, **context: Any) -> TemplateResponse:
        """A page of this app in the admin site."""
        common = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media}
        return TemplateResponse(request, f"admin/mappings/{template}.html", common | context)
