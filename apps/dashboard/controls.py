"""What can be asked of a job now, and why not the rest?"""

from dataclasses import dataclass

from apps.jobs.lifecycle.controls import CONTROLS, is_meant_for
from apps.jobs.lifecycle.controls import Control as Wording
from apps.jobs.lifecycle.transitions import TRANSITIONS
from apps.jobs.models import Job
from apps.progress.choices import JobState
from apps.tenants.models import Role
from apps.tenants.permissions import may_act_as, refusal


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

    @property
    def is_common(self) -> bool:
        """Whether it has a place in a row of a list: not the ways to read again."""
        return self.name == self.wording.action


def controls_of(job: Job, role: Role | None) -> list[Control]:
    """Every control of a job, for somebody with ``role`` in its tenant."""
    return [
        Control(name, job, wording, _why_not(job, wording.action, role))
        for name, wording in CONTROLS.items()
        if is_meant_for(wording, job)
    ]


def _why_not(job: Job, action: str, role: Role | None) -> str:
    if not may_act_as(role, Role.OPERATOR):
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
