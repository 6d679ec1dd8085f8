"""What can be asked of a job now, what will it do, and why not the rest?"""

from dataclasses import dataclass

from apps.jobs.choices import JobState
from apps.jobs.machine import TRANSITIONS
from apps.jobs.models import Job
from apps.tenants.models import Role
from apps.tenants.permissions import allows, refusal


@dataclass(frozen=True)
class Wording:
    """How a control is called and what the confirmation says that it does."""

    action: str
    label: str
    icon: str
    effect: str
    danger: bool = False
    full: bool = False


WORDINGS = {
    "start": Wording(
        "start",
        "Start",
        "play",
        "A new run reads what has changed since the last one. It begins when a worker is free.",
    ),
    "resume": Wording("resume", "Resume", "play", "The run goes on where it was paused."),
    "retry": Wording(
        "retry", "Retry", "retry", "A new attempt begins at the step that failed. What is already done is kept."
    ),
    "reset": Wording(
        "reset", "Reset", "reset", "The job becomes ready again and its next run is planned. No data is lost."
    ),
    "pause": Wording(
        "pause", "Pause", "pause", "The run stops at its next batch and keeps its place until you resume it."
    ),
    "stop": Wording(
        "stop",
        "Stop",
        "stop",
        "The run ends as cancelled. What is loaded stays; the next run reads the rest.",
        danger=True,
    ),
    "full": Wording(
        "start",
        "Full re-sync",
        "sync",
        "A new run reads everything from the provider again. This takes longer and uses more of its rate limit.",
        full=True,
    ),
}


@dataclass(frozen=True)
class Control:
    """A control as a page shows it; ``why`` says why it is not possible now and is empty when it is."""

    name: str
    job: Job
    wording: Wording
    why: str

    @property
    def is_first(self) -> bool:
        """Whether it is what one most likely wants in this state."""
        return self.name in ("resume", "retry") or (self.name == "start" and self.job.state != JobState.FAILED)


def controls_of(job: Job, role: Role | None) -> list[Control]:
    """Every control of a job, for somebody with ``role`` in its tenant."""
    return [Control(name, job, wording, _why_not(job, wording.action, role)) for name, wording in WORDINGS.items()]


def _why_not(job: Job, action: str, role: Role | None) -> str:
    if not allows(role, Role.OPERATOR):
        return refusal(role, Role.OPERATOR)
    states = set(TRANSITIONS[action].sources)
    if action == "start":
        states.add(JobState.FINISHED)
    if job.state not in states:
        names = " or ".join(sorted(state.label.lower() for state in states))
        return f"Only while the job is {names}; it is {job.get_state_display().lower()}."
    if action == "start" and job.integration is not None and not job.integration.is_active:
        return "The integration is switched off: switch it on first."
    return ""
