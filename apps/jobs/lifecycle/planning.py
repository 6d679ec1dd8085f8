"""When does a job run next, and who has changed that? The settings of a job and its planned next run."""

from collections.abc import Mapping
from datetime import datetime

from django.db import connection, transaction

from apps.jobs.lifecycle.schedule import NEXT_TIMES, Schedule, occurrences
from apps.jobs.lifecycle.transitions import SETTINGS_CHANGED, lock
from apps.jobs.models import Job, StateChange

# The settings that say when a job runs, and all settings of a job.
WHEN = ("is_active", "interval_minutes", "rule", "time_zone")
SETTINGS = (*WHEN, "retry_minutes", "max_retries", "sweep_hours")


def schedule_of(job: Job) -> Schedule:
    """The schedule of a job."""
    return Schedule(job.interval_minutes, job.rule, job.time_zone)


def database_time() -> datetime:
    """The time by the database's clock, which all processes share."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        (moment,) = cursor.fetchone()
    assert isinstance(moment, datetime)
    return moment


def next_run(job: Job, moment: datetime | None = None) -> datetime | None:
    """When a job that starts at ``moment`` (now) runs again; ``None`` for a job that is switched off."""
    if not job.is_active:
        return None
    (coming,) = occurrences(schedule_of(job), moment or database_time(), 1)
    return coming


def coming_runs(job: Job, number: int = NEXT_TIMES) -> list[datetime]:
    """The next runs as they are planned now: the stored one, which may be due, and those that follow from it."""
    if not job.is_active or job.next_run is None:
        return []
    return [job.next_run, *occurrences(schedule_of(job), max(job.next_run, database_time()), number - 1)]


def plan_next_runs() -> None:
    """Give every active job a next run that is at most one period away, and every other job none.

    A wrong clock may have planned a run in the far future. A job that is due is not changed: it starts once, even if
    it missed several times.
    """
    Job.across_tenants.filter(is_active=False, next_run__isnull=False).update(next_run=None)
    now = database_time()
    for job in Job.across_tenants.filter(is_active=True).exclude(next_run__lte=now):
        coming = next_run(job, now)
        if job.next_run is None or (coming and job.next_run > coming):
            Job.across_tenants.filter(pk=job.pk, next_run=job.next_run).update(next_run=coming)


def change_settings(job: Job, *, actor: str, values: Mapping[str, object], reason: str = "") -> None:
    """Store valid settings (see :class:`~apps.jobs.forms.ScheduleForm`); the history says who changed what and why."""
    with transaction.atomic():
        locked = lock(job.pk)
        changed = {name: value for name, value in values.items() if getattr(locked, name) != value}
        if not changed:
            return
        sentences = [_sentence(name, getattr(locked, name), value) for name, value in changed.items()]
        for name, value in changed.items():
            setattr(locked, name, value)
        if changed.keys() & set(WHEN):
            locked.next_run = _first_run(locked)
        locked.save(update_fields=[*changed, "next_run"])
        StateChange.objects.create(
            job=locked,
            action=SETTINGS_CHANGED,
            before=locked.state,
            after=locked.state,
            actor=actor,
            reason=" ".join(filter(None, [*sentences, reason])),
        )
    job.refresh_from_db()


def _first_run(job: Job) -> datetime | None:
    """The first run by new settings: an interval still counts from the last start."""
    if not job.is_active:
        return None
    (coming,) = occurrences(schedule_of(job), database_time(), 1, last_start=job.last_run_started_at)
    return coming


def _sentence(name: str, before: object, after: object) -> str:
    title = str(Job._meta.get_field(name).verbose_name).capitalize()  # type: ignore[union-attr]
    shown = [{"True": "yes", "False": "no", "": "none"}.get(str(value), str(value)) for value in (before, after)]
    return f"{title}: {shown[0]} → {shown[1]}."
