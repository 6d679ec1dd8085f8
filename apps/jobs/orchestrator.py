"""What happens by itself? Due jobs begin, lost work is woken again, finished jobs are reset, failed ones retried.

:func:`tick` is called every few seconds by the scheduler; two schedulers at once do no harm, because everything it does
is a conditional change of a row.
"""

import logging
from collections.abc import Callable
from datetime import timedelta

from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from apps.integrations.models import Integration
from apps.jobs import completion, reaper, services
from apps.jobs.choices import JobState, RunState
from apps.jobs.machine import SYSTEM, WrongState
from apps.jobs.models import Job, Run
from apps.progress import services as progress
from apps.tenants.models import Tenant

logger = logging.getLogger(__name__)

# A little later than the page's own countdown of 30 seconds.
RESET_AFTER = timedelta(seconds=40)


def tick() -> None:
    """Look at everything once."""
    for run in Run.across_tenants.filter(state=RunState.RUNNING).select_related("job", "integration", "tenant"):
        completion.close_stages(run)
        progress.refresh(run.pk)
        reaper.recover(run)
    create_missing_jobs()
    reset_finished()
    retry_failed()
    start_due()
    for tenant in Tenant.objects.filter(pk__in=Run.across_tenants.filter(state=RunState.PENDING).values("tenant")):
        services.admit_next(tenant)


def create_missing_jobs() -> None:
    """However an integration was added (admin, command, import): it has a job a moment later."""
    for integration in Integration.across_tenants.filter(job=None):
        services.create_jobs(integration)


def reset_finished() -> None:
    """No job stays on FINISHED because nobody looked."""
    finished = Job.across_tenants.filter(state=JobState.FINISHED, last_run_finished_at__lt=Now() - RESET_AFTER)
    for job in finished:
        try:
            services.reset(job, actor=SYSTEM)
        except WrongState as error:
            logger.info("Not reset: %s", error)


def retry_failed() -> None:
    """A failed job is tried again on its own, shorter interval."""
    failed = Job.across_tenants.filter(state=JobState.FAILED, is_active=True, retries_used__lt=F("max_retries"))
    for job in failed.select_related("tenant"):
        finished_at = services.current_run(job).finished_at
        if finished_at and finished_at + timedelta(minutes=job.retry_minutes) <= timezone.now():
            Job.across_tenants.filter(pk=job.pk).update(retries_used=F("retries_used") + 1)
            _unless_changed(services.retry, job, "Automatic retry")


def start_due() -> None:
    """Begin the jobs whose time has come."""
    due = Job.across_tenants.filter(Q(integration=None) | Q(integration__is_active=True)).filter(
        state=JobState.READY, is_active=True, next_run__lte=Now()
    )
    for job in due.select_related("tenant"):
        _unless_changed(services.start, job, "Scheduled")


def _unless_changed(control: Callable[..., Run], job: Job, reason: str) -> None:
    """Somebody else may have been quicker: then there is nothing to do."""
    try:
        control(job, actor=SYSTEM, reason=reason)
    except WrongState as error:
        logger.info("Nothing to do: %s", error)
