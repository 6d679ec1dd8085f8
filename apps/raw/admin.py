"""How do people look at what the providers sent? Read-only.

The admin of the quarantine is in ``jobs``, because a record there can be tried again.
"""

import json

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.raw.models import RawRecord
from apps.tenants.admin_base import ReadOnlyTenantAdmin

MAX_SHOWN_CHARACTERS = 200_000  # of a payload in a page


@admin.register(RawRecord)
class RawRecordAdmin(ReadOnlyTenantAdmin):
    list_display = ("external_id", "entity", "scope", "integration", "is_current", "fetched_at", "provider_updated_at")
    list_filter = ("integration", "is_current")
    list_select_related = ("integration",)
    search_fields = ("external_id__exact", "scope__exact")
    show_full_result_count = False
    ordering = ("-pk",)
    exclude = ("payload", "exact_payload")
    readonly_fields = ("content",)

    @admin.display(description="Payload")
    def content(self, record: RawRecord) -> SafeString:
        try:
            text = json.dumps(json.loads(record.text), indent=2, ensure_ascii=False)
        except (ValueError, RecursionError):
            text = record.text
        return format_html("<pre>{}</pre>", text[:MAX_SHOWN_CHARACTERS])
