"""How does the admin site show progress? Read-only, with bars that a script updates."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from apps.progress.card import meter_of
from apps.progress.choices import JobState, RunState
from apps.progress.models import RunProgress, StageProgress
from apps.tenants.admin_base import BaseInline, BaseOptions, ReadOnly, ReadOnlyTenantAdmin


class Live(BaseOptions):
    """An admin page with bars of :func:`live_bar`, which follow their runs."""

    class Media:
        css = {"all": ["dashboard/css/live.css"]}
        js = [forms.Script("dashboard/js/live.js", type="module")]


def live_bar(
    run: UUID | None, percent: float | None, state: JobState | RunState, *, label: str, job_id: int | None = None
) -> SafeString:
    """A bar that follows one run or, with ``job_id``, the newest run of a job."""
    context = {
        "run": run or "",
        "job_id": job_id,
        "state": state,
        "meter": meter_of(percent, state),
        "label": f"Progress of {label}",
    }
    return render_to_string("dashboard/parts/live_bar.html", context)


class StageInline(ReadOnly, BaseInline):
    """The cells of the status matrix."""

    model = StageProgress
    extra = 0
    fields = ("step", "stage", "state", "done", "total", "failed", "started_at", "finished_at")
    readonly_fields = fields

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Everybody who may see the run."""
        return True


@admin.register(RunProgress)
class RunProgressAdmin(Live, ReadOnlyTenantAdmin):
    list_display = ("run", "job_type", "overall", "bar", "message", "waiting", "attempt", "seq", "updated_at")
    list_filter = ("job_type", "overall")
    search_fields = ("run", "message", "error")
    ordering = ("-updated_at",)
    readonly_fields = ("bar",)
    inlines = (StageInline,)

    @admin.display(description="Progress")
    def bar(self, row: RunProgress) -> SafeString:
        return live_bar(row.run, row.percent, JobState(row.overall), label=str(row.job_type))
