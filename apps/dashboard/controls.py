"""Which controls of a job are possible now, and why are the others not?"""

from dataclasses import dataclass

from apps.jobs.lifecycle.controls import CONTROLS, Control, is_available
from apps.jobs.models import Job
from apps.progress.choices import JobState
from apps.tenants.models import Role
from apps.tenants.permissions import may_act_as, refusal


@dataclass(frozen=True)
class ControlOffer:
    """A control as a page shows it; ``why`` says why it is not possible now and is empty when it is."""

    name: str
    job: Job
    wording: Control
    why: str

    @property
    def is_first(self) -> bool:
        """Whether it is what one most likely wants in this state."""
        return self.name in ("resume", "retry") or (self.name == "start" and self.job.state != JobState.FAILED)

    @property
    def is_common(self) -> bool:
        """Whether it has a place in a row of a list: not the ways to read again."""
        return self.name == self.wording.action


def controls_of(job: Job, role: Role | None) -> list[ControlOffer]:
    """Every control of a job, for somebody with ``role`` in its tenant."""
    return [
        ControlOffer(name, job, wording, _why_not(job, wording, role))
        for name, wording in CONTROLS.items()
        if is_available(wording, job)
    ]


def _why_not(job: Job, control: Control, role: Role | None) -> str:
    if not may_act_as(role, Role.OPERATOR):
        return refusal(role, Role.OPERATOR)
    if job.state not in control.sources:
        names = " or ".join(sorted(state.label.lower() for state in control.sources))
        return f"Only while the job is {names}; it is {job.get_state_display().lower()}."
    if control.action == "start" and job.integration is not None and not job.integration.is_active:
        return "The integration is switched off: switch it on first."
    return ""
