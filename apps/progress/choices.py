"""Which states do a job, a run and a stage have, and how is each shown? Which levels and which channels are there?"""

from django.db import models

from apps.core.choices import StateChoices, Tone


class LifeCycle:
    """The questions that both the state of a job and the state of a run answer."""

    @property
    def is_active(self) -> bool:
        """Whether a run has not ended: it waits, works, is paused or is being stopped."""
        return self in ACTIVE

    @property
    def is_waiting(self) -> bool:
        """Whether a run waits for its turn."""
        return self == JobState.PENDING

    @property
    def is_working(self) -> bool:
        """Whether workers work at a run: only then can its end be known."""
        return self == JobState.RUNNING

    @property
    def is_paused(self) -> bool:
        """Whether a person holds the run."""
        return self == JobState.PAUSED

    @property
    def is_failed(self) -> bool:
        """Whether the run has failed."""
        return self == JobState.FAILED

    @property
    def is_finished(self) -> bool:
        """Whether the run has come to its end."""
        return self == JobState.FINISHED

    @property
    def is_cancelled(self) -> bool:
        """Whether a person has stopped the run."""
        return self == RunState.CANCELLED

    @property
    def is_idle(self) -> bool:
        """Whether the job has no run to show: its bar is empty."""
        return self == JobState.READY

    @property
    def is_within_step(self) -> bool:
        """Whether the run is within a step, so that "step 2 of 5" is meaningful."""
        return self in WITHIN_STEP


class JobState(LifeCycle, StateChoices):
    """The state of a job (``overall`` in messages)."""

    READY = "READY", Tone.NEUTRAL, "ready", "Ready"
    PENDING = "PENDING", Tone.NEUTRAL, "pending", "Pending"
    RUNNING = "RUNNING", Tone.BUSY, "running", "Running"
    PAUSED = "PAUSED", Tone.WARN, "paused", "Paused"
    STOPPING = "STOPPING", Tone.WARN, "stopping", "Stopping"
    FINISHED = "FINISHED", Tone.GOOD, "finished", "Finished"
    FAILED = "FAILED", Tone.BAD, "failed", "Failed"


class RunState(LifeCycle, StateChoices):
    """The state of a run: the state of its job while it is active; how it ended from then on."""

    PENDING = JobState.PENDING.row
    RUNNING = JobState.RUNNING.row
    PAUSED = JobState.PAUSED.row
    STOPPING = JobState.STOPPING.row
    CANCELLED = "CANCELLED", Tone.NEUTRAL, "cancelled", "Cancelled"
    FAILED = JobState.FAILED.row
    FINISHED = JobState.FINISHED.row


ACTIVE = frozenset({RunState.PENDING, RunState.RUNNING, RunState.PAUSED, RunState.STOPPING})
ENDED = frozenset({RunState.FINISHED, RunState.FAILED, RunState.CANCELLED})
WITHIN_STEP = frozenset({RunState.RUNNING, RunState.PAUSED, RunState.FAILED})


class StageState(StateChoices):
    """The state of one stage of one step."""

    IDLE = "idle", Tone.NEUTRAL, "idle", "Idle"
    QUEUED = "queued", Tone.NEUTRAL, "queued", "Queued"
    RUNNING = "running", Tone.BUSY, "running", "Running"
    FINISHED = "finished", Tone.GOOD, "finished", "Finished"
    FAILED = "failed", Tone.BAD, "failed", "Failed"
    SKIPPED = "skipped", Tone.NEUTRAL, "skipped", "Skipped"


STAGE_DONE = frozenset({StageState.FINISHED, StageState.SKIPPED})
STAGE_OPEN = frozenset({StageState.IDLE, StageState.QUEUED, StageState.RUNNING})


class SpanKind(models.TextChoices):
    """The kind of a span of a run's timeline."""

    ATTEMPT = "attempt", "Attempt"
    STAGE = "stage", "Stage"
    WAIT = "wait", "Wait"


class LogLevel(StateChoices):
    """How much a line of the log matters."""

    INFO = "info", Tone.NEUTRAL, "log", "Info"
    WARNING = "warning", Tone.WARN, "warning", "Warning"
    ERROR = "error", Tone.BAD, "failed", "Error"

    @property
    def is_marked(self) -> bool:
        """Whether a line of this level is marked among the others."""
        return self != LogLevel.INFO


class NoticeChannel(models.TextChoices):
    """How a person is informed that a run has ended."""

    EMAIL = "email", "E-mail"
    WEBHOOK = "webhook", "Webhook"


class NoticeState(StateChoices):
    """What has become of a notice."""

    WAITING = "waiting", Tone.NEUTRAL, "pending", "Waits for the end"
    DUE = "due", Tone.NEUTRAL, "pending", "Being sent"
    SENT = "sent", Tone.GOOD, "finished", "Sent"
    FAILED = "failed", Tone.BAD, "failed", "Not delivered"

    @property
    def is_waiting(self) -> bool:
        """Whether the run has not ended yet, so that the notice can be turned off."""
        return self == NoticeState.WAITING
