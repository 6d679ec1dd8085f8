"""How are default mappings created, and how are rows in use deleted? Plain edits need no service."""

from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from apps.integrations.models import Integration
from apps.mappings.guess import DEFAULT_LINKS, DEFAULT_STEPS, DEFAULT_TYPES, DEFAULT_WORKFLOW, guess_type
from apps.mappings.guess_status import guess_status_mappings
from apps.mappings.models import (
    FlowStep,
    IssueFlow,
    MappingModel,
    StandardType,
    StatusMapping,
    TypeWorkflow,
    Workflow,
    WorkItemHierarchy,
    WorkItemTypeMapping,
)
from apps.mappings.preview import preview
from apps.mappings.selectors import types_without_mapping
from apps.tenants.models import Tenant
from apps.tenants.services import locked_tenant
from apps.warehouse.models import WorkItemType


class Created(NamedTuple):
    """How many mappings :func:`create_defaults` created."""

    types: int
    statuses: int


@transaction.atomic
def create_defaults(*, tenant: Tenant, integration: Integration) -> Created:
    """Map the types and statuses that the source reported and that have no mapping, by name, level and category.

    It only adds rows. A type or status that has a mapping, active or inactive, is left alone. Standard types and
    workflows are only created if the tenant has none. To keep a type or status unmapped, deactivate its mapping; a
    deleted mapping is created again. Types and statuses that cannot be guessed stay unmapped. Every run calls this at
    its end. A second call, or a call for a source without work item types, adds nothing.
    """
    if not WorkItemType.objects.for_tenant(tenant).filter(integration=integration).exists():
        return Created(0, 0)
    locked_tenant(tenant.pk)  # two runs of one tenant may end at the same time
    if not StandardType.objects.for_tenant(tenant).exists():
        create_standard_types(tenant=tenant)
    if not Workflow.objects.for_tenant(tenant).exists():
        create_default_workflow(tenant=tenant)
    types = WorkItemTypeMapping.across_tenants.bulk_create(_guess_type_mappings(tenant, integration))
    statuses = StatusMapping.across_tenants.bulk_create(guess_status_mappings(tenant, integration))
    return Created(len(types), len(statuses))


def create_standard_types(*, tenant: Tenant) -> None:
    """Create Initiative, Epic, Story, Task, Bug and Sub-task, and their hierarchy."""
    types = {
        default: StandardType.across_tenants.create(tenant=tenant, name=default.name, level=default.level)
        for default in DEFAULT_TYPES
    }
    WorkItemHierarchy.across_tenants.bulk_create(
        WorkItemHierarchy(tenant=tenant, parent=types[parent], child=types[child]) for parent, child in DEFAULT_LINKS
    )


def create_default_workflow(*, tenant: Tenant) -> Workflow:
    """Create the default workflow: To Do, In Progress, Review, Done."""
    workflow = Workflow.across_tenants.create(tenant=tenant, name=DEFAULT_WORKFLOW, is_default=True)
    FlowStep.across_tenants.bulk_create(
        FlowStep(tenant=tenant, workflow=workflow, name=step.name, category=step.category, position=position)
        for position, step in enumerate(DEFAULT_STEPS, 1)
    )
    return workflow


def _guess_type_mappings(tenant: Tenant, integration: Integration) -> list[WorkItemTypeMapping]:
    known = list(StandardType.objects.for_tenant(tenant).filter(is_active=True).order_by("pk"))
    mappings = []
    for reported in types_without_mapping(tenant, integration):
        wanted = guess_type(
            name=reported.name, hierarchy_level=reported.hierarchy_level, is_subtask=reported.is_subtask
        )
        named = (known_type for known_type in known if known_type.name.lower() == wanted.name.lower())
        equal = (known_type for known_type in known if known_type.level == wanted.level)
        standard_type = next(named, None) or next(equal, None)
        if standard_type:
            mappings.append(
                WorkItemTypeMapping(
                    tenant=tenant,
                    integration=integration,
                    provider_type=reported.name,
                    standard_type=standard_type,
                )
            )
    return mappings


