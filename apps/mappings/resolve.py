"""What do a provider's types and statuses mean, for each issue and its moves? Two database views say it.

``mappings_issue_flow`` (:class:`IssueFlow`) has one row per living issue of an active integration,
``mappings_change_flow`` (:class:`ChangeFlow`) one per status change of such an issue. Rules:

* type: a mapping of the integration, else one for all integrations, by the type's name whatever its case;
* workflow: the one of the standard type, else the tenant's default; an issue without a type has none;
* flow step: in that workflow a mapping of the project, else of the integration, else for all. A change is
  looked up by the present name of the status it names by id, and where that is gone by the name in the log;
* inactive mappings count as absent. A mapping *to* something inactive maps to nothing, and so takes the issue
  out of every figure. What is not mapped is null; each column needs the ones before it.

Mapping happens here, when it is read: a changed mapping holds for all issues, past moves included, in the
moment it is committed. That is the re-transform of a mapping change: no call to the provider, no row of an
issue rewritten.
"""

from django.db import models

from apps.core.models import TenantModel
from apps.mappings.choices import FlowCategory


class FlowView(TenantModel):
    """A row of a view: read only; the rows it names go their own way when something is deleted."""

    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.DO_NOTHING, related_name="+")
    integration = models.ForeignKey("integrations.Integration", on_delete=models.DO_NOTHING, related_name="+")

    class Meta:
        abstract = True


def _mapped(model: str) -> "models.ForeignKey[models.Model | None, models.Model | None]":
    return models.ForeignKey(f"mappings.{model}", null=True, on_delete=models.DO_NOTHING, related_name="+")


class IssueFlow(FlowView):
    """What an issue is now: ``level`` is of its standard type, ``position`` and ``category`` of its step."""

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
    """From which flow step to which one status change of an issue led, in the workflow the issue has now."""

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
