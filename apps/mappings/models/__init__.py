"""Which tables do people edit to map a provider's types and statuses, and which views apply these mappings?"""

from apps.mappings.models.base import NAME_LENGTH, MappingModel
from apps.mappings.models.flow import FlowStep, StatusMapping, TypeWorkflow, Workflow
from apps.mappings.models.work_item_types import StandardType, WorkItemHierarchy, WorkItemTypeMapping
from apps.mappings.resolve import ChangeFlow, IssueFlow

__all__ = [
    "NAME_LENGTH",
    "ChangeFlow",
    "FlowStep",
    "IssueFlow",
    "MappingModel",
    "StandardType",
    "StatusMapping",
    "TypeWorkflow",
    "WorkItemHierarchy",
    "WorkItemTypeMapping",
    "Workflow",
]
