"""What does the scheduler do? It starts due jobs, wakes workers for lost work, resets and retries jobs.

The scheduler calls :func:`tick` every few seconds. Two schedulers at the same time do no harm: every change is a
conditional change of a row. All times are compared by the database's clock.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, Q, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from apps.integrations.models import Integration
from apps.jobs.execution import completion
from apps.jobs.lifecycle import services, stopping, transitions
from apps.jobs.lifecycle.admission import admit_pending_runs
from apps.jobs.lifecycle.creation import create_job
from apps.jobs.lifecycle.planning import plan_next_runs
from apps.jobs.lifecycle.transitions import SYSTEM, WrongStateError
from apps.jobs.models import Job, Run
from apps.jobs.scheduler import recovery
from apps.jobs.scheduler.housekeeping import housekeeper
from apps.jobs.selectors import REACHABLE, RETRIES_LEFT, with_automatic_retry
from apps.progress import notices
from apps.progress import services as progress
from apps.progress.choices import JobState, RunState
from apps.tenants.models import Tenant
from apps.tenants.services import locked_tenant

logger = logging.getLogger(__name__)

# The page resets a finished job itself after 30 seconds.
RESET_AFTER = timedelta(seconds=40)


def tick() -> None:
    """Do every duty once. A failure for one run, job or tenant does not stop the others.

    1. Take the phase that is due of every stop.
    2. Check the running runs: close stages, refresh the progress, wake workers for lost work.
    3. Create the jobs of new integrations.
    4. Send the notices that are due.
    5. Reset finished jobs, retry failed ones.
    6. Plan next runs, start the jobs that are due, admit the pending runs whose turn it is.
    7. Do a short round of housekeeping.
    """
    for duty in (
        end_stopping,
        check_running,
        create_missing_jobs,
        notices.resend_lost,
        reset_finished,
        retry_failed,
        plan_next_runs,
        start_due,
        admit_pending,
        housekeeper.round,
    ):
        with _apart(duty.__name__):
            duty()


def end_stopping() -> None:
    """Take the phase that is due of each stop."""
    for run in Run.across_tenants.filter(state=RunState.STOPPING):
        with _apart(run.pk):
            stopping.escalate(run)


def check_running() -> None:
    """Close the stages of every running run, show its progress, and wake workers for lost work."""
    for run in Run.across_tenants.filter(state=RunState.RUNNING).select_related("job", "integration", "tenant"):
        with _apart(run.pk):
            completion.close_stages(run)
            progress.refresh(run.pk)
            recovery.fail_poison_batches(run)
            recovery.recover(run)


def create_missing_jobs() -> None:
    """Create the job of every new integration, whether the admin, a command or an import has added it."""
    for integration in Integration.across_tenants.filter(job=None):
        with _apart(integration):
            create_job(integration)


def reset_finished() -> None:
    """Reset finished jobs whose page nobody has opened, so that no job stays on FINISHED."""
    finished = Job.across_tenants.filter(_passed("last_run_finished_at", Value(RESET_AFTER)), state=JobState.FINISHED)
    for job in finished:
        with _apart(job):
            _unless_changed(services.reset, job, "Reset automatically after the run finished.")


def retry_failed() -> None:
    """Retry every failed job whose ``retry_minutes`` have passed. A wrong clock may have stored a future time."""
    has_waited = Q(retry_at__lte=Now()) | Q(failed_at__gt=Now())
    due = with_automatic_retry(Job.across_tenants.all()).filter(has_waited)
    _each_once(due, _retry, lambda job: f"Automatic retry {job.retries_used + 1} of {job.max_retries}.")


def start_due() -> None:
    """Start the jobs that are due; a failed job only when no retries are left."""
    startable = Q(state=JobState.READY) | Q(~RETRIES_LEFT, state=JobState.FAILED)
    due = Job.across_tenants.filter(startable, REACHABLE, is_active=True, next_run__lte=Now())
    _each_once(due, services.start, lambda job: f"Scheduled for {job.next_run:%Y-%m-%d %H:%M} UTC.")


def admit_pending() -> None:
    """Admit pending runs, also after a tenant's limit was raised or a run has ended without admitting the next."""
    for tenant in Tenant.objects.filter(pk__in=Run.across_tenants.filter(state=RunState.PENDING).values("tenant")):
        with _apart(tenant):
            admit_pending_runs(tenant)


def _retry(job: Job, *, actor: str, reason: str) -> Run:
    run = services.retry(job, actor=actor, reason=reason)
    Job.across_tenants.filter(pk=job.pk).update(retries_used=F("retries_used") + 1)
    return run


def _each_once(due: QuerySet[Job], act: Callable[..., object], reason: Callable[[Job], str]) -> None:
    """``act`` on every due job that is still due once it is locked: another scheduler may have been quicker."""
    for pk, tenant in list(due.values_list("pk", "tenant")):
        with _apart(pk), transaction.atomic():
            # The tenant is locked before the job: see transitions.lock().
            locked_tenant(tenant)
            transitions.lock(pk)
            job = due.filter(pk=pk).first()
            if job:
                _unless_changed(act, job, reason(job))


@contextmanager
def _apart(what: object) -> Iterator[None]:
    """Log a failure and go on with the others. If the database is away, raise the error."""
    try:
        yield
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("The scheduler could not handle %s and goes on with the rest.", what)


def _unless_changed(control: Callable[..., object], job: Job, reason: str) -> None:
    """Perform a control; do nothing if the job's state has changed meanwhile."""
    try:
        control(job, actor=SYSTEM, reason=reason)
    except WrongStateError as error:
        logger.info("Nothing to do: %s", error)


def _passed(field: str, span: Combinable) -> Q:
    """Whether ``span`` has passed since ``field``. A future time comes from a wrong clock: it has passed, too."""
    return Q(**{f"{field}__lte": Now() - span}) | Q(**{f"{field}__gt": Now()})
