"""Which records of a repository does this run want? Its range, for lists that are sorted by time."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.sources.base import Context


@dataclass(frozen=True)
class TimeWindow:
    """``since`` <= time < ``until``; ``None`` is no bound. A record without a known time is inside."""

    since: datetime | None
    until: datetime | None

    @property
    def is_open(self) -> bool:
        """Whether everything is wanted. Then the provider's totals are the expected numbers."""
        return self.since is None and self.until is None

    def has_time(self, moment: datetime | None) -> bool:
        """Whether a record of that time belongs to the range."""
        return not self.is_after(moment) and not (self.until and moment and moment >= self.until)

    def is_after(self, moment: datetime | None) -> bool:
        """Whether the range begins after ``moment``. Then the rest of a list sorted newest first is too old."""
        return bool(self.since and moment and moment < self.since)


def time_window(context: Context, scope: str, lag: timedelta = timedelta()) -> TimeWindow:
    """The range of ``scope``. It begins ``lag`` earlier, because some records change without moving in their list."""
    since = context.since(scope)
    return TimeWindow(since - lag if since else None, context.until())
