"""How do people see progress in the admin site? Read-only, with bars that move by themselves."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.progress.choices import JobState
from apps.progress.engine.words import whole_percent
from apps.progress.models import RunProgress, StageProgress
from apps.tenants.admin_base import BaseInline, BaseOptions, ReadOnly, ReadOnlyTenantAdmin


class Live(BaseOptions):
    """An admin page whose bars follow the runs: with :func:`live_bar`."""

    class Media:
        css = {"all": ["dashboard/css/live.css"]}
        js = [forms.Script("dashboard/js/live.js", type="module")]


def live_bar(
    run: UUID | None, percent: float | None, state: str, *, label: str, job_id: int | None = None
) -> SafeString:
    """A bar that follows one run, or with ``job_id`` whatever run the job does."""
    of_job = format_html(' data-job="{}"', job_id) if job_id else ""
    shown = 0.0 if percent is None or (job_id and state == JobState.READY) else percent
    return format_html(
        '<div data-run="{run}"{of_job} data-overall="{state}" data-follow class="meter">'
        '<span class="state" data-live="state" data-state="{tone}"><span>{word}</span></span>'
        '<div class="bar" role="progressbar" aria-label="{label}" aria-valuemin="0" aria-valuemax="100"'
        ' aria-valuenow="{rounded}" data-live="bar" data-state="{tone}">'
        '<svg aria-hidden="true" focusable="false"><rect width="{shown}%" height="100%"></rect></svg></div>'
        '<output class="percent" data-live="percent">{words}</output></div>',
        run=run or "",
        of_job=of_job,
        state=state,
        label=f"Progress of {label}",
        rounded=whole_percent(shown),
        tone=state.lower(),
        word=state.capitalize(),
        words="—" if job_id and state == JobState.READY else f"{whole_percent(shown)} %",
        shown=f"{shown:.2f}",
    )


class StageInline(ReadOnly, BaseInline):
    """The cells of the status matrix."""

    model = StageProgress
    extra = 0
    fields = ("step", "stage", "state", "done", "total", "failed", "started_at", "finished_at")
    readonly_fields = fields

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may see the run."""
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
        return live_bar(row.run, row.percent, row.overall, label=str(row.job_type))
