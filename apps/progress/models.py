"""What does everybody see of a run? Its numbered state and the counters of its stages."""

from django.db import models

from apps.core.models import TenantModel
from apps.progress.choices import StageState


class RunProgress(TenantModel):
    """The visible state of one run. ``seq`` grows by one with every stored change.

    ``overall`` is the job's state as the run's messages tell it; ``percent`` never falls within an attempt.
    """

    run = models.UUIDField(primary_key=True)
    job_id = models.BigIntegerField()
    job_type = models.CharField(max_length=30)
    seq = models.BigIntegerField(default=1)
    attempt = models.PositiveSmallIntegerField(default=1)
    overall = models.CharField(max_length=10)
    percent = models.FloatField(default=0)
    step_index = models.PositiveSmallIntegerField(default=0)
    step_progress = models.FloatField(null=True)
    message = models.TextField(blank=True)
    waiting = models.TextField(blank=True, help_text="Why the run waits, as a sentence; empty when it does not.")
    error = models.TextField(blank=True)
    updated_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "run progress"
        indexes = [models.Index(fields=["job_id"], name="progress_of_job")]

    def __str__(self) -> str:
        return f"{self.job_type} {self.percent:.1f} %"


class StageProgress(models.Model):
    """One cell of the status matrix: a stage of a step, with its counters.

    ``done`` counts what is settled (records, texts), ``failed`` what of it was set aside; ``total`` 0 is unknown.
    """

    run = models.ForeignKey(RunProgress, on_delete=models.CASCADE, related_name="stages")
    step = models.CharField(max_length=60)
    position = models.PositiveSmallIntegerField()
    stage = models.CharField(max_length=12)
    state = models.CharField(max_length=10, choices=StageState, default=StageState.IDLE)
    done = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["run", "step", "stage"], name="one_cell_per_stage")]

    def __str__(self) -> str:
        return f"{self.step} {self.stage}: {self.state}"
