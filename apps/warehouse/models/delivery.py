"""What was delivered to users? Releases, deployments and runs of GitHub Actions."""

from django.db import models

from apps.warehouse.models.base import LoadedModel


class Release(LoadedModel):
    """A release of a repository."""

    repository = models.TextField(default="")
    tag = models.TextField(default="")
    name = models.TextField(default="")
    body = models.TextField(default="")
    author = models.TextField(default="")
    is_draft = models.BooleanField(default=False)
    is_prerelease = models.BooleanField(default=False)
    created_at = models.DateTimeField(null=True)
    published_at = models.DateTimeField(null=True)

    class Meta(LoadedModel.Meta):
        indexes = [models.Index(fields=["repository", "tenant", "published_at"], name="warehouse_release_repository")]

    def __str__(self) -> str:
        return self.tag


class Deployment(LoadedModel):
    """A deployment and its latest state (``success``, ``failure``, ``error``, ``inactive``, …)."""

    repository = models.TextField(default="")
    sha = models.TextField(default="")
    ref = models.TextField(default="")
    environment = models.TextField(default="")
    state = models.TextField(default="")
    creator = models.TextField(default="")
    created_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta(LoadedModel.Meta):
        indexes = [models.Index(fields=["repository", "tenant", "created_at"], name="warehouse_deploy_created")]


class WorkflowRun(LoadedModel):
    """A run of GitHub Actions."""

    repository = models.TextField(default="")
    name = models.TextField(default="")
    event = models.TextField(default="")
    status = models.TextField(default="")
    conclusion = models.TextField(default="")
    sha = models.TextField(default="")
    branch = models.TextField(default="")
    number = models.IntegerField(default=0)
    attempt = models.IntegerField(default=1)
    actor = models.TextField(default="")
    created_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(null=True)

    class Meta(LoadedModel.Meta):
        indexes = [models.Index(fields=["repository", "tenant", "created_at"], name="warehouse_run_created")]
