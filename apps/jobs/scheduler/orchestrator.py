"""What happens by itself? Due jobs begin, lost work is woken again, finished jobs are reset, failed ones retried.

:func:`tick` is called every few seconds by the scheduler; two schedulers at once do no harm, because everything it does
is a conditional change of a row. All times are compared by the database's clock.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import DurationField, ExpressionWrapper, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from apps.integrations.models import Integration
from apps.jobs.execution import completion
from apps.jobs.lifecycle import schedule, services, stopping, transitions
from apps.jobs.lifecycle.transitions import SYSTEM, WrongState
from apps.jobs.models import Job, Run
from apps.jobs.scheduler import recovery
from apps.jobs.scheduler.housekeeping import housekeeper
from apps.progress import notices
from apps.progress import services as progress
from apps.progress.choices import JobState, RunState
from apps.tenants.models import Tenant
from apps.tenants.services import locked_tenant

logger = logging.getLogger(__name__)

# A little later than the page's own countdown of 30 seconds.
RESET_AFTER = timedelta(seconds=40)
REACHABLE = Q(integration=None) | Q(integration__is_active=True)
RETRIES_LEFT = Q(retries_used__lt=F("max_retries"))


def tick() -> None:
    """Look at everything once. What fails for one run, job or tenant keeps nobody else waiting."""
    for chore in (
        stop,
        look_after,
        create_missing_jobs,
        notices.wake_due,
        reset_finished,
        retry_failed,
        schedule.plan,
        start_due,
        admit,
        housekeeper.round,
    ):
        with _apart(chore.__name__):
            chore()


def stop() -> None:
    """No run stays on STOPPING: take the next rung with each that is there."""
    for run in Run.across_tenants.filter(state=RunState.STOPPING):
        with _apart(run.pk):
            stopping.press_on(run)


def look_after() -> None:
    """Every run at work shows where it is, and goes on whatever has happened to its workers."""
    for run in Run.across_tenants.filter(state=RunState.RUNNING).select_related("job", "integration", "tenant"):
        with _apart(run.pk):
            completion.close_stages(run)
            progress.refresh(run.pk)
            recovery.give_up(run)
            recovery.recover(run)


def create_missing_jobs() -> None:
    """However an integration was added (admin, command, import): it has a job a moment later."""
    for integration in Integration.across_tenants.filter(job=None):
        with _apart(integration):
            services.create_jobs(integration)


def reset_finished() -> None:
    """No job stays on FINISHED because nobody looked."""
    finished = Job.across_tenants.filter(_passed("last_run_finished_at", Value(RESET_AFTER)), state=JobState.FINISHED)
    for job in finished:
        with _apart(job):
            _unless_changed(services.reset, job, "By itself, some time after the end of the run.")


def retry_failed() -> None:
    """A failed job is tried again on its own, shorter interval."""
    newest = Run.across_tenants.filter(job=OuterRef("pk")).order_by("-created_at")
    minutes = ExpressionWrapper(F("retry_minutes") * Value(timedelta(minutes=1)), DurationField())
    waited = _passed("failed_at", minutes)
    failed = Job.across_tenants.filter(RETRIES_LEFT, REACHABLE, state=JobState.FAILED, is_active=True)
    due = failed.annotate(failed_at=Subquery(newest.values("finished_at")[:1])).filter(waited)
    _each_once(due, _retry, lambda job: f"Automatic retry {job.retries_used + 1} of {job.max_retries}.")


def start_due() -> None:
    """Begin the jobs whose time has come; a failed one when its retries are used up."""
    startable = Q(state=JobState.READY) | Q(~RETRIES_LEFT, state=JobState.FAILED)
    due = Job.across_tenants.filter(startable, REACHABLE, is_active=True, next_run__lte=Now())
    _each_once(due, services.start, lambda job: f"Scheduled for {job.next_run:%Y-%m-%d %H:%M} UTC.")


def admit() -> None:
    """Whose turn has come begins: also where a limit was raised, or who had the turn has ended unnoticed."""
    for tenant in Tenant.objects.filter(pk__in=Run.across_tenants.filter(state=RunState.PENDING).values("tenant")):
        with _apart(tenant):
            services.admit_next(tenant)


def _retry(job: Job, *, actor: str, reason: str) -> Run:
    run = services.retry(job, actor=actor, reason=reason)
    Job.across_tenants.filter(pk=job.pk).update(retries_used=F("retries_used") + 1)
    return run


def _each_once(due: QuerySet[Job], act: Callable[..., object], reason: Callable[[Job], str]) -> None:
    """``act`` on every job that is due, unless it no longer is once it is locked: another scheduler was quicker."""
    for pk, tenant in list(due.values_list("pk", "tenant")):
        with _apart(pk), transaction.atomic():
            # Before the job, because the turn is the tenant's to give: see machine.lock().
            locked_tenant(tenant)
            transitions.lock(pk)
            job = due.filter(pk=pk).first()
            if job:
                _unless_changed(act, job, reason(job))


@contextmanager
def _apart(what: object) -> Iterator[None]:
    """Go on with the others when this one fails; a database that is away fails for all of them."""
    try:
        yield
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("The scheduler goes on without %s.", what)


def _unless_changed(control: Callable[..., object], job: Job, reason: str) -> None:
    """Somebody else may have been quicker: then there is nothing to do."""
    try:
        control(job, actor=SYSTEM, reason=reason)
    except WrongState as error:
        logger.info("Nothing to do: %s", error)


def _passed(field: str, span: Combinable) -> Q:
    """Whether ``span`` has passed since ``field``. A time to come tells of a clock that was wrong: so it has, too."""
    return Q(**{f"{field}__lte": Now() - span}) | Q(**{f"{field}__gt": Now()})
