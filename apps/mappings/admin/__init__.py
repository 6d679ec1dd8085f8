"""How do people edit mappings? Full admin pages; every change is shown before it holds."""

from apps.mappings.admin.flow import FlowStepAdmin, StatusMappingAdmin, TypeWorkflowAdmin, WorkflowAdmin
from apps.mappings.admin.work_item_types import (
    StandardTypeAdmin,
    WorkItemHierarchyAdmin,
    WorkItemTypeMappingAdmin,
)

__all__ = [
    "FlowStepAdmin",
    "StandardTypeAdmin",
    "StatusMappingAdmin",
    "TypeWorkflowAdmin",
    "WorkItemHierarchyAdmin",
    "WorkItemTypeMappingAdmin",
    "WorkflowAdmin",
]
