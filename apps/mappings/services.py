"""How do mappings come about by themselves, and how do rows in use go away? Plain edits need no service."""

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
from apps.mappings.selectors import types_nobody_mapped
from apps.tenants.models import Tenant
from apps.tenants.services import locked_tenant
from apps.warehouse.models import WorkItemType


class Created(NamedTuple):
    """How many mappings :func:`create_defaults` made."""

    types: int
    statuses: int


@transaction.atomic
def create_defaults(*, tenant: Tenant, integration: Integration) -> Created:
    """Map what the integration's source reported and nobody has mapped, by name, level and category.

    Only adds: a type or status that any row (also an inactive one) maps is left alone, and so are standard types
    and workflows once the tenant has any. To keep something unmapped, deactivate its mapping; a deleted one comes
    back. Called at the end of every run: a second call adds nothing, nor does one for a source without types of
    work. What cannot be guessed stays unmapped.
    """
    if not WorkItemType.objects.for_tenant(tenant).filter(integration=integration).exists():
        return Created(0, 0)
    locked_tenant(tenant.pk)  # two runs of one tenant may end together
    if not StandardType.objects.for_tenant(tenant).exists():
        create_standard_types(tenant=tenant)
    if not Workflow.objects.for_tenant(tenant).exists():
        create_default_workflow(tenant=tenant)
    types = WorkItemTypeMapping.across_tenants.bulk_create(_guess_type_mappings(tenant, integration))
    statuses = StatusMapping.across_tenants.bulk_create(guess_status_mappings(tenant, integration))
    return Created(len(types), len(statuses))


def create_standard_types(*, tenant: Tenant) -> None:
    """Initiative, Epic, Story, Task, Bug and Sub-task, and which may be whose parent."""
    types = {
        default: StandardType.across_tenants.create(tenant=tenant, name=default.name, level=default.level)
        for default in DEFAULT_TYPES
    }
    WorkItemHierarchy.across_tenants.bulk_create(
        WorkItemHierarchy(tenant=tenant, parent=types[parent], child=types[child]) for parent, child in DEFAULT_LINKS
    )


def create_default_workflow(*, tenant: Tenant) -> Workflow:
    """A default workflow: To Do, In Progress, Review, Done."""
    workflow = Workflow.across_tenants.create(tenant=tenant, name=DEFAULT_WORKFLOW, is_default=True)
    FlowStep.across_tenants.bulk_create(
        FlowStep(tenant=tenant, workflow=workflow, name=step.name, category=step.category, position=position)
        for position, step in enumerate(DEFAULT_STEPS, 1)
    )
    return workflow


def _guess_type_mappings(tenant: Tenant, integration: Integration) -> list[WorkItemTypeMapping]:
    known = list(StandardType.objects.for_tenant(tenant).filter(is_active=True).order_by("pk"))
    mappings = []
    for reported in types_nobody_mapped(tenant, integration):
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
    """What hangs on a row: ``mappings`` that use it, ``issues`` that are what they are because of it."""

    mappings: int
    issues: int


def impact(*, row: MappingModel) -> Impact:
    """What would be affected if ``row`` went away."""
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
    """Delete any row of this app; what uses it goes to ``reassign_to`` first.

    :class:`ValidationError` says what is in use, or why ``reassign_to`` will not do. What it
    changes for issues is told beforehand by :func:`apps.mappings.preview.preview`.
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


def delete_flow_step(*, step: FlowStep, reassign_to: FlowStep | None = None) -> None:
    """Move the statuses of ``step`` to another of its workflow and delete it; see :func:`delete_row`."""
    delete_row(row=step, reassign_to=reassign_to)


def targets_of(row: MappingModel) -> QuerySet[Any]:
    """To what the users of ``row`` (or, for a mapping, what it maps) can be reassigned: active rows of its
    tenant.
    """
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
    """The field that says what a mapping maps to; "" for other rows."""
    fields: dict[type[MappingModel], str] = {StatusMapping: "flow_step", WorkItemTypeMapping: "standard_type"}
    return fields.get(model, "")


def _require_fit(row: MappingModel, reassign_to: MappingModel) -> None:
    if reassign_to not in targets_of(row):
        raise ValidationError(
            f"“{reassign_to}” cannot take over from “{row}”: choose another active row of the same kind"
            " (for a flow step, of the same workflow)."
        )


def _move(model: type[MappingModel], field: str, row: MappingModel, reassign_to: MappingModel | None) -> None:
    """Point the rows of ``model`` that use ``row`` to ``reassign_to``; refuse if there are some and it is
    None.
    """
    users = model.across_tenants.filter(**{field: row})
    if reassign_to is not None:
        users.update(**{field: reassign_to})
    elif count := users.count():
        what = model._meta.verbose_name_plural if count > 1 else model._meta.verbose_name
        raise ValidationError(f"“{row}” is used by {count} {what}: choose what to reassign to.")


def _hand_over_default(row: Workflow, reassign_to: MappingModel | None) -> None:
    if not isinstance(reassign_to, Workflow):
        raise ValidationError(f"“{row}” is the default workflow: choose which one shall be it instead.")
    row.is_default, reassign_to.is_default = False, True
    row.save(update_fields=["is_default"])
    reassign_to.save(update_fields=["is_default"])
