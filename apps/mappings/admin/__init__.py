"""How do people edit mappings? On admin pages that preview every change before it is saved."""

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
