"""Which settings of a job are valid? Checked here for the pages, the admin site, the API and the command."""

from typing import Any

from django import forms

from apps.jobs.lifecycle.planning import SETTINGS, change_settings
from apps.jobs.lifecycle.schedule import Schedule, rule_problem
from apps.jobs.models import Job
from apps.tenants.admin_base import BaseForm, TenantForm
from apps.tenants.models import known_time_zone

LABELS = {
    "is_active": "Run on a schedule",
    "interval_minutes": "Interval in minutes",
    "rule": "Or on a cron schedule",
    "retry_minutes": "Retry delay",
    "max_retries": "Maximum retries",
    "sweep_hours": "Deletion check interval",
}
HINTS = {
    "interval_minutes": "Minutes from one start to the next. Ignored if there is a cron schedule.",
    "rule": "A cron expression such as 0 6 * * 1-5. Leave empty to use the interval.",
    "time_zone": "Time zone of the schedule, such as Europe/Berlin.",
    "retry_minutes": "Minutes until a failed run is retried: 5 to 30.",
    "max_retries": "Automatic retries before the job waits for its next scheduled run: 0 to 10.",
    "sweep_hours": "Hours between checks that list all ids to find deleted and moved records.",
}


class CheckedSchedule(BaseForm):
    """A form with the settings of a job, all or some of them."""

    def clean_rule(self) -> str:
        """A valid rule, with single spaces."""
        rule = " ".join(str(self.cleaned_data["rule"]).split())
        if rule and (problem := rule_problem(rule)):
            raise forms.ValidationError(problem)
        return rule

    def clean_time_zone(self) -> str:
        """A time zone that exists."""
        zone = str(self.cleaned_data["time_zone"]).strip()
        known_time_zone(zone)
        return zone

    @property
    def schedule(self) -> Schedule:
        """The schedule that the valid form describes."""
        return Schedule(*(self.cleaned_data[name] for name in ("interval_minutes", "rule", "time_zone")))


class ScheduleForm(CheckedSchedule):
    """The settings as a page shows them; :meth:`store` saves them."""

    class Meta:
        model = Job
        fields = SETTINGS
        labels = LABELS
        help_texts = HINTS

    def store(self, *, actor: str, reason: str = "") -> None:
        """Save what has changed; the history says who asked for it."""
        change_settings(self.instance, actor=actor, values=self.cleaned_data, reason=reason)


class JobForm(CheckedSchedule, TenantForm):
    """A job in the admin site."""

    class Meta:
        model = Job
        fields = "__all__"
        labels = LABELS
        help_texts = HINTS


def settings_form(job: Job, values: dict[str, Any]) -> ScheduleForm:
    """The form of a job's settings with some of them changed: for a program or a command."""
    stored = {name: getattr(job, name) for name in SETTINGS}
    return ScheduleForm(stored | values, instance=job)


def problems(form: forms.BaseForm) -> dict[str, str]:
    """What is wrong with each field, in sentences."""
    return {name: " ".join(str(message) for message in messages) for name, messages in form.errors.items()}
