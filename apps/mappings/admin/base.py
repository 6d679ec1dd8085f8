"""What can people do in every mapping table? Activate, deactivate, delete with reassignment, import and export."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from apps.mappings.admin.previewed import CONFIRMED, PreviewedAdmin
from apps.mappings.csv_files import FORMATS, CsvError, export_csv, import_csv
from apps.mappings.services import delete_row, impact, targets_of
from apps.tenants.admin_base import tenants_with
from apps.tenants.models import Role, Tenant

# The preview page sends the text back, and each byte may take three. Three times this is below
# DATA_UPLOAD_MAX_MEMORY_SIZE.
MAX_CSV_BYTES = 800_000


class ReassignForm(forms.Form):
    """Which row takes over from the deleted one?"""

    reassign_to: forms.Field = forms.ModelChoiceField(
        queryset=None, required=False, label="Reassign to", empty_label="(nothing)"
    )

    def __init__(self, *args: Any, targets: QuerySet[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reassign_to"].queryset = targets  # type: ignore[attr-defined]


class ImportForm(forms.Form):
    """A CSV file, or its text when the preview page sends it back."""

    tenant: forms.Field = forms.ModelChoiceField(queryset=None, empty_label=None)
    file = forms.FileField(required=False, allow_empty_file=True, label="CSV file")
    text = forms.CharField(required=False, strip=False, widget=forms.HiddenInput())

    def __init__(self, *args: Any, tenants: list[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tenant"].queryset = Tenant.objects.filter(pk__in=tenants)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Read the file into ``text``."""
        values = super().clean() or self.cleaned_data
        file = values.get("file")
        if file and file.size > MAX_CSV_BYTES:
            raise ValidationError(f"The file is larger than {MAX_CSV_BYTES // 1000} kB. Split it into several files.")
        if file:
            try:
                values["text"] = file.read().decode("utf-8-sig")
            except UnicodeDecodeError as error:
                raise ValidationError("The file is not UTF-8. Save it as “CSV UTF-8”.") from error
        if not values.get("text"):
            raise ValidationError("Choose a CSV file that is not empty.")
        return values


class MappingAdmin(PreviewedAdmin):
    """The admin of a mapping table."""

    actions: Sequence[str] = ("activate", "deactivate", "export_selected")
    is_used_by_others = False
    change_list_template = "admin/mappings/change_list.html"
    list_per_page = 50

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Rows that other rows use are deleted one by one, because each deletion asks for a reassignment."""
        actions = super().get_actions(request)
        if self.is_used_by_others:
            actions.pop("delete_selected", None)
        return actions

    @admin.action(description="Activate", permissions=["change"])
    def activate(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        self.edit(request, rows, is_active=True)

    @admin.action(description="Deactivate (exclude from all metrics)", permissions=["change"])
    def deactivate(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        self.edit(request, rows, is_active=False)

    @admin.action(description="Export as CSV", permissions=["view"])
    def export_selected(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        if rows.order_by().values("tenant").distinct().count() > 1:
            self.message_user(request, "Choose rows of one tenant only.", messages.ERROR)
            return None
        name = f'attachment; filename="{self.opts.model_name}.csv"'
        return HttpResponse(
            export_csv(rows), content_type="text/csv; charset=utf-8", headers={"Content-Disposition": name}
        )

    def edit(self, request: HttpRequest, rows: QuerySet[Any], **values: Any) -> None:
        """Set ``values`` on all of ``rows``, or on none if one of them is not valid."""
        changed = list(self.permitted(request, rows, Role.ADMIN))
        for row in changed:
            for field, value in values.items():
                setattr(row, field, value)
            try:
                row.full_clean()
            except ValidationError as error:
                note = f"Nothing was changed. {row}: {' '.join(error.messages)}"
                self.message_user(request, note, messages.ERROR)
                return
        for row in changed:
            row.save()
        self.log(request, changed, list(values))
        self.message_user(request, f"{len(changed)} row{'' if len(changed) == 1 else 's'} changed.", messages.SUCCESS)

    def log(self, request: HttpRequest, rows: list[Any], fields: list[str]) -> None:
        """Write who changed what to the history of ``rows``."""
        assert request.user.pk is not None
        changes = [{"changed": {"fields": fields}}]
        LogEntry.objects.log_actions(request.user.pk, rows, CHANGE, changes)

    # --- deletion -------------------------------------------------------------------------------------------

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> Any:
        """Show what is affected, ask for a reassignment, preview the change, then delete."""
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404(f"This {self.opts.verbose_name} does not exist.")
        if not self.has_delete_permission(request, row):
            raise PermissionDenied
        targets = targets_of(row)
        form = ReassignForm(request.POST if request.method == "POST" else None, targets=targets)
        if form.is_valid():
            try:
                return self.previewed(request, lambda: self.remove(request, object_id, form), [object_id])
            except ValidationError as error:
                form.add_error(None, error)
        context = {"row": row, "form": form, "impact": impact(row=row), "can_reassign": targets.exists()}
        return self.page(request, "delete", title=f"Delete {self.opts.verbose_name}", **context)

    def remove(self, request: HttpRequest, object_id: str, form: ReassignForm) -> HttpResponse:
        """Delete the row. A mapping that was reassigned stays and gets its new target."""
        row: Any = self.get_object(request, unquote(object_id))
        name, target = str(row), form.cleaned_data["reassign_to"]
        self.log_deletions(request, self.model._default_manager.filter(pk=row.pk))
        delete_row(row=row, reassign_to=target)
        note = f"“{name}” was deleted." + (f" Everything that used it now uses “{target}”." if target else "")
        self.message_user(request, note, messages.SUCCESS)
        return HttpResponseRedirect(self.address("changelist"))

    # --- import ---------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """Add the import page to Django's pages."""
        page = path("import/", self.admin_site.admin_view(self.import_view), name=self.url_name("import"))
        return [page, *super().get_urls()]

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Import a file: show the errors per line, or preview the change, or import it when confirmed."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ImportForm(request.POST or None, request.FILES or None, tenants=tenants_with(request, Role.ADMIN))
        if form.is_valid():
            tenant, text = form.cleaned_data["tenant"].pk, form.cleaned_data["text"]

            def load() -> HttpResponse:
                rows = import_csv(model=self.model, tenant=tenant, text=text)
                self.log(request, rows, list(FORMATS[self.model].columns))
                self.message_user(request, f"{len(rows)} lines imported.", messages.SUCCESS)
                return HttpResponseRedirect(self.address("changelist"))

            try:
                if CONFIRMED in request.POST:
                    return self.apply(request, load)
                seen, _ = self.try_out(request, load, [tenant])
                return self.ask(request, seen, [("tenant", tenant), ("text", text)])
            except CsvError as error:
                form.add_error(None, [ValidationError(sentence) for sentence in error.sentences])
        columns = ",".join(FORMATS[self.model].columns)
        return self.page(
            request, "import", title=f"Import {self.opts.verbose_name_plural} from CSV", form=form, columns=columns
        )

    def url_name(self, page: str) -> str:
        """The name of a page of this table."""
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"

    def address(self, page: str) -> str:
        """The address of a page of this table."""
        return reverse(f"{self.admin_site.name}:{self.url_name(page)}")
