"""What is there to do? Jira's projects, types, statuses, sprints and issues."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Upper

from apps.warehouse.models.base import LoadedModel


class Project(LoadedModel):
    """A Jira project."""

    key = models.TextField(default="")
    name = models.TextField(default="")
    project_type = models.TextField(default="")
    style = models.TextField(default="")
    lead = models.TextField(default="")
    is_archived = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.key


class WorkItemType(LoadedModel):
    """The provider's own issue type; ``project`` is set for a team-managed project's type."""

    name = models.TextField(default="")
    description = models.TextField(default="")
    is_subtask = models.BooleanField(default=False)
    hierarchy_level = models.IntegerField(default=0)
    project = models.TextField(default="")

    def __str__(self) -> str:
        return self.name


class Status(LoadedModel):
    """The provider's own status; ``category`` is ``new``, ``indeterminate``, ``done`` or ``undefined``."""

    name = models.TextField(default="")
    category = models.TextField(default="")
    project = models.TextField(default="")

    class Meta(LoadedModel.Meta):
        verbose_name_plural = "statuses"

    def __str__(self) -> str:
        return self.name


class ProjectStatus(LoadedModel):
    """A status that issues of one type can have in one project."""

    project = models.TextField(default="")
    work_item_type = models.TextField(default="")
    status = models.TextField(default="")

    class Meta(LoadedModel.Meta):
        verbose_name_plural = "project statuses"


class Sprint(LoadedModel):
    """A sprint of a board."""

    name = models.TextField(default="")
    state = models.TextField(default="")
    board = models.TextField(default="")
    goal = models.TextField(default="")
    starts_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class Issue(LoadedModel):
    """A Jira issue; ``category`` is the one of its status; ``parent`` is its epic, or the parent of a sub-task."""

    key = models.TextField(default="")
    project = models.TextField(default="")
    work_item_type = models.TextField(default="")
    status = models.TextField(default="")
    category = models.TextField(default="")
    summary = models.TextField(default="")
    description = models.TextField(default="")
    priority = models.TextField(default="")
    resolution = models.TextField(default="")
    assignee = models.TextField(default="")
    reporter = models.TextField(default="")
    creator = models.TextField(default="")
    parent = models.TextField(default="")
    story_points = models.FloatField(null=True)
    labels = ArrayField(models.TextField(), default=list)
    components = ArrayField(models.TextField(), default=list)
    sprints = ArrayField(models.TextField(), default=list)
    comment_count = models.IntegerField(null=True)
    due_on = models.DateField(null=True)
    created_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)

    class Meta(LoadedModel.Meta):
        indexes = [
            models.Index(fields=["project", "tenant", "status"], name="warehouse_issue_project"),
            models.Index(fields=["updated_at", "tenant"], name="warehouse_issue_updated"),
            models.Index(Upper("key"), "tenant", name="warehouse_issue_by_key"),
        ]

    def __str__(self) -> str:
        return self.key


class IssueChange(LoadedModel):
    """One item of one entry of an issue's changelog."""

    issue = models.TextField(default="")
    history = models.TextField(default="")
    field = models.TextField(default="")
    field_id = models.TextField(default="")
    from_value = models.TextField(default="")
    from_text = models.TextField(default="")
    to_value = models.TextField(default="")
    to_text = models.TextField(default="")
    author = models.TextField(default="")
    changed_at = models.DateTimeField(null=True)

    class Meta(LoadedModel.Meta):
        indexes = [models.Index(fields=["issue", "tenant"], name="warehouse_change_issue")]


class IssueKey(LoadedModel):
    """A key that an issue had ``until`` it was moved to another project: people and branches still use it."""

    issue = models.TextField(default="")
    key = models.TextField(default="")
    until = models.DateTimeField(null=True)

    class Meta(LoadedModel.Meta):
        indexes = [
            models.Index(fields=["issue", "tenant"], name="warehouse_key_issue"),
            models.Index(Upper("key"), "tenant", name="warehouse_key_by_key"),
        ]

    def __str__(self) -> str:
        return self.key


class IssueLink(LoadedModel):
    """``issue`` *name* ``target`` (outward direction, for example blocks)."""

    issue = models.TextField(default="")
    target = models.TextField(default="")
    name = models.TextField(default="")

    class Meta(LoadedModel.Meta):
        indexes = [
            models.Index(fields=["issue", "tenant"], name="warehouse_issuelink_issue"),
            models.Index(fields=["target", "tenant"], name="warehouse_issuelink_target"),
        ]


class IssueComment(LoadedModel):
    """A comment on a Jira issue."""

    issue = models.TextField(default="")
    author = models.TextField(default="")
    body = models.TextField(default="")
    created_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(null=True)

    class Meta(LoadedModel.Meta):
        indexes = [models.Index(fields=["issue", "tenant"], name="warehouse_comment_issue")]
