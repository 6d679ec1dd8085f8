"""How did the code change? GitHub's repositories, pull requests, commits, reviews and comments."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower

from apps.warehouse.models.base import LoadedModel


class Repository(LoadedModel):
    """A GitHub repository."""

    full_name = models.TextField(default="")
    name = models.TextField(default="")
    owner = models.TextField(default="")
    description = models.TextField(default="")
    url = models.TextField(default="")
    default_branch = models.TextField(default="")
    language = models.TextField(default="")
    is_private = models.BooleanField(default=False)
    is_archived = models.BooleanField(default=False)
    is_fork = models.BooleanField(default=False)
    created_at = models.DateTimeField(null=True)
    pushed_at = models.DateTimeField(null=True)

    class Meta(LoadedModel.Meta):
        verbose_name_plural = "repositories"

    def __str__(self) -> str:
        return self.full_name


class PullRequest(LoadedModel):
    """A pull request; ``state`` is ``open``, ``closed`` or ``merged``."""

    repository = models.TextField(default="")
    number = models.IntegerField()
    title = models.TextField(default="")
    body = models.TextField(default="")
    state = models.TextField(default="")
    is_draft = models.BooleanField(default=False)
    url = models.TextField(default="")
    author = models.TextField(default="")
    merged_by = models.TextField(default="")
    base_branch = models.TextField(default="")
    head_branch = models.TextField(default="")
    head_repository = models.TextField(default="")
    head_sha = models.TextField(default="")
    merge_sha = models.TextField(default="")
    additions = models.IntegerField(default=0)
    deletions = models.IntegerField(default=0)
    changed_files = models.IntegerField(default=0)
    review_decision = models.TextField(default="")
    labels = ArrayField(models.TextField(), default=list)
    assignees = ArrayField(models.TextField(), default=list)
    commit_count = models.IntegerField(null=True)
    review_count = models.IntegerField(null=True)
    comment_count = models.IntegerField(null=True)
    created_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(null=True)
    merged_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta(LoadedModel.Meta):
        indexes = [
            models.Index(fields=["repository", "tenant", "merged_at"], name="warehouse_pr_repository"),
            models.Index(fields=["updated_at", "tenant"], name="warehouse_pr_updated"),
            models.Index(Lower("url"), "tenant", name="warehouse_pr_by_url"),
        ]

    def __str__(self) -> str:
        return f"#{self.number} {self.title}"


class Commit(LoadedModel):
    """A commit of a repository."""

    repository = models.TextField(default="")
    sha = models.TextField(default="")
    message = models.TextField(default="")
    author = models.TextField(default="")
    author_name = models.TextField(default="")
    author_email = models.TextField(default="")
    additions = models.IntegerField(default=0)
    deletions = models.IntegerField(default=0)
    authored_at = models.DateTimeField(null=True)
    committed_at = models.DateTimeField(null=True)

    class Meta(LoadedModel.Meta):
        indexes = [models.Index(fields=["repository", "tenant", "committed_at"], name="warehouse_commit_repository")]

    def __str__(self) -> str:
        return self.sha


class PullRequestCommit(LoadedModel):
    """A commit of a pull request, at its position there."""

    pull_request = models.TextField(default="")
    commit = models.TextField(default="")
    position = models.IntegerField()

    class Meta(LoadedModel.Meta):
        indexes = [models.Index(fields=["pull_request", "tenant"], name="warehouse_prcommit_pr")]


class Review(LoadedModel):
    """A review; ``state`` as GitHub's in lower case (approved, changes_requested, commented, …)."""

    pull_request = models.TextField(default="")
    author = models.TextField(default="")
    state = models.TextField(default="")
    body = models.TextField(default="")
    commit_sha = models.TextField(default="")
    submitted_at = models.DateTimeField(null=True)

    class Meta(LoadedModel.Meta):
        indexes = [models.Index(fields=["pull_request", "tenant"], name="warehouse_review_pr")]


class PullRequestComment(LoadedModel):
    """A comment on a pull request: ``kind`` is ``review`` (on a line) or ``issue`` (in the conversation)."""

    kind = models.TextField(default="")
    pull_request = models.TextField(default="")
    review = models.TextField(default="")
    author = models.TextField(default="")
    body = models.TextField(default="")
    path = models.TextField(default="")
    line = models.IntegerField(null=True)
    created_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(null=True)

    class Meta(LoadedModel.Meta):
        indexes = [models.Index(fields=["pull_request", "tenant"], name="warehouse_prcomment_pr")]
