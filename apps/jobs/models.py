"""What must be done, what was done, and what is outstanding? Jobs, runs and the queue of batches."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from apps.core.models import TenantModel
from apps.integrations.models import Integration
from apps.jobs.choices import BatchState, Outcome, RunMode
from apps.progress.choices import ACTIVE, JobState, RunState
from apps.sources.registry import job_type_choices

MAX_INTERVAL_MINUTES = 366 * 24 * 60
Numbers = dict[str, int]  # by kind
Counts = dict[str, Numbers]  # by column: announced, extracted, loaded …


class Job(TenantModel):
    """What a tenant wants to be loaded again and again: from one integration, or its vectorization."""

    name = models.CharField(max_length=100)
    job_type = models.CharField(max_length=30, choices=job_type_choices)
    integration = models.OneToOneField(Integration, null=True, blank=True, on_delete=models.CASCADE, related_name="job")
    is_active = models.BooleanField(default=True)
    state = models.CharField(max_length=10, choices=JobState, default=JobState.READY, editable=False)
    interval_minutes = models.PositiveIntegerField(
        default=60, validators=[MinValueValidator(1), MaxValueValidator(MAX_INTERVAL_MINUTES)]
    )
    rule = models.CharField(
        max_length=100, blank=True, help_text="Local times as a cron rule, for example 0 6 * * 1-5. Empty: by interval."
    )
    time_zone = models.CharField(max_length=64, default="UTC", help_text="Whose clock the rule means.")
    retry_minutes = models.PositiveSmallIntegerField(
        default=15, validators=[MinValueValidator(5), MaxValueValidator(30)], help_text="5 to 30."
    )
    max_retries = models.PositiveSmallIntegerField(default=3, validators=[MaxValueValidator(10)])
    retries_used = models.PositiveSmallIntegerField(default=0, editable=False)
    sweep_hours = models.PositiveSmallIntegerField(
        default=24,
        validators=[MinValueValidator(1)],
        help_text="How often the ids of everything are listed, to find what was deleted or moved.",
    )
    last_sweep_at = models.DateTimeField(null=True, editable=False)
    next_run = models.DateTimeField(null=True, blank=True, help_text="Empty: only by hand.")
    last_run_started_at = models.DateTimeField(null=True, editable=False)
    last_run_finished_at = models.DateTimeField(null=True, editable=False)
    last_sync_date = models.DateTimeField(
        null=True,
        editable=False,
        help_text="Start of the last complete extraction: the next one asks for what changed since.",
    )
    error = models.TextField(blank=True, editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="job_name_per_tenant"),
            models.UniqueConstraint(
                fields=["tenant", "job_type"], condition=models.Q(integration=None), name="one_unbound_job_per_type"
            ),
            models.CheckConstraint(condition=models.Q(state__in=JobState.values), name="job_state_known"),
        ]

    def __str__(self) -> str:
        return self.name


class Run(TenantModel):
    """One execution of a job. ``epoch`` is the fencing number: work that was sent under an older one is refused."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="runs")
    integration = models.ForeignKey(Integration, null=True, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=10, choices=RunState, default=RunState.PENDING)
    mode = models.CharField(max_length=12, choices=RunMode, default=RunMode.INCREMENTAL)
    since = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    scopes = ArrayField(models.TextField(), default=list)
    sweep = models.BooleanField(default=False, help_text="Also lists the ids of everything, to find what is gone.")
    outcome = models.CharField(max_length=16, choices=Outcome, default=Outcome.NONE, blank=True)
    attempt = models.PositiveSmallIntegerField(default=1)
    epoch = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    not_before = models.DateTimeField(null=True, help_text="The provider asked for a pause until then.")
    waiting_for = models.TextField(blank=True, help_text="Why the run waits, as a sentence.")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    dispatched_at = models.DateTimeField(null=True, help_text="When workers were last woken for this run.")
    driver = models.UUIDField(null=True, help_text="Who runs the current step of the chain.")
    driver_lease_until = models.DateTimeField(null=True)
    driver_task = models.CharField(max_length=40, blank=True, help_text="The broker's id of the driver's task.")
    plan_tries = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="How often planning the step has failed."
    )
    stop_asked_at = models.DateTimeField(null=True)
    clock_offset = models.FloatField(
        null=True, help_text="By how many seconds the provider's clock is ahead of ours, at least."
    )
    counts: "models.JSONField[Counts, Counts]" = models.JSONField(
        default=dict, help_text="Per kind: source, extracted, loaded, embedded, set aside."
    )
    proof = models.JSONField(
        default=list, help_text="Per kind and project or repository: listed, extracted, loaded, embedded, set aside."
    )
    announced: "models.JSONField[Numbers, Numbers]" = models.JSONField(
        default=dict, help_text="What the provider said it has, per entity (exact numbers)."
    )
    # Only apps.jobs.execution.skips reads and writes it; pages show it.
    skips: "models.JSONField[list[dict[str, object]], list[dict[str, object]]]" = models.JSONField(
        default=list, help_text="What the provider would not give, with the reason."
    )

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["integration"], condition=models.Q(state__in=ACTIVE), name="one_active_run_per_integration"
            ),
            models.UniqueConstraint(
                fields=["job"], condition=models.Q(state__in=ACTIVE), name="one_active_run_per_job"
            ),
            models.CheckConstraint(condition=models.Q(state__in=RunState.values), name="run_state_known"),
        ]
        indexes = [
            models.Index(fields=["job", "-created_at"], name="runs_of_job"),
            models.Index(fields=["tenant", "-created_at", "-id"], name="runs_of_tenant"),
        ]

    def __str__(self) -> str:
        return f"{self.job} {self.created_at:%Y-%m-%d %H:%M}"


