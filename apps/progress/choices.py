"""Which states can a stage have, which stretches a timeline, which levels a log, which ways a notice?"""

from django.db import models


class StageState(models.TextChoices):
    """The state of one stage of one step."""

    IDLE = "idle", "Idle"
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    FINISHED = "finished", "Finished"
    FAILED = "failed", "Failed"
    SKIPPED = "skipped", "Skipped"


STAGE_DONE = frozenset({StageState.FINISHED, StageState.SKIPPED})
STAGE_OPEN = frozenset({StageState.IDLE, StageState.QUEUED, StageState.RUNNING})


class SpanKind(models.TextChoices):
    """What a stretch of a run's timeline is."""

    ATTEMPT = "attempt", "Attempt"
    STAGE = "stage", "Stage"
    WAIT = "wait", "Wait"


class LogLevel(models.TextChoices):
    """How much a line of the log matters."""

    INFO = "info", "Info"
    WARNING = "warning", "Warning"
    ERROR = "error", "Error"


class NoticeChannel(models.TextChoices):
    """How somebody is told that a run has ended."""

    EMAIL = "email", "E-mail"
    WEBHOOK = "webhook", "Webhook"


class NoticeState(models.TextChoices):
    """What has become of a notice."""

    WAITING = "waiting", "Waits for the end"
    DUE = "due", "Being sent"
    SENT = "sent", "Sent"
    FAILED = "failed", "Not delivered"
