"""Which loaded rows do these tests map? Two tenants, each with a Jira that the tests fill."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

import pytest

from apps.integrations.models import Integration
from apps.mappings.models import (
    FlowStep,
    IssueFlow,
    StandardType,
    StatusMapping,
    Workflow,
    WorkItemTypeMapping,
)
from apps.mappings.services import create_default_workflow, create_standard_types
from apps.tenants.models import Tenant
from apps.tenants.services import create_tenant
from apps.warehouse.models import Issue, IssueChange, LoadedModel, Project, Status, WorkItemType

Row = TypeVar("Row", bound=LoadedModel)

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass
class Site:
    """A tenant with one Jira."""

    tenant: Tenant
    integration: Integration
    _ids: Any = field(default_factory=lambda: count(1))

    def _load(self, model: type[Row], **values: Any) -> Row:
        own = {"tenant": self.tenant, "integration": self.integration, "loaded_at": NOW}
        return model.across_tenants.create(**{**own, "external_id": f"{next(self._ids)}", **values})

    def project(self, key: str) -> Project:
        return self._load(Project, key=key, name=key)

    def type(self, name: str, **values: Any) -> WorkItemType:
        return self._load(WorkItemType, name=name, **values)

    def status(self, name: str, category: str = "indeterminate", **values: Any) -> Status:
        return self._load(Status, name=name, category=category, **values)

    def issue(self, project: Project, type: WorkItemType, status: Status, **values: Any) -> Issue:
        return self._load(
            Issue,
            project=project.external_id,
            work_item_type=type.external_id,
            status=status.external_id,
            created_at=NOW,
            updated_at=NOW,
            **values,
        )

    def move(self, issue: Issue, old: Status, new: Status, **values: Any) -> IssueChange:
        texts = {"from_text": old.name, "to_text": new.name, "to_value": new.external_id}
        own = {"issue": issue.external_id, "field": "status", "from_value": old.external_id}
        when = {"changed_at": NOW + timedelta(hours=1)}
        return self._load(IssueChange, **{**own, **texts, **when, **values})

    def standard_type(self, name: str) -> StandardType:
        return StandardType.objects.for_tenant(self.tenant).get(name=name)

    def step(self, name: str, workflow: str = "Default") -> FlowStep:
        return FlowStep.objects.for_tenant(self.tenant).get(name=name, workflow__name=workflow)

    def workflow(self, name: str, **steps: str) -> Workflow:
        """A workflow with steps given as ``Name="category"``."""
        made = Workflow.across_tenants.create(tenant=self.tenant, name=name)
        for position, (step, category) in enumerate(steps.items(), 1):
            FlowStep.across_tenants.create(
                tenant=self.tenant, workflow=made, name=step, category=category, position=position
            )
        return made

    def map_type(self, name: str, standard_type: str, **values: Any) -> WorkItemTypeMapping:
        return WorkItemTypeMapping.across_tenants.create(
            tenant=self.tenant, provider_type=name, standard_type=self.standard_type(standard_type), **values
        )

    def map_status(self, name: str, step: FlowStep, **values: Any) -> StatusMapping:
        return StatusMapping.across_tenants.create(tenant=self.tenant, provider_status=name, flow_step=step, **values)

    def flow(self, issue: Issue) -> IssueFlow:
        return IssueFlow.objects.for_tenant(self.tenant).select_related("flow_step", "standard_type").get(issue=issue)


def new_site(slug: str) -> Site:
    tenant = create_tenant(slug=slug, name=slug.title())
    integration = Integration.across_tenants.create(
        tenant=tenant, provider="jira", name=f"{slug}-jira", base_url="https://jira.example.com"
    )
    create_standard_types(tenant=tenant)
    create_default_workflow(tenant=tenant)
    return Site(tenant, integration)


@pytest.fixture
def site(db: None) -> Site:
    return new_site("acme")


@pytest.fixture
def other_site(db: None) -> Site:
    return new_site("globex")
