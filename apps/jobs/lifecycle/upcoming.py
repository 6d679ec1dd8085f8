"""What does a schedule mean, in words and in times? For the API, the pages and the admin site."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.dateformat import format as formatted

from apps.jobs.lifecycle.planning import coming_runs, schedule_of
from apps.jobs.lifecycle.schedule import Schedule
from apps.jobs.models import Job

TIME_FORMAT = "D j M Y, H:i T"


def upcoming(job: Job) -> dict[str, Any]:
    """What the stored schedule of a job means."""
    return describe(schedule_of(job), coming_runs(job))


def describe(schedule: Schedule, times: list[datetime]) -> dict[str, Any]:
    """A schedule in words with its next times, in the time zone of its rule and in that of the reader."""
    return {
        "description": str(schedule),
        "occurrences": [
            {
                "at": moment,
                "local": formatted(moment.astimezone(schedule.zone), TIME_FORMAT),
                "here": formatted(timezone.localtime(moment), TIME_FORMAT),
            }
            for moment in times
        ],
    }
