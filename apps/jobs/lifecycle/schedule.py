"""At which times does a schedule run? By an interval from the last start, or by a rule in the local time of a zone.

A rule is a cron expression of five fields. If the clock skips a local time in spring, that run comes once, right after
the gap. If the clock repeats a local time in autumn, that run comes once, the first time. A rule for every hour counts
real hours instead.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

NEXT_TIMES = 5  # how many are shown
FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
EVERY_HOUR = frozenset({"*", "*/1", "0-23"})


@dataclass(frozen=True)
class Schedule:
    """``rule`` in ``time_zone``; without a rule, every ``interval_minutes``."""

    interval_minutes: int = 60
    rule: str = ""
    time_zone: str = "UTC"

    @property
    def zone(self) -> ZoneInfo:
        """The time zone; raises ``ZoneInfoNotFoundError`` if its name is not valid."""
        return ZoneInfo(self.time_zone)

    def __str__(self) -> str:
        """``At 06:00 on Monday through Friday, Europe/Berlin`` or ``Every 60 minutes``."""
        if self.rule:
            return f"{CronSim(self.rule, datetime(2000, 1, 1, tzinfo=UTC)).explain()}, {self.time_zone}"
        return "Every minute" if self.interval_minutes == 1 else f"Every {self.interval_minutes} minutes"


def rule_problem(rule: str) -> str:
    """What is wrong with a rule, as a sentence; empty if nothing is wrong."""
    example = "Write a rule such as 0 6 * * 1-5 (06:00 from Monday to Friday)."
    if len(rule.split()) != len(FIELDS):
        return f"A rule has five fields: {', '.join(FIELDS)}. {example}"
    try:
        coming = next(CronSim(rule, datetime(2000, 1, 1, tzinfo=UTC)), None)
    except CronSimError as error:
        field = str(error).removeprefix("Bad ").replace("-", " ")
        return f"The {field} of this rule is not valid. {example}"
    return "" if coming else f"This rule matches no day. {example}"


def occurrences(
    schedule: Schedule, after: datetime, number: int = NEXT_TIMES, *, last_start: datetime | None = None
) -> list[datetime]:
    """The next ``number`` times after ``after``, in UTC; an interval counts from ``last_start``, or from ``after``.

    The schedule must be valid: see :func:`rule_problem`.
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
    for moment in CronSim(_wall_time_rule(schedule.rule), local):
        coming = moment.astimezone(UTC)
        # Two times in one gap are one run; the second pass through a repeated hour repeats no run.
        if coming > last:
            last = coming
            yield coming


def _wall_time_rule(rule: str) -> str:
    """The same rule, written so that cronsim counts local times: neither minute nor hour begins with a star."""
    minute, hour, *days = rule.split()
    if hour in EVERY_HOUR:
        return " ".join((minute, "*", *days))
    return " ".join((minute.replace("*", "0-59"), hour.replace("*", "0-23"), *days))
