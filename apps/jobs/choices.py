"""What does a finished run amount to, how much does a run read, and which state has a batch?

The states of jobs and runs are in :mod:`apps.progress.choices`.
"""

from django.db import models

from apps.core.choices import StateChoices, Tone


class Outcome(StateChoices):
    """What a finished run amounts to."""

    NONE = "", Tone.NEUTRAL, "", "—"
    COMPLETE = "complete", Tone.GOOD, "complete", "Complete"
    WITH_QUARANTINE = "with_quarantine", Tone.WARN, "with-quarantine", "With records set aside"
    INCOMPLETE = "incomplete", Tone.WARN, "incomplete", "Incomplete"


class RunMode(models.TextChoices):
    """How much a run reads."""

    INCREMENTAL = "incremental", "Incremental"
    FULL = "full", "Full re-sync"
    RANGE = "range", "Range re-sync"
    RETRANSFORM = "retransform", "Re-transform"


class BatchState(models.TextChoices):
    """The state of one batch."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    FINISHED = "finished", "Finished"
    FAILED = "failed", "Failed"


BATCH_OPEN = frozenset({BatchState.QUEUED, BatchState.RUNNING})
