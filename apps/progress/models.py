"""What is the visible state of a run? Its numbered state and the counters of its stages; of a task, its stage."""

import uuid

from django.conf import settings
from django.db import models

from apps.core.crypto import EncryptedField
from apps.core.models import TenantModel
from apps.progress.choices import LogLevel, NoticeChannel, NoticeState, SpanKind, StageState
from apps.progress.engine.bar import TotalKind


class RunProgress(TenantModel):
    """The visible state of one run. ``seq`` grows by one with every stored change.

    ``overall`` is the job's state in the run's messages; ``percent`` never falls within an attempt. No index
    covers a column that changes while a run works: its updates stay cheap (heap-only).
    """

    run = models.UUIDField(primary_key=True)
    job_id = models.BigIntegerField()
    job_name = models.CharField(max_length=100)
    job_type = models.CharField(max_length=30)
    mode = models.CharField(max_length=12)
    created_at = models.DateTimeField(auto_now_add=True)
    current = models.BooleanField(default=True, help_text="The newest run of its job.")
    seq = models.BigIntegerField(default=1)
    attempt = models.PositiveSmallIntegerField(default=1)
    overall = models.CharField(max_length=10)
    percent = models.FloatField(default=0)
    step_index = models.PositiveSmallIntegerField(default=0)
    total_steps = models.PositiveSmallIntegerField(default=1)
    step_title = models.TextField(blank=True)
    step_progress = models.FloatField(null=True)
    total_kind = models.CharField(max_length=8, default=TotalKind.UNKNOWN.value)
    message = models.TextField(blank=True)
    waiting = models.TextField(blank=True, help_text="Why the run waits, as a sentence; empty when it does not.")
    error = models.TextField(blank=True)
    updated_at = models.DateTimeField()
    flushed_at = models.DateTimeField(null=True, help_text="When mere progress was last stored.")
    pace = models.JSONField(default=dict, help_text="The last samples of the current counter (engine.eta.Pace).")
    eta_low = models.FloatField(null=True, help_text="Seconds, as of the last sample.")
    eta_high = models.FloatField(null=True)
    history = models.JSONField(default=dict, help_text="Per counter the seconds that it took in earlier runs.")
    shares = models.JSONField(default=list, help_text="The steps' shares where they differ from the definition's.")
    discovered = models.JSONField(default=list, help_text="Progress steps that turned up while running.")

    class Meta:
        verbose_name_plural = "run progress"
        indexes = [
            models.Index(fields=["job_id", "-created_at"], name="progress_of_job"),
            models.Index(fields=["tenant"], condition=models.Q(current=True), name="progress_now_of_tenant"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["job_id"], condition=models.Q(current=True), name="one_current_progress_per_job"
            )
        ]

    def __str__(self) -> str:
        return f"{self.job_name} {self.percent:.1f} %"


class StageProgress(models.Model):
    """One cell of the status matrix: a stage of a step, with its counters.

    ``done`` counts the records or texts of closed batches; ``failed`` counts those that were set aside. ``total`` 0
    means unknown. It may grow while ``open_lists``, batches of this stage that may add to it, are not 0.
    """

    run = models.ForeignKey(RunProgress, on_delete=models.CASCADE, related_name="stages")
    step = models.CharField(max_length=60)
    position = models.PositiveSmallIntegerField()
    stage = models.CharField(max_length=12)
    state = models.CharField(max_length=10, choices=StageState, default=StageState.IDLE)
    done = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    open_lists = models.PositiveIntegerField(default=0, db_default=0)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["run", "step", "stage"], name="one_cell_per_stage")]

    def __str__(self) -> str:
        return f"{self.step} {self.stage}: {self.state}"


class Span(models.Model):
    """A stretch of a run's time, for its timeline: an attempt, the work of a stage, or a wait with its reason.

    ``ended_at`` is empty while it lasts. ``note`` says why it waited, or how an attempt ended.
    """

    run = models.ForeignKey(RunProgress, on_delete=models.CASCADE, related_name="spans")
    kind = models.CharField(max_length=8, choices=SpanKind)
    attempt = models.PositiveSmallIntegerField(default=1)
    step = models.CharField(max_length=60, blank=True)
    stage = models.CharField(max_length=12, blank=True)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=10, blank=True, help_text="How an attempt or a stage ended.")
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["began_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "kind", "step", "stage"],
                condition=models.Q(ended_at=None),
                name="one_open_span_of_a_kind",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.step} {self.stage} {self.began_at:%H:%M:%S}"


class LogLine(models.Model):
    """One line of a run's log, in the order of writing; ``step`` is empty for what concerns the whole run."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(RunProgress, on_delete=models.CASCADE, related_name="log")
    at = models.DateTimeField(auto_now_add=True)
    level = models.CharField(max_length=8, choices=LogLevel, default=LogLevel.INFO)
    step = models.CharField(max_length=60, blank=True)
    stage = models.CharField(max_length=12, blank=True)
    text = models.TextField()

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["run", "id"], name="log_of_run")]

    def __str__(self) -> str:
        return self.text


class TaskProgress(TenantModel):
    """The progress of one task that follows the stage table (``compat.stages``)."""

    task_id = models.CharField(max_length=100)
    status = models.CharField(max_length=20)
    progress = models.PositiveSmallIntegerField()
    message = models.TextField(blank=True)
    estimate = models.BooleanField(default=False, help_text="The percentage is only expected, not measured.")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "task progress"
        constraints = [models.UniqueConstraint(fields=["tenant", "task_id"], name="one_progress_per_task")]

    def __str__(self) -> str:
        return f"{self.task_id}: {self.status} {self.progress} %"


class Notice(TenantModel):
    """A person's order to be informed when a run ends; ``body`` is the JSON that is sent then.

    The address may contain a secret, so it is encrypted like the key that signs the body.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(RunProgress, on_delete=models.CASCADE, related_name="notices")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    channel = models.CharField(max_length=8, choices=NoticeChannel)
    url = EncryptedField(editable=False)
    key = EncryptedField(editable=False)
    page = models.TextField(help_text="The address of the run's page.")
    state = models.CharField(max_length=8, choices=NoticeState, default=NoticeState.WAITING)
    body = models.JSONField(default=dict)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(
        null=True, help_text="When it may be sent (again). Moved by the worker that sends it."
    )
    sent_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "user", "channel"], name="one_notice_per_run_user_and_channel")
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(state=NoticeState.DUE), name="due_notices"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} to {self.user}"
