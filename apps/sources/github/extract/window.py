"""Which records of a repository does this run want? Its range, for lists that are sorted by time."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from apps.sources.base import Context, Slice
from apps.sources.github.extract.args import ListArgs, Since


@dataclass(frozen=True)
class TimeWindow:
    """``since`` <= time < ``until``; ``None`` is no bound. A record without a known time is inside."""

    since: datetime | None
    until: datetime | None

    @property
    def is_open(self) -> bool:
        """Whether everything is wanted. Then the provider's totals are the expected numbers."""
        return self.since is None and self.until is None

    def reaches_back(self, lag: timedelta) -> "TimeWindow":
        """The same range, begun ``lag`` earlier: some records change without moving in their list."""
        return TimeWindow(self.since - lag if self.since else None, self.until)

    def has_time(self, moment: datetime | None) -> bool:
        """Whether a record of that time belongs to the range."""
        return not self.is_after(moment) and not (self.until and moment and moment >= self.until)

    def is_after(self, moment: datetime | None) -> bool:
        """Whether the range begins after ``moment``. Then the rest of a list sorted newest first is too old."""
        return bool(self.since and moment and moment < self.since)


def time_window(context: Context, scope: str) -> TimeWindow:
    """The range of ``scope``."""
    return TimeWindow(context.since(scope), context.until())


def list_window(context: Context, slice_: Slice) -> TimeWindow:
    """The range of a list: that of its repository, unless the slice has a beginning of its own."""
    return window_since(context, slice_.scope, slice_.read(ListArgs).since)


def window_since(context: Context, scope: str, since: Since) -> TimeWindow:
    """The range that begins at ``since``; unset: as the run has it for ``scope``."""
    return time_window(context, scope) if since is msgspec.UNSET else TimeWindow(since, context.until())
