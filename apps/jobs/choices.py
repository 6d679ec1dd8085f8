"""Which states are there, and which sets of them have a name?"""

from django.db import models


class JobState(models.TextChoices):
    """The state of a job (``overall`` in messages)."""

    READY = "READY", "Ready"
    PENDING = "PENDING", "Pending"
    RUNNING = "RUNNING", "Running"
    PAUSED = "PAUSED", "Paused"
    STOPPING = "STOPPING", "Stopping"
    FINISHED = "FINISHED", "Finished"
    FAILED = "FAILED", "Failed"


class RunState(models.TextChoices):
    """The state of a run: its job's while it is active, and how it ended for ever after."""

    PENDING = "PENDING", "Pending"
    RUNNING = "RUNNING", "Running"
    PAUSED = "PAUSED", "Paused"
    STOPPING = "STOPPING", "Stopping"
    CANCELLED = "CANCELLED", "Cancelled"
    FAILED = "FAILED", "Failed"
    FINISHED = "FINISHED", "Finished"


ACTIVE = frozenset({RunState.PENDING, RunState.RUNNING, RunState.PAUSED, RunState.STOPPING})
ENDED = frozenset({RunState.FINISHED, RunState.FAILED, RunState.CANCELLED})


class Outcome(models.TextChoices):
    """What a finished run amounts to."""

    NONE = "", "—"
    COMPLETE = "complete", "Complete"
    WITH_QUARANTINE = "with_quarantine", "With records set aside"
    INCOMPLETE = "incomplete", "Incomplete"


class RunMode(models.TextChoices):
    """How much a run reads."""

    INCREMENTAL = "incremental", "What changed"
    FULL = "full", "Everything"
    RANGE = "range", "A chosen range"
    RETRANSFORM = "retransform", "What is stored"


class ItemState(models.TextChoices):
    """The state of one batch in the ledger."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    FINISHED = "finished", "Finished"
    FAILED = "failed", "Failed"


ITEM_OPEN = frozenset({ItemState.QUEUED, ItemState.RUNNING})
