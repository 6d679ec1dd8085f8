"""What do a provider's types and statuses mean for each issue and its status changes? Two database views answer.

``mappings_issue_flow`` (:class:`IssueFlow`) has one row per issue that is not deleted and belongs to an active
integration. ``mappings_change_flow`` (:class:`ChangeFlow`) has one row per status change of such an issue. The rules:

* Type: the mapping for the integration, else the mapping for all integrations. Names are compared without case.
* Workflow: the workflow of the standard type, else the tenant's default workflow. An issue without a type has none.
* Flow step: in that workflow, the mapping for the project, else for the integration, else for all integrations. A
  status change names a status by id. The current name of that status is looked up; if the status no longer exists,
  the name in the change log is used.
* Inactive mappings are ignored. A mapping to an inactive row maps to nothing, so metrics leave the issue out. A value
  that is not mapped is null. Each column needs the columns before it.

Mappings are applied when the views are read. A changed mapping is valid for all issues and all past status changes as
soon as it is committed: no request is sent to the provider, and no row of an issue is written again.
"""

from django.db import models

from apps.core.models import TenantModel
from apps.mappings.choices import FlowCategory


class FlowView(TenantModel):
    """A row of a view. It is read-only, so deletions do nothing here."""

    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.DO_NOTHING, related_name="+")
    integration = models.ForeignKey("integrations.Integration", on_delete=models.DO_NOTHING, related_name="+")

    class Meta:
        abstract = True


def _mapped(model: str) -> "models.ForeignKey[models.Model | None, models.Model | None]":
    return models.ForeignKey(f"mappings.{model}", null=True, on_delete=models.DO_NOTHING, related_name="+")


class IssueFlow(FlowView):
    """An issue as mapped now. ``level`` belongs to its standard type, ``position`` and ``category`` to its step."""

    issue = models.OneToOneField("warehouse.Issue", primary_key=True, on_delete=models.DO_NOTHING, related_name="flow")
    standard_type = _mapped("StandardType")
    level = models.PositiveSmallIntegerField(null=True)
    workflow = _mapped("Workflow")
    flow_step = _mapped("FlowStep")
    position = models.PositiveSmallIntegerField(null=True)
    category = models.CharField(max_length=10, choices=FlowCategory, null=True)  # noqa: DJ001 - null is unmapped

    class Meta:
        managed = False
        db_table = "mappings_issue_flow"

    def __str__(self) -> str:
        return f"issue {self.issue_id}"


class ChangeFlow(FlowView):
    """The flow steps before and after a status change, in the workflow that the issue has now."""

    change = models.OneToOneField(
        "warehouse.IssueChange", primary_key=True, on_delete=models.DO_NOTHING, related_name="flow"
    )
    issue = models.ForeignKey("warehouse.Issue", on_delete=models.DO_NOTHING, related_name="flow_changes")
    changed_at = models.DateTimeField()
    from_step = _mapped("FlowStep")
    to_step = _mapped("FlowStep")

    class Meta:
        managed = False
        db_table = "mappings_change_flow"

    def __str__(self) -> str:
        return f"change {self.change_id}"
