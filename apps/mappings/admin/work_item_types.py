"""How do people edit standard types, their hierarchy, and the mappings of a provider's types?"""

from django.contrib import admin

from apps.mappings.admin.base import MappingAdmin
from apps.mappings.admin.remap import RemapAdmin
from apps.mappings.models import StandardType, WorkItemHierarchy, WorkItemTypeMapping


@admin.register(StandardType)
class StandardTypeAdmin(MappingAdmin):
    is_used_by_others = True
    list_display = ("name", "level", "is_active")
    list_editable = ("level", "is_active")
    list_filter = ("is_active", "level")
    search_fields = ("name",)


@admin.register(WorkItemHierarchy)
class WorkItemHierarchyAdmin(MappingAdmin):
    list_display = ("__str__", "is_active")
    list_editable = ("is_active",)
    list_filter = ("is_active", "parent", "child")
    list_select_related = ("parent", "child")
    search_fields = ("parent__name", "child__name")


@admin.register(WorkItemTypeMapping)
class WorkItemTypeMappingAdmin(RemapAdmin):
    list_display = ("provider_type", "integration", "standard_type", "is_active")
    list_editable = ("is_active",)
    list_filter = ("is_active", "integration", "standard_type")
    list_select_related = ("integration", "standard_type")
    search_fields = ("provider_type", "standard_type__name")