class Batch(TenantModel):
    """One unit of work. These rows are the truth about what is outstanding; the broker only wakes workers up."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="batches")
    step = models.CharField(max_length=60)
    stage = models.CharField(max_length=12)
    # Only apps.jobs.queue.covers reads and writes it.
    covers: "models.JSONField[dict[str, object], dict[str, object]]" = models.JSONField(
        help_text="What the batch is about: a slice, raw ids, or row ids of one kind."
    )
    size = models.PositiveIntegerField(default=0, help_text="How many records or texts, where known.")
    state = models.CharField(max_length=10, choices=BatchState, default=BatchState.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    pauses = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="How often the provider asked for a pause instead of an answer."
    )
    owner = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    task = models.CharField(max_length=40, blank=True, help_text="The broker's id of the owner's task.")
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    woken_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "etl_job_queue"
        verbose_name_plural = "batches"
        indexes = [
            models.Index(
                fields=["run", "step", "stage"], condition=models.Q(state__in=("queued", "running")), name="open_items"
            ),
            # Batches of unknown size come first. They are few among many.
            models.Index(
                fields=["run", "step", "stage"],
                condition=models.Q(state__in=("queued", "running"), size=0),
                name="open_lists",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.step} {self.stage} {self.pk}"


class Hole(TenantModel):
    """Something that the provider has not given so far. Every run asks for it again, until it is given."""

    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="+")
    step = models.CharField(max_length=60)
    scope = models.TextField(blank=True, help_text="Project key or repository.")
    reason = models.TextField(help_text="What is missing, and why.")
    # Only apps.jobs.execution.holes reads and writes it.
    slice: "models.JSONField[dict[str, object], dict[str, object]]" = models.JSONField(
        help_text="The slice that asks for it."
    )
    digest = models.CharField(max_length=32, help_text="BLAKE2b-128 of the slice.")
    found_at = models.DateTimeField(auto_now_add=True)
    run = models.UUIDField(help_text="The last run that did not get it.")
    asked_by = models.UUIDField(null=True, help_text="The last run that asks for it again.")
    accepted_by = models.CharField(max_length=150, blank=True, help_text="Who has decided that it may stay missing.")
    accepted_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["found_at", "pk"]
        constraints = [models.UniqueConstraint(fields=["integration", "step", "digest"], name="one_hole_per_slice")]

    def __str__(self) -> str:
        return self.reason


class StateChange(models.Model):
    """One transition of a job: who or what asked for it, when and why. Rows are only added."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="changes")
    run = models.ForeignKey(Run, null=True, on_delete=models.CASCADE, related_name="changes")
    action = models.CharField(max_length=20)
    before = models.CharField(max_length=10)
    after = models.CharField(max_length=10)
    actor = models.CharField(max_length=150)
    reason = models.TextField(blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.before} → {self.after} by {self.actor}"


class Watermark(TenantModel):
    """The time up to which all changes of one project or repository are known."""

    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="+")
    scope = models.TextField()
    synced_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["integration", "scope"], name="one_watermark_per_scope")]

    def __str__(self) -> str:
        return f"{self.scope} until {self.synced_at}"
