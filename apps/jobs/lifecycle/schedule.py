"""When does a job run? By an interval from its last start, or by a rule in somebody's local time.

A rule is a cron expression of five fields. A wall time that the clock skips in spring comes once, right after the gap;
one that it repeats in autumn comes once, the first time. A rule for every hour counts real hours instead.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from django.db import connection, transaction
from django.utils import timezone
from django.utils.dateformat import format as formatted

from apps.jobs.lifecycle.transitions import lock
from apps.jobs.models import Job, StateChange

SHOWN = 5
TIME = "D j M Y, H:i T"
FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
EVERY_HOUR = frozenset({"*", "*/1", "0-23"})
# The settings of a job that say when it runs, and those that say what else is done by itself.
PLAN = ("is_active", "interval_minutes", "rule", "time_zone")
SETTINGS = (*PLAN, "retry_minutes", "max_retries", "sweep_hours")


@dataclass(frozen=True)
class Schedule:
    """``rule`` in ``time_zone``, or every ``interval_minutes`` where there is no rule."""

    interval_minutes: int = 60
    rule: str = ""
    time_zone: str = "UTC"

    @property
    def zone(self) -> ZoneInfo:
        """The time zone; ``ZoneInfoNotFoundError`` for one that is not valid."""
        return ZoneInfo(self.time_zone)

    def __str__(self) -> str:
        """``At 06:00 on Monday through Friday, Europe/Berlin`` or ``Every 60 minutes``."""
        if self.rule:
            return f"{CronSim(self.rule, datetime(2000, 1, 1, tzinfo=UTC)).explain()}, {self.time_zone}"
        return "Every minute" if self.interval_minutes == 1 else f"Every {self.interval_minutes} minutes"


def of(job: Job) -> Schedule:
    """The schedule of a job."""
    return Schedule(job.interval_minutes, job.rule, job.time_zone)


def problem_of(rule: str) -> str:
    """What is wrong with a rule, as a sentence; empty when nothing is."""
    example = "Write one like 0 6 * * 1-5 (06:00 from Monday to Friday)."
    if len(rule.split()) != len(FIELDS):
        return f"A rule has five fields: {', '.join(FIELDS)}. {example}"
    try:
        coming = next(CronSim(rule, datetime(2000, 1, 1, tzinfo=UTC)), None)
    except CronSimError as error:
        field = str(error).removeprefix("Bad ").replace("-", " ")
        return f"The {field} of this rule cannot be. {example}"
    return "" if coming else f"No day is ever like that. {example}"


def occurrences(
    schedule: Schedule, after: datetime, number: int = SHOWN, *, last_start: datetime | None = None
) -> list[datetime]:
    """The next ``number`` times after ``after``, in UTC; an interval counts from ``last_start``, or from ``after``.

    The schedule must be valid: see :func:`problem_of`.
    """
    after = after.astimezone(UTC)
    if schedule.rule:
        return list(islice(_by_rule(schedule, after), number))
    step = timedelta(minutes=schedule.interval_minutes)
    first = last_start.astimezone(UTC) if last_start else after
    passed = (after - first) // step
    return [first + step * (passed + turn) for turn in range(1, number + 1)]


def _by_rule(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    local = after.astimezone(schedule.zone)
    last = after
    for moment in CronSim(_plain(schedule.rule), local):
        coming = moment.astimezone(UTC)
        # Two times in one gap are one, and the second pass through a repeated hour repeats nothing.
        if coming > last:
            last = coming
            yield coming


def _plain(rule: str) -> str:
    """The rule as cronsim takes it for wall times: it does where neither minute nor hour begins with a star."""
    minute, hour, *days = rule.split()
    if hour in EVERY_HOUR:
        return " ".join((minute, "*", *days))
    return " ".join((minute.replace("*", "0-59"), hour.replace("*", "0-23"), *days))


def database_time() -> datetime:
    """The one clock that all processes share."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        (moment,) = cursor.fetchone()
    assert isinstance(moment, datetime)
    return moment


def next_run(job: Job, moment: datetime | None = None) -> datetime | None:
    """When a job runs next that starts at ``moment`` (now); ``None`` for one that is switched off."""
    if not job.is_active:
        return None
    (coming,) = occurrences(of(job), moment or database_time(), 1)
    return coming


def coming_runs(job: Job, number: int = SHOWN) -> list[datetime]:
    """When a job runs next as it is planned now: first what is due or stored, then what follows from it."""
    if not job.is_active or job.next_run is None:
        return []
    return [job.next_run, *occurrences(of(job), max(job.next_run, database_time()), number - 1)]


def coming_of(job: Job) -> dict[str, Any]:
    """What the stored schedule of a job means, like :func:`as_coming`."""
    return as_coming(of(job), coming_runs(job))


def as_coming(planned: Schedule, moments: list[datetime]) -> dict[str, Any]:
    """A schedule in words and its next times: by the clock of its rule, and by that of who asks."""
    return {
        "description": str(planned),
        "occurrences": [
            {
                "at": moment,
                "local": formatted(moment.astimezone(planned.zone), TIME),
                "here": formatted(timezone.localtime(moment), TIME),
            }
            for moment in moments
        ],
    }


def plan() -> None:
    """Give every active job a next run that is no more than one period away, and the others none.

    A clock that was wrong for a while may have left one in a far future. What is due is left alone: it starts once,
    however many occurrences have passed.
    """
    Job.across_tenants.filter(is_active=False, next_run__isnull=False).update(next_run=None)
    now = database_time()
    for job in Job.across_tenants.filter(is_active=True).exclude(next_run__lte=now):
        coming = next_run(job, now)
        if job.next_run is None or (coming and job.next_run > coming):
            Job.across_tenants.filter(pk=job.pk, next_run=job.next_run).update(next_run=coming)


def change(job: Job, *, actor: str, values: Mapping[str, object], reason: str = "") -> None:
    """Store other settings (valid ones: see :class:`~apps.jobs.forms.ScheduleForm`), and who changed what and why."""
    with transaction.atomic():
        locked = lock(job.pk)
        changed = {name: value for name, value in values.items() if getattr(locked, name) != value}
        if not changed:
            return
        told = [_told(name, getattr(locked, name), value) for name, value in changed.items()]
        for name, value in changed.items():
            setattr(locked, name, value)
        if changed.keys() & set(PLAN):
            locked.next_run = first_run(locked)
        locked.save(update_fields=[*changed, "next_run"])
        StateChange.objects.create(
            job=locked,
            action="schedule",
            before=locked.state,
            after=locked.state,
            actor=actor,
            reason=" ".join(filter(None, [*told, reason])),
        )
    job.refresh_from_db()


def first_run(job: Job) -> datetime | None:
    """When a job runs first by new settings: an interval goes on from its last start."""
    if not job.is_active:
        return None
    (coming,) = occurrences(of(job), database_time(), 1, last_start=job.last_run_started_at)
    return coming


def _told(name: str, before: object, after: object) -> str:
    title = str(Job._meta.get_field(name).verbose_name).capitalize()  # type: ignore[union-attr]
    shown = [{"True": "yes", "False": "no", "": "none"}.get(str(value), str(value)) for value in (before, after)]
    return f"{title}: {shown[0]} → {shown[1]}."
