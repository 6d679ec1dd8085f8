"""Which controls does a job have? One table for the pages, the API, the admin site and the command."""

from collections.abc import Callable
from dataclasses import dataclass

from apps.jobs.choices import RunMode
from apps.jobs.lifecycle import services
from apps.jobs.lifecycle.run_request import RunRequest
from apps.jobs.lifecycle.transitions import TRANSITIONS
from apps.jobs.models import Job
from apps.progress.choices import JobState


@dataclass(frozen=True)
class Control:
    """A control. ``action`` is its transition, ``perform`` does it, ``effect`` is the sentence of the confirmation.

    ``mode`` is how much the run reads, if the control starts a run.
    """

    name: str
    action: str
    label: str
    icon: str
    effect: str
    perform: Callable[..., object]
    mode: RunMode | None = None
    is_dangerous: bool = False

    @property
    def needs_choice(self) -> bool:
        """Whether a person has to choose a range first."""
        return self.mode == RunMode.RANGE

    @property
    def from_states(self) -> frozenset[JobState]:
        """The states in which it is possible. A start resets a finished job first."""
        states = TRANSITIONS[self.action].from_states
        return states | TRANSITIONS["reset"].from_states if self.action == "start" else states


_ALL = (
    Control(
        "start",
        "start",
        "Start",
        "play",
        "Starts a run that reads the changes since the last run. It begins when a worker is free.",
        services.start,
        RunMode.INCREMENTAL,
    ),
    Control("resume", "resume", "Resume", "play", "Continues the run where it was paused.", services.resume),
    Control(
        "retry",
        "retry",
        "Retry",
        "retry",
        "Starts a new attempt at the step that failed. Completed work is kept.",
        services.retry,
    ),
    Control(
        "reset",
        "reset",
        "Reset",
        "reset",
        "Makes the job ready again and schedules its next run. No data is lost.",
        services.reset,
    ),
    Control(
        "pause",
        "pause",
        "Pause",
        "pause",
        "Pauses the run after its current batches. It keeps its place until somebody resumes it.",
        services.pause,
    ),
    Control(
        "stop",
        "stop",
        "Stop",
        "stop",
        "Cancels the run. Loaded data is kept, and the next run reads the rest.",
        services.stop,
        is_dangerous=True,
    ),
    Control(
        "full",
        "start",
        "Full re-sync",
        "sync",
        "Starts a run that reads everything from the provider again. It takes longer and uses more of the rate limit.",
        lambda job, **options: services.start(job, request=RunRequest(RunMode.FULL), **options),
        RunMode.FULL,
    ),
    Control(
        "range",
        "start",
        "Range re-sync",
        "range",
        "Starts a run that reads the chosen projects or repositories again, limited to changes in the chosen time. "
        "The next scheduled run is not affected.",
        services.start,
        RunMode.RANGE,
    ),
)
CONTROLS = {control.name: control for control in _ALL}
# Controls for an existing run. The other controls start a new run.
RUN_CONTROLS = {name: control for name, control in CONTROLS.items() if control.mode is None}
# The main control of a job is the first of these that is possible.
MAIN_CONTROLS = ("resume", "retry", "start")


def possible_in(state: JobState) -> tuple[str, ...]:
    """The names of the controls that are possible in a state, in the order of the table."""
    return tuple(name for name, control in CONTROLS.items() if state in control.from_states)


def is_available(control: Control, job: Job) -> bool:
    """Whether a job has this control at all: only a job that reads from a provider has a range."""
    return not (control.needs_choice and job.integration_id is None)
