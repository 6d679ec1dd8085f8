"""Which states can a stage of a step have?"""

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
