"""How does a template ask a state what it means? ``{% with state=job.state|job_state %}{% if state.is_active %}…``.

A model gives a state as plain text; these filters give the member of the choices, with label, tone, icon and its
``is_…`` properties.
"""

from django import template

from apps.progress.choices import JobState, LogLevel, NoticeState, RunState

register = template.Library()


@register.filter
def job_state(value: str) -> JobState:
    """The state of a job."""
    return JobState(value)


@register.filter
def run_state(value: str) -> RunState:
    """The state of a run."""
    return RunState(value)


@register.filter
def notice_state(value: str) -> NoticeState:
    """The state of a notice."""
    return NoticeState(value)


@register.filter
def log_level(value: str) -> LogLevel:
    """The level of a line of the log."""
    return LogLevel(value)
