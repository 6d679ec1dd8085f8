"""What can a person do about records that were set aside? Retry them, or dismiss them with a reason."""

from dataclasses import dataclass, field

from django.db import transaction
from django.db.models.functions import Now

from apps.jobs.choices import RunMode
from apps.jobs.execution import retransform
from apps.jobs.lifecycle import services, transitions
from apps.jobs.lifecycle.run_request import RunRequest
from apps.jobs.lifecycle.transitions import WrongStateError
from apps.jobs.models import Job, Run
from apps.jobs.queue import batches
from apps.progress import services as progress
from apps.progress.choices import JobState
from apps.raw.models import Quarantine, QuarantineState
from apps.raw.selectors import QuarantineQuery, quarantined
from apps.sources.definition import Stage
from apps.tenants.models import Tenant
from apps.tenants.services import locked_tenant

REASON_MISSING = "Say why these records are dismissed: the reason is kept with them."


class MissingReasonError(ValueError):
    """A person has to give a reason to dismiss records."""


@dataclass
class QuarantineRetry:
    """The runs that retry ``records`` records; ``refused`` says why the records of other jobs are not retried."""

    runs: list[Run] = field(default_factory=list)
    records: int = 0
    refused: list[str] = field(default_factory=list)


def retry(tenant: Tenant, wanted: QuarantineQuery, *, actor: str, reason: str = "") -> QuarantineRetry:
    """Transform or embed the records again from what is stored: one run for each integration."""
    found: dict[int, list[Quarantine]] = {}
    for record in quarantined(tenant, wanted).exclude(state=QuarantineState.RESOLVED).order_by("pk").iterator():
        found.setdefault(record.integration_id, []).append(record)
    jobs = {job.integration_id: job for job in Job.objects.for_tenant(tenant).filter(integration__in=found)}
    retried = QuarantineRetry()
    for integration_id, records in found.items():
        try:
            retried.runs.append(_retry(tenant, jobs[integration_id], records, actor, reason))
            retried.records += len(records)
        except WrongStateError as error:
            retried.refused.append(str(error))
    return retried


def _retry(tenant: Tenant, job: Job, records: list[Quarantine], actor: str, reason: str) -> Run:
    with transaction.atomic():
        locked_tenant(tenant.pk)
        if transitions.lock(job.pk).state == JobState.FAILED:
            raise WrongStateError(
                f"Job {job.name!r} has failed: retry it or start a new run first, then retry these records."
            )
        many = f"{len(records):,} record{'' if len(records) == 1 else 's'} set aside"
        run = services.start(
            job, actor=actor, request=RunRequest(RunMode.RETRANSFORM), reason=reason or f"Retry of {many}"
        )
        new_batches = retransform.retry_batches(run, records)
        batches.add(run, new_batches)
        for new in new_batches:
            progress.count(run.pk, new.step, new.stage, total=new.size)
        Quarantine.across_tenants.filter(pk__in=[record.pk for record in records]).update(
            state=QuarantineState.OPEN, settled_at=None, settled_by="", reason=""
        )
    return run


def dismiss(tenant: Tenant, wanted: QuarantineQuery, *, actor: str, reason: str) -> int:
    """Dismiss the open records; returns how many. Raises :class:`MissingReasonError` without a reason."""
    if not reason.strip():
        raise MissingReasonError(REASON_MISSING)
    return (
        quarantined(tenant, wanted)
        .filter(state=QuarantineState.OPEN)
        .update(state=QuarantineState.DISMISSED, settled_at=Now(), settled_by=actor, reason=reason.strip())
    )


def can_retry(record: Quarantine) -> bool:
    """Whether enough of a record is stored to retry it."""
    return record.state != QuarantineState.RESOLVED and (record.raw_id is not None or record.stage == Stage.EMBEDDING)
