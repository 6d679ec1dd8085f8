"""Which controls of a job does a page show, and why are the others unavailable?"""

from dataclasses import dataclass

from apps.jobs.lifecycle.controls import CONTROLS, Control, is_available
from apps.jobs.models import Job
from apps.progress.choices import JobState
from apps.tenants.models import Role
from apps.tenants.permissions import may_act_as


@dataclass(frozen=True)
class ControlOffer:
    """A control as a page shows it. ``why`` says why it is unavailable now; it is empty if the control is available."""

    name: str
    job: Job
    wording: Control
    why: str

    @property
    def is_primary(self) -> bool:
        """Whether it is the control that people most likely want in this state."""
        return self.name in ("resume", "retry") or (self.name == "start" and self.job.state != JobState.FAILED)

    @property
    def is_common(self) -> bool:
        """Whether it is shown in a list of jobs. The other ways to start a run are not."""
        return self.name == self.wording.action


def controls_of(job: Job, role: Role | None) -> list[ControlOffer]:
    """Every control of a job; none for a person whose ``role`` may not control it."""
    if not may_act_as(role, Role.OPERATOR):
        return []
    return [
        ControlOffer(name, job, wording, _why_not(job, wording))
        for name, wording in CONTROLS.items()
        if is_available(wording, job)
    ]


def _why_not(job: Job, control: Control) -> str:
    if job.state not in control.sources:
        names = " or ".join(sorted(state.label.lower() for state in control.sources))
        return f"Available when the job is {names}."
    if control.action == "start" and job.integration is not None and not job.integration.is_active:
        return "The integration is inactive. Activate it first."
    return ""
