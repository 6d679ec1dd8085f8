"""Which components are the pages made of? The style page shows all of them, drawn by the same templates."""

from django.http import HttpResponse
from django.shortcuts import render

from apps.dashboard.health import Health
from apps.dashboard.views.member import member_page
from apps.jobs.choices import Outcome
from apps.progress.card import meter_of
from apps.progress.choices import JobState, StageState
from apps.tenants.current import TenantRequest

COLOURS = {
    "Ground": ("ground", "surface", "raised", "line", "line-strong"),
    "Text": ("ink", "ink-soft"),
    "Accent": ("accent", "accent-strong", "accent-soft", "on-accent"),
    "Tones": ("good", "good-soft", "warn", "warn-soft", "bad", "bad-soft"),
}
BARS = [
    (0.0, JobState.PENDING),
    (46.0, JobState.RUNNING),
    (46.0, JobState.PAUSED),
    (100.0, JobState.FINISHED),
    (63.0, JobState.FAILED),
]


@member_page
def style(request: TenantRequest) -> HttpResponse:
    """The style page."""
    context = {
        "colours": COLOURS,
        "bars": [(meter_of(percent, state), state) for percent, state in BARS],
        "families": {
            "Jobs": [(state.icon, state.label) for state in JobState],
            "Stages": [(state.icon, state.label) for state in StageState],
            "Outcomes": [(outcome.icon, outcome.label) for outcome in Outcome if outcome],
            "Health": [(health.value, health.value.capitalize()) for health in Health],
        },
    }
    return render(request, "dashboard/style.html", context)
