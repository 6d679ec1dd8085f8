"""How does the admin site show progress? Read-only, with bars that a script updates."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from apps.progress.card import meter_of
from apps.progress.choices import JobState, RunState
from apps.progress.engine.bar import TotalKind, total_kind
from apps.progress.models import RunProgress, StageProgress
from apps.progress.plan import cells_of
from apps.sources.definition import Stage
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
    fields = ("step", "stage", "state", "done", "whole", "failed", "started_at", "finished_at")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[StageProgress]:
        """With all stages of the run: they say whether a total may grow."""
        queryset: QuerySet[StageProgress] = super().get_queryset(request)
        return queryset.select_related("run").prefetch_related("run__stages")

    @admin.display(description="Total")
    def whole(self, cell: StageProgress) -> str:
        """The total; an estimated one is marked."""
        kind = total_kind(cells_of(cell.run.stages.all()), cell.step, Stage(cell.stage))
        return f"{'≈' if kind == TotalKind.ESTIMATE else ''}{cell.total:,}" if cell.total else "—"

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
