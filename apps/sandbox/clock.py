"""When do people work, and how do the two providers write a moment?

The simulation counts *work minutes* (Monday to Friday, nine hours a day), so nothing ever happens on a
Sunday. A moment is an integer of epoch milliseconds.
"""

from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

WEEKS = 78
WEEK = 5 * 9 * 60
DAY = 9 * 60
HOUR = 60
END = WEEKS * WEEK

SITE_ZONE = "America/New_York"
USER_ZONE = "Europe/Berlin"
_ZONE = ZoneInfo(SITE_ZONE)
_DAY_MS = 86_400_000
_HOUR_MS = 3_600_000


class Calendar:
    """Turns work minutes into moments; `until` is the end of the simulated history."""

    def __init__(self, until: datetime) -> None:
        self.until = int(until.timestamp() * 1000)
        self._start = self.until - WEEKS * 7 * _DAY_MS

    def moment(self, work: float) -> int:
        """Epoch milliseconds of a work minute (offices open at 07:00 UTC)."""
        week, rest = divmod(work, WEEK)
        day, minute = divmod(rest, DAY)
        return self._start + int(week * 7 + day) * _DAY_MS + 7 * _HOUR_MS + int(minute * 60_000)


class Offset:
    """How far the clock of both providers is ahead of the true time, in milliseconds; negative when it is behind."""

    def __init__(self) -> None:
        self.ms = 0


OFFSET = Offset()


def now() -> int:
    """Epoch milliseconds of the present by the providers' clock."""
    return int(datetime.now(UTC).timestamp() * 1000) + OFFSET.ms


def now_seconds() -> int:
    """Epoch seconds of the present by the providers' clock."""
    return now() // 1000


@lru_cache(maxsize=4)
def http_date(second: int) -> bytes:
    """The value of the header Date for an epoch second."""
    return format_datetime(datetime.fromtimestamp(second, UTC), usegmt=True).encode()


@lru_cache(maxsize=4096)
def _date(day: int) -> str:
    return datetime.fromtimestamp(day * 86_400, UTC).strftime("%Y-%m-%dT")


@lru_cache(maxsize=65536)
def _site_offset(hour: int) -> tuple[int, str]:
    moment = datetime.fromtimestamp(hour * 3600, _ZONE)
    offset = moment.utcoffset()
    assert offset is not None
    return int(offset.total_seconds() * 1000), moment.strftime("%z")


def _clock(rest: int) -> str:
    seconds = rest // 1000
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def jira_stamp(moment: int) -> str:
    """The time format of issues, in the site's zone and without a colon: `2026-03-02T09:15:20.417-0500`."""
    offset, sign = _site_offset(moment // _HOUR_MS)
    day, rest = divmod(moment + offset, _DAY_MS)
    return f"{_date(day)}{_clock(rest)}.{rest % 1000:03}{sign}"


def zulu_stamp(moment: int) -> str:
    """The time format of sprints: `2026-03-02T14:15:20.417Z`."""
    day, rest = divmod(moment, _DAY_MS)
    return f"{_date(day)}{_clock(rest)}.{rest % 1000:03}Z"


def github_stamp(moment: int) -> str:
    """GitHub's time format: `2026-03-02T14:15:20Z`."""
    day, rest = divmod(moment, _DAY_MS)
    return f"{_date(day)}{_clock(rest)}Z"


def maybe_stamp(moment: int | None) -> str | None:
    """GitHub's stamp, or None."""
    return None if moment is None else github_stamp(moment)
