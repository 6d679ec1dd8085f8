"""What goes with a project or repository that has another name now? Its stored records and its watermark."""

from typing import cast

from apps.jobs.models import Run, Watermark
from apps.raw import services as raw


def rename(run: Run, renamed: dict[str, str]) -> list[int]:
    """Let everything follow from the names before to the names now, all at once, in the caller's transaction.

    Gives the ids of the raw records whose rows are to be made again. A watermark that a new name had belongs to
    something that is called otherwise by now, or is gone.
    """
    integration_id = cast(int, run.integration_id)
    watermarks = Watermark.across_tenants.filter(integration=integration_id)
    synced = dict(watermarks.filter(scope__in=renamed).values_list("scope", "synced_at"))
    watermarks.filter(scope__in=[*renamed, *renamed.values()]).delete()
    Watermark.across_tenants.bulk_create(
        Watermark(tenant_id=run.tenant_id, integration_id=integration_id, scope=renamed[scope], synced_at=synced_at)
        for scope, synced_at in synced.items()
    )
    return raw.rename(renamed, integration_id=integration_id)
