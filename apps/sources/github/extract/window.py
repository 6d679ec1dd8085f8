"""Which records of a repository does this run want? Its range, for lists that are sorted by time."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.sources.base import Context


@dataclass(frozen=True)
class TimeWindow:
    """``since`` <= time < ``until``; ``None`` is no bound. A record whose time is unknown belongs to it."""

    since: datetime | None
    until: datetime | None

    @property
    def is_open(self) -> bool:
        """Whether everything is wanted: then the provider's totals are ours."""
        return self.since is None and self.until is None

    def has_time(self, moment: datetime | None) -> bool:
        """Whether a record of that time belongs to the range."""
        return not self.is_after(moment) and not (self.until and moment and moment >= self.until)

    def is_after(self, moment: datetime | None) -> bool:
        """Whether the range begins after ``moment``: a list sorted newest first has left it for good."""
        return bool(self.since and moment and moment < self.since)


def time_window(context: Context, scope: str, lag: timedelta = timedelta()) -> TimeWindow:
    """The range of ``scope``, begun ``lag`` earlier for records that change without moving in their list."""
    since = context.since(scope)
    return TimeWindow(since - lag if since else None, context.until())
