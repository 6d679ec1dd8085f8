"""Which controls of a job does a page have for this person? The card says which of them are available now."""

from dataclasses import dataclass

from apps.jobs.lifecycle.controls import CONTROLS, Control, is_available
from apps.jobs.models import Job
from apps.progress.choices import JobState
from apps.tenants.models import Role
from apps.tenants.permissions import may_act_as

INACTIVE = "The integration is inactive. Activate it first."


@dataclass(frozen=True)
class ControlOffer:
    """A control of a page. ``obstacle`` says why it is unavailable in every state; it is empty as a rule."""

    name: str
    job: Job
    wording: Control
    obstacle: str

    @property
    def why(self) -> str:
        """Why it is unavailable, while its button is hidden."""
        *others, last = (state.label.lower() for state in JobState if state in self.wording.from_states)
        states = f"{', '.join(others)} or {last}" if others else last
        return self.obstacle or f"Available when the job is {states}."

    @property
    def is_common(self) -> bool:
        """Whether it is shown in a list of jobs. The other ways to start a run are not."""
        return self.name == self.wording.action


def controls_of(job: Job, role: Role | None) -> list[ControlOffer]:
    """Every control of a job; none for a person whose ``role`` may not control it."""
    if not may_act_as(role, Role.OPERATOR):
        return []
    return [
        ControlOffer(name, job, wording, _obstacle(job, wording))
        for name, wording in CONTROLS.items()
        if is_available(wording, job)
    ]


def _obstacle(job: Job, control: Control) -> str:
    is_inactive = job.integration is not None and not job.integration.is_active
    return INACTIVE if is_inactive and control.mode is not None else ""
