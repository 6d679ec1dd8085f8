"""Which settings of a job are possible? Checked here for the page, the admin, the API and the command."""

from typing import Any

from django import forms

from apps.jobs.lifecycle import schedule
from apps.jobs.models import Job
from apps.tenants.admin_base import BaseForm, TenantForm
from apps.tenants.models import known_time_zone

HINTS = {
    "interval_minutes": "Minutes from one start to the next, where there is no rule.",
    "rule": "A cron rule in local time, such as 0 6 * * 1-5. Empty: by interval.",
    "time_zone": "Whose clock the rule means, such as Europe/Berlin.",
    "retry_minutes": "Minutes until a failed run is tried again: 5 to 30.",
    "max_retries": "How often, before it waits for its next regular time: 0 to 10.",
    "sweep_hours": "Every how many hours the ids of everything are listed, to find what was deleted or moved.",
}


class CheckedSchedule(BaseForm):
    """A form with the settings of a job, all or some of them."""

    def clean_rule(self) -> str:
        """A rule that comes at all, with single spaces."""
        rule = " ".join(str(self.cleaned_data["rule"]).split())
        if rule and (problem := schedule.problem_of(rule)):
            raise forms.ValidationError(problem)
        return rule

    def clean_time_zone(self) -> str:
        """A zone that there is."""
        zone = str(self.cleaned_data["time_zone"]).strip()
        known_time_zone(zone)
        return zone

    @property
    def schedule(self) -> schedule.Schedule:
        """The schedule that the valid form describes."""
        return schedule.Schedule(*(self.cleaned_data[name] for name in ("interval_minutes", "rule", "time_zone")))


class ScheduleForm(CheckedSchedule):
    """The settings as a page shows them; :meth:`store` saves them."""

    class Meta:
        model = Job
        fields = schedule.SETTINGS
        labels = {
            "is_active": "Runs by itself",
            "interval_minutes": "Every … minutes",
            "rule": "Or by a rule",
            "retry_minutes": "Retry after",
            "max_retries": "Retries at most",
            "sweep_hours": "Look for deletions every",
        }
        help_texts = HINTS

    def store(self, *, actor: str, reason: str = "") -> None:
        """Save what differs, under the name of who asked for it."""
        schedule.change(self.instance, actor=actor, values=self.cleaned_data, reason=reason)


class JobForm(CheckedSchedule, TenantForm):
    """A job in the admin site."""

    class Meta:
        model = Job
        fields = "__all__"
        help_texts = HINTS


def settings_form(job: Job, values: dict[str, Any]) -> ScheduleForm:
    """The form of a job's settings with some of them changed: what a program or a command asks for."""
    stored = {name: getattr(job, name) for name in schedule.SETTINGS}
    return ScheduleForm(stored | values, instance=job)


def problems(form: forms.BaseForm) -> dict[str, str]:
    """What is wrong with each field, in sentences."""
    return {name: " ".join(str(message) for message in messages) for name, messages in form.errors.items()}
