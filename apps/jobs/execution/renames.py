"""What happens when a project or repository gets another name? Its stored records and its watermark follow."""

from apps.jobs.execution import holes
from apps.jobs.execution.context import integration_of
from apps.jobs.models import Run, Watermark
from apps.raw import services as raw


def rename(run: Run, renamed: dict[str, str]) -> list[int]:
    """Move everything from the old names to the new names at once, in the caller's transaction.

    Returns the ids of the raw records whose rows must be made again. A watermark that a new name already had is
    deleted: it belongs to a project or repository that now has another name or no longer exists.
    """
    integration_id = integration_of(run)
    watermarks = Watermark.across_tenants.filter(integration=integration_id)
    synced = dict(watermarks.filter(scope__in=renamed).values_list("scope", "synced_at"))
    watermarks.filter(scope__in=[*renamed, *renamed.values()]).delete()
    Watermark.across_tenants.bulk_create(
        Watermark(tenant_id=run.tenant_id, integration_id=integration_id, scope=renamed[scope], synced_at=synced_at)
        for scope, synced_at in synced.items()
    )
    holes.rename(run, renamed)
    return raw.rename(renamed, integration_id=integration_id)