class Impact(NamedTuple):
    """How many ``mappings`` use a row, and how many ``issues`` are mapped through it."""

    mappings: int
    issues: int


def impact(*, row: MappingModel) -> Impact:
    """What would be affected if ``row`` was deleted."""
    issues = IssueFlow.objects.for_tenant(row.tenant_id)
    match row:
        case FlowStep():
            return Impact(row.status_mappings.count(), issues.filter(flow_step=row).count())
        case StandardType():
            return Impact(row.type_mappings.count(), issues.filter(standard_type=row).count())
        case Workflow():
            users = row.type_workflows.count() + row.status_mappings.count()
            return Impact(users, issues.filter(workflow=row).count())
    seen, _ = preview(tenants=[row.tenant_id], change=type(row).across_tenants.filter(pk=row.pk).delete)
    return Impact(0, seen.issues)


# --- removal ------------------------------------------------------------------------------------------------


@transaction.atomic
def delete_row(*, row: MappingModel, reassign_to: MappingModel | None = None) -> None:
    """Delete a row of this app. Rows that use it are reassigned to ``reassign_to`` first.

    A :class:`ValidationError` says which rows use it, or why ``reassign_to`` does not fit. The effect on issues is
    shown before by :func:`apps.mappings.preview.preview`.
    """
    if reassign_to is not None:
        _require_fit(row, reassign_to)
    match row:
        case FlowStep():
            _move(StatusMapping, "flow_step", row, reassign_to)
        case StandardType():
            _move(WorkItemTypeMapping, "standard_type", row, reassign_to)
        case Workflow():
            _move(TypeWorkflow, "workflow", row, reassign_to)
            if row.is_default:
                _hand_over_default(row, reassign_to)
        case StatusMapping() | WorkItemTypeMapping() if reassign_to is not None:
            setattr(row, target_field(type(row)), reassign_to)
            row.save()
            return
    row.delete()


def targets_of(row: MappingModel) -> QuerySet[Any]:
    """The active rows of the tenant that can take over from ``row``; for a mapping, its other possible targets."""
    match row:
        case FlowStep() | StatusMapping():
            rows: QuerySet[Any] = (
                FlowStep.objects.for_tenant(row.tenant_id).filter(workflow=row.workflow_id).select_related("workflow")
            )
        case StandardType() | WorkItemTypeMapping():
            rows = StandardType.objects.for_tenant(row.tenant_id)
        case Workflow():
            rows = Workflow.objects.for_tenant(row.tenant_id)
        case _:
            return type(row).across_tenants.none()
    return rows.filter(is_active=True).exclude(pk=getattr(row, f"{target_field(type(row))}_id", row.pk))


def target_field(model: type[MappingModel]) -> str:
    """The field that holds the target of a mapping; "" for other tables."""
    fields: dict[type[MappingModel], str] = {StatusMapping: "flow_step", WorkItemTypeMapping: "standard_type"}
    return fields.get(model, "")


def _require_fit(row: MappingModel, reassign_to: MappingModel) -> None:
    if reassign_to not in targets_of(row):
        raise ValidationError(
            f"“{reassign_to}” cannot replace “{row}”. Choose another active row of the same kind"
            " (for a flow step, in the same workflow)."
        )


def _move(model: type[MappingModel], field: str, row: MappingModel, reassign_to: MappingModel | None) -> None:
    """Reassign the rows of ``model`` that use ``row`` to ``reassign_to``; refuse if some use it and it is ``None``."""
    users = model.across_tenants.filter(**{field: row})
    if reassign_to is not None:
        users.update(**{field: reassign_to})
    elif count := users.count():
        what = model._meta.verbose_name_plural if count > 1 else model._meta.verbose_name
        raise ValidationError(f"“{row}” is used by {count} {what}. Choose a replacement.")


def _hand_over_default(row: Workflow, reassign_to: MappingModel | None) -> None:
    if not isinstance(reassign_to, Workflow):
        raise ValidationError(f"“{row}” is the default workflow. Choose another workflow as the default.")
    row.is_default, reassign_to.is_default = False, True
    row.save(update_fields=["is_default"])
    reassign_to.save(update_fields=["is_default"])
