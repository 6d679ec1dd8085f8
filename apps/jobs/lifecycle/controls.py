"""What can be asked of a job? One table for pages, API, admin and command."""

from collections.abc import Callable
from dataclasses import dataclass

from apps.jobs.choices import RunMode
from apps.jobs.lifecycle import services
from apps.jobs.lifecycle.run_request import RunRequest
from apps.jobs.models import Job


@dataclass(frozen=True)
class Control:
    """A control: ``action`` is the transition it asks for, ``effect`` what a confirmation says that it does.

    ``mode`` is how much it reads, for those that start a run; ``needs_choice`` says that the range is still open.
    """

    name: str
    action: str
    label: str
    icon: str
    effect: str
    ask: Callable[..., object]
    mode: RunMode | None = None
    danger: bool = False

    @property
    def needs_choice(self) -> bool:
        """Whether it cannot be asked for without saying which range."""
        return self.mode == RunMode.RANGE


_ALL = (
    Control(
        "start",
        "start",
        "Start",
        "play",
        "A new run reads what has changed since the last one. It begins when a worker is free.",
        services.start,
        RunMode.INCREMENTAL,
    ),
    Control("resume", "resume", "Resume", "play", "The run goes on where it was paused.", services.resume),
    Control(
        "retry",
        "retry",
        "Retry",
        "retry",
        "A new attempt begins at the step that failed. What is already done is kept.",
        services.retry,
    ),
    Control(
        "reset",
        "reset",
        "Reset",
        "reset",
        "The job becomes ready again and its next run is planned. No data is lost.",
        services.reset,
    ),
    Control(
        "pause",
        "pause",
        "Pause",
        "pause",
        "The run stops at its next batch and keeps its place until you resume it.",
        services.pause,
    ),
    Control(
        "stop",
        "stop",
        "Stop",
        "stop",
        "The run ends as cancelled. What is loaded stays; the next run reads the rest.",
        services.stop,
        danger=True,
    ),
    Control(
        "full",
        "start",
        "Full re-sync",
        "sync",
        "A new run reads everything from the provider again. This takes longer and uses more of its rate limit.",
        lambda job, **asked: services.start(job, request=RunRequest(RunMode.FULL), **asked),
        RunMode.FULL,
    ),
    Control(
        "range",
        "start",
        "Range re-sync",
        "range",
        "A new run reads the chosen projects or repositories again, as far as they changed in the chosen time. "
        "The next regular run is not affected.",
        services.start,
        RunMode.RANGE,
    ),
)
CONTROLS = {control.name: control for control in _ALL}
# Those that need nothing but a reason: what a list of jobs, and a command without options, can ask for.
PLAIN = {name: control for name, control in CONTROLS.items() if not control.needs_choice}


def is_meant_for(control: Control, job: Job) -> bool:
    """Whether a job can be asked for this at all: only what reads from a provider has a range."""
    return not (control.needs_choice and job.integration_id is None)
