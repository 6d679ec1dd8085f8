"""Which pull request belongs to which issue? The loaded evidence, and the view that finds both sides of it."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower, Upper

from apps.core.models import TenantModel
from apps.warehouse.models.base import LoadedModel
from apps.warehouse.models.code import PullRequest
from apps.warehouse.models.work import Issue


class PullRequestIssueLink(LoadedModel):
    """A reason to believe that a pull request belongs to an issue.

    ``evidence`` is ``branch``, ``title``, ``body``, ``commit``, ``closing`` (keyword before the key) or
    ``dev_panel``. GitHub names the issue by ``issue_key``, Jira's panel by ``issue``; both name the pull
    request by its URL, GitHub also by its id.
    """

    pull_request = models.TextField(default="")
    pull_request_url = models.TextField(default="")
    issue = models.TextField(default="")
    issue_key = models.TextField(default="")
    longer_keys = ArrayField(models.TextField(), default=list)
    evidence = models.TextField(default="")
    excerpt = models.TextField(default="")

    class Meta(LoadedModel.Meta):
        indexes = [
            models.Index(fields=["pull_request", "tenant"], name="warehouse_link_pr"),
            models.Index(fields=["issue", "tenant"], name="warehouse_link_issue"),
            models.Index(Upper("issue_key"), "tenant", name="warehouse_link_key"),
            models.Index(Lower("pull_request_url"), "tenant", name="warehouse_link_url"),
        ]


class ResolvedLink(TenantModel):
    """A link whose issue is loaded (a view); ``pull_request`` is null while the pull request is not."""

    pk = models.CompositePrimaryKey("link_id", "issue_id")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.DO_NOTHING, related_name="+")
    link = models.ForeignKey(PullRequestIssueLink, on_delete=models.DO_NOTHING, related_name="+")
    pull_request = models.ForeignKey(PullRequest, on_delete=models.DO_NOTHING, null=True, related_name="+")
    issue = models.ForeignKey(Issue, on_delete=models.DO_NOTHING, related_name="+")
    evidence = models.TextField()
    excerpt = models.TextField()

    class Meta:
        managed = False
        db_table = "warehouse_resolved_link"

    def __str__(self) -> str:
        return f"{self.issue_id} ← {self.pull_request_id} ({self.evidence})"
