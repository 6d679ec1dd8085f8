"""How do people schedule, watch and steer jobs in the admin site?"""

import json
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.jobs.execution.holes import accept
from apps.jobs.forms import JobForm
from apps.jobs.lifecycle.controls import CONTROLS, Control
from apps.jobs.lifecycle.planning import SETTINGS, change_settings, schedule_of
from apps.jobs.lifecycle.transitions import WrongStateError
from apps.jobs.lifecycle.upcoming import upcoming
from apps.jobs.models import Batch, Hole, Job, Run, StateChange
from apps.jobs.quarantine.admin import QuarantineAdmin  # noqa: F401  # registers itself
from apps.progress.admin import Live, live_bar
from apps.progress.choices import JobState, RunState
from apps.progress.models import RunProgress
from apps.tenants.admin_base import BaseAdmin, ReadOnly, ReadOnlyTenantAdmin, TenantAdmin, TenantRights, tenants_with
from apps.tenants.current import actor
from apps.tenants.models import Role
from apps.tenants.permissions import require

REASON = "Requested in the admin site"


def control_action(control: Control) -> Callable[..., None]:
    """The admin action for one control, on all selected jobs."""

    @admin.action(description=control.label, permissions=["operate"])
    def act(model_admin: "JobAdmin", request: HttpRequest, queryset: QuerySet[Job]) -> None:
        for job in model_admin.permitted(request, queryset):
            try:
                control.perform(job, actor=actor(request), reason=REASON)
            except WrongStateError as error:
                model_admin.message_user(request, str(error), messages.WARNING)
            else:
                model_admin.message_user(request, f"{control.label} requested for {job}.", messages.SUCCESS)

    act.__name__ = control.name
    return act


def pretty(value: object) -> SafeString:
    """A JSON value as indented text."""
    return format_html("<pre>{}</pre>", json.dumps(value, indent=2, ensure_ascii=False))


@admin.register(Job)
class JobAdmin(Live, TenantAdmin):
    form = JobForm
    list_display = ("name", "job_type", "bar", "is_active", "when", "next_run", "last_run_finished_at")
    list_filter = ("state", "job_type", "is_active")
    search_fields = ("name",)
    actions = tuple(control_action(control) for control in CONTROLS.values() if not control.needs_choice)
    fieldsets = (
        (None, {"fields": ("tenant", "name", "job_type", "integration")}),
        ("Now", {"fields": ("bar", "error", "retries_used")}),
        ("Schedule", {"fields": (*SETTINGS, "next_five")}),
        ("History", {"fields": ("last_run_started_at", "last_run_finished_at", "last_sync_date", "last_sweep_at")}),
    )
    readonly_fields = (
        "job_type",
        "integration",
        "bar",
        "error",
        "retries_used",
        "next_five",
        "last_run_started_at",
        "last_run_finished_at",
        "last_sync_date",
        "last_sweep_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the newest run of each job."""
        newest = RunProgress.across_tenants.filter(job_id=OuterRef("pk")).order_by("-updated_at")
        jobs: QuerySet[Job] = super().get_queryset(request)
        return jobs.annotate(
            newest_run=Subquery(newest.values("run")[:1]), percent=Subquery(newest.values("percent")[:1])
        )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody can: a job is created with its integration."""
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Store only what was changed: the state may change while a person edits the form."""
        require(request.user, obj.tenant_id, Role.ADMIN)
        changed = {name: form.cleaned_data[name] for name in form.changed_data}
        settings = {name: changed.pop(name) for name in SETTINGS if name in changed}
        if changed:
            obj.save(update_fields=[*changed])
        change_settings(obj, actor=actor(request), values=settings, reason=REASON)

    @admin.display(description="Schedule")
    def when(self, job: Job) -> str:
        return str(schedule_of(job))

    @admin.display(description="Next runs")
    def next_five(self, job: Job) -> SafeString:
        """The next runs by the stored settings, in the time zone of the rule and in that of the reader."""
        coming = upcoming(job)
        lines = format_html_join("", "<li>{} <small>({})</small></li>", _clocks(coming["occurrences"]))
        return format_html("<p>{}</p><ol>{}</ol>", coming["description"], lines)

    @admin.display(description="Progress")
    def bar(self, job: Any) -> SafeString:
        return live_bar(job.newest_run, job.percent, JobState(job.state), label=job.name, job_id=job.pk)


def _clocks(occurrences: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["local"], one["here"]) for one in occurrences]


@admin.register(Run)
class RunAdmin(Live, ReadOnlyTenantAdmin):
    list_display = ("id", "job", "state", "outcome", "bar", "mode", "attempt", "created_at", "finished_at")
    list_filter = ("state", "outcome", "mode", "job")
    list_select_related = ("job",)
    search_fields = ("id", "job__name", "error")
    date_hierarchy = "created_at"
    exclude = ("counts", "proof", "announced", "skips", "driver", "driver_lease_until")
    readonly_fields = ("bar", "numbers", "not_given")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the percent of each run."""
        progress = RunProgress.across_tenants.filter(run=OuterRef("pk"))
        runs: QuerySet[Run] = super().get_queryset(request)
        return runs.annotate(percent=Subquery(progress.values("percent")[:1]))

    @admin.display(description="Progress")
    def bar(self, run: Any) -> SafeString:
        return live_bar(run.pk, run.percent, RunState(run.state), label=run.job.name)

    @admin.display(description="Counts")
    def numbers(self, run: Run) -> SafeString:
        return pretty(run.counts)

    @admin.display(description="Not returned by the provider")
    def not_given(self, run: Run) -> SafeString:
        return pretty(run.skips)


@admin.register(Batch)
class BatchAdmin(ReadOnlyTenantAdmin):
    list_display = ("id", "run", "step", "stage", "state", "size", "attempts", "woken_at", "finished_at")
    list_filter = ("state", "stage", "step")
    list_select_related = ("run__job",)
    search_fields = ("run__id", "error")
    show_full_result_count = False
    ordering = ("-pk",)


@admin.register(Hole)
class HoleAdmin(ReadOnlyTenantAdmin):
    list_display = ("reason", "integration", "scope", "step", "found_at", "accepted_by")
    list_filter = ("step", "integration")
    list_select_related = ("integration",)
    search_fields = ("scope", "reason")
    exclude = ("slice", "digest")
    actions = ("accept",)

    @admin.action(description="Accept that these stay missing", permissions=["operate"])
    def accept(self, request: HttpRequest, queryset: QuerySet[Hole]) -> None:
        """A person decides that the selected holes may stay."""
        accepted = accept(self.permitted(request, queryset), actor=actor(request))
        self.message_user(request, f"{accepted:,} accepted. They are still asked for, but make no run incomplete.")


@admin.register(StateChange)
class StateChangeAdmin(ReadOnly, TenantRights, BaseAdmin):
    list_display = ("at", "job", "action", "before", "after", "actor", "reason")
    list_filter = ("action",)
    list_select_related = ("job",)
    search_fields = ("job__name", "actor", "reason")
    date_hierarchy = "at"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """The changes of the jobs of the user's tenants."""
        return StateChange.objects.filter(job__tenant__in=tenants_with(request, Role.VIEWER))
