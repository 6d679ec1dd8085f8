"""How are jobs created, and what is deleted with a job?"""

from itertools import chain, count
from typing import cast

from apps.integrations.models import Integration
from apps.jobs.models import Job
from apps.progress.models import RunProgress

VECTORIZATION = "vectorization"


def create_job(integration: Integration) -> Job:
    """Create the job of an integration and return it; create the tenant's vectorization job if there is none yet."""
    tenant_id = integration.tenant_id
    Job.across_tenants.get_or_create(
        tenant_id=tenant_id,
        job_type=VECTORIZATION,
        integration=None,
        defaults={"name": _free_name(tenant_id, VECTORIZATION, VECTORIZATION)},
    )
    name = _free_name(tenant_id, integration.name, integration.provider)
    job, _ = Job.across_tenants.get_or_create(
        integration=integration, defaults={"tenant_id": tenant_id, "name": name, "job_type": integration.provider}
    )
    return job


def _free_name(tenant_id: int, name: str, job_type: str) -> str:
    """``name``, or a similar one if another job of the tenant has it already: people may rename jobs."""
    taken = set(Job.objects.for_tenant(tenant_id).values_list("name", flat=True))
    max_length = cast(int, Job._meta.get_field("name").max_length)
    endings = chain(("", f"-{job_type}"), (f"-{job_type}-{number}" for number in count(2)))
    names = (name[: max_length - len(ending)] + ending for ending in endings)
    return next(name for name in names if name not in taken)


def delete_progress(instance: Job, **_: object) -> None:
    """Delete the progress and the logs of a job's runs before Django deletes the job: no foreign key does it."""
    RunProgress.across_tenants.filter(job_id=instance.pk).delete()
